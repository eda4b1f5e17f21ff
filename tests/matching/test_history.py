"""Mean vector, neighbours and EASE against plain formulas and hand-made cases."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import interactions, person

from llmrec.matching.history import Ease, ItemMean, ItemNeighbours, catalogue_hub
from llmrec.matching.similarity import Float64, cosines, hub_statistics

HISTORIES = st.lists(st.text("abcd", min_size=1, max_size=6), min_size=1, max_size=6)


def unit_rows(n: int, dim: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rows = np.random.default_rng(seed).normal(loc=0.5, size=(n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def matrix(histories: list[str]) -> Float64:
    return np.array([[float(item in items) for item in "abcd"] for items in histories])


def test_item_mean_is_the_mean_similarity_to_the_reviewed_items() -> None:
    rows = unit_rows(4, 8, seed=1)
    expected = cosines(rows, rows)[[1, 3, 3]].mean(axis=0)
    np.testing.assert_allclose(ItemMean(rows).scores(person("abcd", "bdd")), expected, atol=1e-6)


def test_item_mean_corrected_for_hubs_is_the_mean_of_the_reviewed_items_z() -> None:
    rows = unit_rows(4, 8, seed=2)
    similarities = rows.astype(np.float64) @ rows.T
    z = (similarities - similarities.mean(axis=0)) / similarities.std(axis=0)
    part = ItemMean(rows, catalogue_hub(rows))
    np.testing.assert_allclose(part.scores(person("abcd", "ab")), z[[0, 1]].mean(axis=0), atol=1e-5)


def test_the_catalogue_as_a_bank_is_what_hub_statistics_say() -> None:
    rows = unit_rows(4100, 8, seed=3)
    expected, hub = hub_statistics(rows, rows), catalogue_hub(rows)
    np.testing.assert_allclose(hub.mean, expected.mean, atol=1e-6)
    np.testing.assert_allclose(hub.deviation, expected.deviation, atol=1e-6)


def test_a_catalogue_of_one_item_is_flat() -> None:
    assert catalogue_hub(unit_rows(1, 8, seed=4)).n_flat == 1


def test_neighbours_by_hand() -> None:
    """Users of a: 0, 1; b: 0, 1, 2; c: 2; d: nobody."""
    part = ItemNeighbours(interactions("abcd", "ab", "ba", "bc"))
    a_and_b, b_and_c = 2 / (2 * 3) ** 0.5, 1 / (3 * 1) ** 0.5
    assert part.scores(person("abcd", "b")).tolist() == pytest.approx([a_and_b, 0, b_and_c, 0])
    assert part.scores(person("abcd", "bcd")).tolist() == pytest.approx(
        [a_and_b, b_and_c, b_and_c, 0]
    )


@settings(deadline=None)
@given(HISTORIES, st.text("abcd", max_size=4))
def test_neighbours_are_cosines_of_columns(histories: list[str], own: str) -> None:
    columns = matrix(histories)
    lengths = np.linalg.norm(columns, axis=0)
    similar = columns.T @ columns / np.maximum(np.outer(lengths, lengths), 1)
    np.fill_diagonal(similar, 0)
    scores = ItemNeighbours(interactions("abcd", *histories)).scores(person("abcd", own))
    chosen = sorted({"abcd".index(item) for item in own})
    np.testing.assert_allclose(scores, similar[chosen].sum(axis=0), atol=1e-12)


def test_ease_by_hand() -> None:
    """Four users, three items, λ = 1.

    G = [[2, 1, 1], [1, 2, 1], [1, 1, 3]], so G + λI = [[3, 1, 1], [1, 3, 1], [1, 1, 4]] with
    determinant 28 and adjugate [[11, -3, -2], [-3, 11, -2], [-2, -2, 8]], a multiple of P.
    """
    part = Ease(interactions("abc", "ab", "bc", "ac", "c"), regularisation=1)
    assert part.scores(person("abc", "a")).tolist() == pytest.approx([0, 3 / 11, 2 / 8])
    assert part.scores(person("abc", "c")).tolist() == pytest.approx([2 / 11, 2 / 11, 0])
    assert part.scores(person("abc", "acc")).tolist() == pytest.approx([2 / 11, 5 / 11, 2 / 8])


@settings(deadline=None)
@given(HISTORIES, st.text("abcd", max_size=4), st.sampled_from([0.5, 50.0]))
def test_ease_predicts_each_item_by_ridge_regression_on_the_others(
    histories: list[str], own: str, regularisation: float
) -> None:
    """What Steck's closed form solves: per column least squares, its own weight held at 0."""
    columns, taken = matrix(histories), np.array([float(item in own) for item in "abcd"])
    expected = []
    for item in range(4):
        others = [other for other in range(4) if other != item]
        rest = columns[:, others]
        gram = rest.T @ rest + regularisation * np.eye(3)
        expected.append(np.linalg.solve(gram, rest.T @ columns[:, item]) @ taken[others])
    part = Ease(interactions("abcd", *histories), regularisation)
    np.testing.assert_allclose(part.scores(person("abcd", own)), expected, atol=1e-12)


def test_of_more_items_than_allowed_only_the_most_reviewed_have_weights(
    caplog: pytest.LogCaptureFixture,
) -> None:
    histories = ("abc", "cb", "ba", "bd")
    with caplog.at_level(logging.WARNING):
        part = Ease(interactions("abcd", *histories), max_items=3)
    assert "the 3 most reviewed of 4 items" in caplog.text
    smaller = Ease(interactions("abc", "abc", "cb", "ba", "b"))
    scores = part.scores(person("abcd", "abd"))
    assert scores[:3].tolist() == pytest.approx(smaller.scores(person("abc", "ab")).tolist())
    assert scores[3] == 0


@pytest.mark.parametrize("histories", [(), ("x",), ("ab", "b")])
def test_who_shares_no_item_with_anybody_scores_all_0(histories: tuple[str, ...]) -> None:
    shared = interactions("abc", *histories)
    rows = unit_rows(3, 4, seed=5)
    for part in (Ease(shared), ItemNeighbours(shared), ItemMean(rows, catalogue_hub(rows))):
        assert part.scores(person("abc", "")).tolist() == [0, 0, 0]
