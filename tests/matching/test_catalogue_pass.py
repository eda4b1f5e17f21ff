"""One pass over a catalogue against sorting all float64 scores."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import InputError
from llmrec.llm.embedder import Rows
from llmrec.matching import best_so_far, catalogue_pass, products
from llmrec.matching.best_so_far import Best
from llmrec.matching.block_scoring import Positions, chunks
from llmrec.matching.catalogue_pass import best_items, nearest
from llmrec.matching.language_offsets import LanguageOffsets
from llmrec.matching.profile_match import Taste, score_similarities
from llmrec.matching.similarity import HubStatistics, exact_cosines, hub_statistics
from llmrec.matching.taste_scoring import TasteScoring

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(params=["as it is", "small blocks"], autouse=True)
def block_sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also run with blocks, chunks and memory so small that few items need several of each."""
    if request.param == "small blocks":
        for name, size in [
            ("_FIRST_ITEMS", 2), ("_MAX_ITEMS", 7), ("_BLOCK_PRODUCTS", 40), ("_MAX_KEPT", 30),
        ]:  # fmt: skip
            monkeypatch.setattr(catalogue_pass, name, size)
        for name, size in [("_MANY_NUMBERS", 0), ("_LONG", 0), ("_SMALL", 100), ("_STEP", 1)]:
            monkeypatch.setattr(products, name, size)
        monkeypatch.setattr("llmrec.matching.block_scoring.MAX_QUERIES", 5)
        monkeypatch.setattr(best_so_far, "_SPARE_PAIRS", 3)
        monkeypatch.setattr(best_so_far, "_SPARE_HITS", 3)
        monkeypatch.setattr(best_so_far, "_EXACT_ITEMS", 4)


def some_rows(rng: np.random.Generator, n: int, dim: int, n_different: int) -> Rows:
    """Unit rows of which only so many differ, some of them by the last bit only."""
    rows = rng.normal(size=(n_different, dim))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    rows = rows[rng.integers(0, n_different, n)]
    nudged = rng.random((n, dim)) < 0.1
    return np.where(nudged & (rng.random((n, 1)) < 0.3), np.nextafter(rows, np.float32(2)), rows)


def some_taste(rng: np.random.Generator, rows: Rows, dim: int) -> Taste:
    n = int(rng.integers(1, 6))
    queries = some_rows(rng, n, dim, n)
    near = rng.random(n) < 0.3
    queries[near] = rows[rng.integers(0, len(rows), int(near.sum()))]
    return Taste(
        names=tuple(map(str, range(n))),
        weights=rng.choice([0.01, 0.3, 0.3, 1.0], n),
        is_like=rng.random(n) < rng.choice([0, 0.6, 1]),
        queries=queries,
        languages=tuple(rng.choice(["a", "b", "unknown"], n).tolist()),
    )


def some_hub(rng: np.random.Generator, rows: Rows, dim: int) -> HubStatistics:
    """Statistics of which some items' deviation is nothing, or next to it; some by language."""
    offsets = None
    if rng.random() < 0.4:
        table = rng.normal(size=(2, 3)) / 10
        offsets = LanguageOffsets(("a", "b"), table, rng.integers(0, 3, len(rows)))
    hub = hub_statistics(rows, some_rows(rng, 5, dim, 4), offsets, ("a", "a", "b", "b", "c"))
    odd = rng.random(len(rows)) < 0.2
    hub.deviation[odd] = rng.choice([0, 2e-6, 1e-4], int(odd.sum()))
    return hub


def reference(
    scores: np.ndarray[tuple[int], np.dtype[np.float64]],
    k: int,
    left_out: Positions,
    only: Positions | None,
) -> list[int]:
    allowed = range(len(scores)) if only is None else only.tolist()
    wanted = [place for place in allowed if place not in left_out]
    return sorted(wanted, key=lambda place: (-scores[place], place))[:k]


def masks(
    rng: np.random.Generator, n: int, n_users: int
) -> tuple[list[Positions], Positions | None]:
    left_out = [
        np.flatnonzero(rng.random(n) < rng.choice([0, 0.3, 1], p=[0.5, 0.4, 0.1]))
        for _ in range(n_users)
    ]
    only = np.flatnonzero(rng.random(n) < rng.choice([0, 0.2, 0.97]))
    return left_out, only if rng.random() < 0.5 else None


def same(found: Sequence[Best], expected: Sequence[Best]) -> bool:
    return all(
        np.array_equal(one.positions, other.positions) and np.array_equal(one.scores, other.scores)
        for one, other in zip(found, expected, strict=True)
    )


@settings(deadline=None, max_examples=100)
@given(SEEDS, st.integers(1, 60), st.integers(1, 9), st.integers(1, 12), st.integers(1, 70))
def test_nearest_is_a_sort_of_all_products(
    seed: int, n: int, dim: int, n_queries: int, k: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = some_rows(rng, n, dim, int(rng.integers(1, n + 1)))
    queries = some_rows(rng, n_queries, dim, n_queries)
    left_out, only = masks(rng, n, n_queries)
    found = nearest(queries, rows, k, left_out=left_out, only=only)
    products = exact_cosines(queries, rows)
    for user, best in enumerate(found):
        assert best.positions.tolist() == reference(products[user], k, left_out[user], only)
        assert np.array_equal(best.scores, products[user][best.positions])


@settings(deadline=None, max_examples=150)
@given(SEEDS, st.integers(1, 60), st.integers(1, 9), st.integers(1, 6), st.integers(1, 70))
def test_tastes_are_scored_as_if_every_score_were_known(
    seed: int, n: int, dim: int, n_users: int, k: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = some_rows(rng, n, dim, int(rng.integers(1, n + 1)))
    tastes = [some_taste(rng, rows, dim) for _ in range(n_users)]
    hub = some_hub(rng, rows, dim) if rng.random() < 0.7 else None
    left_out, only = masks(rng, n, n_users)
    users = list(chunks(np.array([len(taste.weights) for taste in tastes])))
    found = best_items(
        [TasteScoring(tastes[some], rows, hub) for some in users],
        rows, k, left_out=left_out, only=only,
    )  # fmt: skip
    for taste, unwanted, best in zip(tastes, left_out, found, strict=True):
        scores = score_similarities(taste, exact_cosines(taste.queries, rows), hub).scores
        assert best.positions.tolist() == reference(scores, k, unwanted, only)
        assert np.array_equal(best.scores, scores[best.positions])


@settings(deadline=None, max_examples=50)
@given(SEEDS, st.integers(1, 60), st.integers(1, 20))
def test_one_alone_is_the_same_as_among_many_and_a_longer_list_begins_with_the_shorter(
    seed: int, n: int, k: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = some_rows(rng, n, 8, int(rng.integers(1, n + 1)))
    queries = some_rows(rng, 9, 8, 9)
    many = nearest(queries, rows, k)
    alone = [nearest(queries[user : user + 1], rows, k)[0] for user in range(9)]
    assert same(many, alone)
    longer = nearest(queries, rows, k + 1)
    assert same(many, [Best(one.positions[:k], one.scores[:k]) for one in longer])


def test_there_may_be_nobody() -> None:
    rows = np.eye(3, dtype=np.float32)
    assert nearest(rows[:0], rows, 4) == []


def test_a_list_of_nothing_is_refused() -> None:
    rows = np.eye(3, dtype=np.float32)
    with pytest.raises(InputError, match="at least 1"):
        nearest(rows, rows, 0)
