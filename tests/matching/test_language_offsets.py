"""What language adds to a cosine, against loops in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.llm.embedder import Rows
from llmrec.matching.language_offsets import (
    MIN_QUERIES,
    ItemLanguages,
    known_languages,
    language_offsets,
)
from llmrec.matching.similarity import cosines, hub_statistics

SEEDS = st.integers(0, 2**32 - 1)


def unit_rows(rng: np.random.Generator, n: int) -> Rows:
    rows = rng.normal(size=(n, 5))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@settings(deadline=None, max_examples=50)
@given(SEEDS, st.integers(2, 30), st.integers(20, 60))
def test_an_offset_is_the_mean_over_the_pairs_of_two_languages(
    seed: int, n_items: int, n_bank: int
) -> None:
    rng = np.random.default_rng(seed)
    rows, bank = unit_rows(rng, n_items), unit_rows(rng, n_bank)
    of_items = ["x", "y", *rng.choice(["x", "y", ""], n_items - 2)]
    of_bank = ["a"] * MIN_QUERIES + ["b"] * MIN_QUERIES
    of_bank += rng.choice(
        ["a", "b", "few", ""], n_bank - len(of_bank), p=[0.5, 0.3, 0.1, 0.1]
    ).tolist()
    offsets = language_offsets(rows, ItemLanguages.of(of_items), bank, of_bank)
    assert offsets is not None
    exact = bank.astype(np.float64) @ rows.astype(np.float64).T
    hub = hub_statistics(rows, bank, offsets, of_bank)
    known = known_languages(of_bank)
    left = exact.copy()
    for language in ("a", "b", "few", "never seen"):
        queries = np.flatnonzero([own == language for own in of_bank])
        for item in range(n_items):
            alike = [place for place, own in enumerate(of_items) if own == of_items[item]]
            expected = 0.0
            if language in known:
                gaps = exact[:, alike] - exact[:, alike].mean(axis=0)
                expected = gaps[queries].mean()
            left[queries, item] -= expected
            assert offsets.between([language])[0, item] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(hub.mean, exact.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(hub.deviation, left.std(axis=0), atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(SEEDS)
def test_what_is_left_of_a_bank_has_mean_zero_in_every_pair_of_languages(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, bank = unit_rows(rng, 12), unit_rows(rng, 30)
    of_items, of_bank = ["x", "y"] * 6, ["a", "b"] * 15
    offsets = language_offsets(rows, ItemLanguages.of(of_items), bank, of_bank)
    hub = hub_statistics(rows, bank, offsets, of_bank)
    left = hub.standardise(cosines(bank, rows), of_bank) * hub.deviation
    for query in (0, 1):
        for item in (0, 1):
            assert left[query::2, item::2].mean() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("of_items", "of_bank"),
    [
        (["x", "x"], ["a", "b"] * MIN_QUERIES),
        (["x", "y"], ["a"] * 3 * MIN_QUERIES),
        (["x", "y"], ["a"] * MIN_QUERIES + ["b"] * (MIN_QUERIES - 1)),
        (["x", "y"], ["a"] * MIN_QUERIES + [""] * MIN_QUERIES),
    ],
)
def test_one_language_adds_nothing(of_items: list[str], of_bank: list[str]) -> None:
    rng = np.random.default_rng(0)
    rows, bank = unit_rows(rng, 2), unit_rows(rng, len(of_bank))
    assert language_offsets(rows, ItemLanguages.of(of_items), bank, of_bank) is None
