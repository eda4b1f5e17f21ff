"""The exact k best."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.matching.top_k import top_k

SCORES = st.lists(st.sampled_from([-1.5, -0.0, 0.0, 0.25, 3.0, 7.5]), max_size=30)


@settings(deadline=None)
@given(SCORES, st.integers(0, 35), st.sets(st.integers(0, 29)))
def test_top_k_is_a_sort_by_score_then_position(
    scores: list[float], k: int, left_out: set[int]
) -> None:
    by_score = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    expected = [place for place in by_score if place not in left_out][:k]
    assert top_k(np.array(scores), k, sorted(left_out)).tolist() == expected


@settings(deadline=None)
@given(SCORES, st.integers(0, 35), st.sets(st.integers(0, 29)))
def test_a_longer_list_begins_with_the_shorter(
    scores: list[float], k: int, left_out: set[int]
) -> None:
    shorter = top_k(np.array(scores), k, sorted(left_out)).tolist()
    longer = top_k(np.array(scores), k + 1, sorted(left_out)).tolist()
    assert longer[: len(shorter)] == shorter
    assert len(longer) - len(shorter) in (0, 1)


def test_where_there_are_fewer_than_k_all_come_back() -> None:
    assert top_k(np.array([1.0, 3.0, 2.0]), 9).tolist() == [1, 2, 0]
    assert top_k(np.array([1.0, 3.0, 2.0]), 9, [0, 1, 2]).tolist() == []
