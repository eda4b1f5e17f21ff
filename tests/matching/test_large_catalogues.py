"""What only shows in a catalogue of many blocks: memory, and equal items by the thousand."""

import tracemalloc
from pathlib import Path

import numpy as np

from llmrec.llm.embedder import Rows
from llmrec.matching.catalogue_pass import best_items, nearest
from llmrec.matching.profile_match import Taste
from llmrec.matching.similarity import HubStatistics, exact_cosines
from llmrec.matching.taste_scoring import TasteScoring


def unit_rows(n: int, dim: int) -> Rows:
    rows = np.random.default_rng(n).standard_normal((n, dim), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_rows_that_are_all_equal_come_in_their_order() -> None:
    rows = np.tile(np.array([[0.6, 0.8]], np.float32), (5000, 1))
    queries = np.array([[1, 0], [0, -1]], np.float32)
    for best in nearest(queries, rows, 20):
        assert best.positions.tolist() == list(range(20))


def test_of_dislikes_only_the_first_that_nobody_minds_come() -> None:
    rows = unit_rows(20_000, 8)
    taste = Taste(("rain",), np.ones(1), np.zeros(1, bool), rows[:1])
    hub = HubStatistics(np.zeros(len(rows)), np.ones(len(rows)))
    (best,) = best_items([TasteScoring([taste], rows, hub)], rows, 10)
    nobody_minds = np.flatnonzero(exact_cosines(taste.queries, rows)[0] <= 0)
    assert best.positions.tolist() == nobody_minds[:10].tolist()
    assert not best.scores.any()


def test_nothing_as_large_as_the_catalogue_or_as_all_scores_is_held(tmp_path: Path) -> None:
    file = tmp_path / "rows.npy"
    np.save(file, unit_rows(100_000, 64))
    mapped = np.load(file, mmap_mode="r")
    queries = unit_rows(400, 64)
    tracemalloc.start()
    try:
        found = nearest(queries, mapped, 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [len(best.positions) for best in found] == [10] * 400
    assert peak < mapped.nbytes
    assert peak < 400 * 100_000 * 4 / 4
