"""Parts are standardised for the person, weighted and added up; what each adds is kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import person

from llmrec.matching.part import Person
from llmrec.matching.scoring import Score, standardised, standardised_parts
from llmrec.matching.similarity import Float64

NOBODY = person("abcd", "")
finite = st.floats(-1e6, 1e6)


class Fixed:
    """A part that scores alike for everybody."""

    def __init__(self, *scores: float) -> None:
        self._scores = np.array(scores, np.float64)

    def scores(self, person: Person) -> Float64:
        return self._scores.copy()


def rows(*places: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.array(places, np.intp)


def test_mean_and_deviation_are_those_of_the_items_not_reviewed() -> None:
    found = standardised(np.array([1.0, 3, 100, 5]), rows(2, 2))
    assert found.deviation == pytest.approx(np.std([1, 3, 5]))
    assert found.z[[0, 1, 3]].tolist() == pytest.approx([-(1.5**0.5), 0, 1.5**0.5])


@given(st.sets(st.integers(-1000, 1000), min_size=2), st.floats(0.01, 100), st.floats(-9e3, 9e3))
def test_the_scale_of_a_part_does_not_matter(chosen: set[int], factor: float, add: float) -> None:
    scores = np.array(list(chosen), np.float64)
    z = standardised(scores, rows()).z
    assert standardised(scores * factor + add, rows()).z == pytest.approx(z, abs=1e-6)
    assert (z.mean(), z.std()) == pytest.approx((0, 1), abs=1e-9)


@pytest.mark.parametrize(
    ("scores", "reviewed"),
    [((2.0, 2.0, 2.0), ()), ((0.1 + 0.2, 0.3, 0.3), ()), ((5.0, 1.0, 1.0), (0,)), ((1.0,), (0,))],
)
def test_a_part_that_tells_no_items_apart_is_flat(
    scores: tuple[float, ...], reviewed: tuple[int, ...]
) -> None:
    found = standardised(np.array(scores), rows(*reviewed))
    assert found.z.tolist() == [0] * len(scores)
    assert found.deviation == 0


@pytest.mark.parametrize("reviewed", [(0, 1, 2), (1, 2), (0, 1)])
def test_where_nothing_is_left_to_compare_with_the_scale_is_that_of_all_items(
    reviewed: tuple[int, ...],
) -> None:
    scores = np.array([5.0, 1.0, 3.0])
    found, of_all = standardised(scores, rows(*reviewed)), standardised(scores, rows())
    assert found.deviation == of_all.deviation > 0
    assert found.z.tolist() == of_all.z.tolist()


def test_the_score_is_the_weighted_mean_of_the_standardised_parts() -> None:
    parts = {"profile-hub": Fixed(1, 2, 3, 4), "popularity": Fixed(9, 0, 0, 0)}
    z = standardised_parts(parts.values(), NOBODY)
    found = Score(parts, {"profile-hub": 3, "popularity": 1, "ease": 5}, 4).fused(NOBODY)
    assert found.scores == pytest.approx((3 * z[0] + z[1]) / 4)
    assert Score(parts, {"profile-hub": 1}, 4).scores(NOBODY) == pytest.approx(z[0])
    assert found.per_unit["popularity"] == pytest.approx(0.25 / np.std([9, 0, 0, 0]))


def test_a_part_that_knows_nothing_of_the_person_leaves_the_others_their_scale() -> None:
    parts = {"profile-hub": Fixed(0, 0, 0, 0), "popularity": Fixed(9, 0, 0, 0)}
    found = Score(parts, {"profile-hub": 3, "popularity": 1}, 4).fused(NOBODY)
    assert list(found.contributions) == ["popularity"]
    assert found.scores == pytest.approx(standardised(np.array([9.0, 0, 0, 0]), rows()).z)


def test_without_any_part_all_items_score_0() -> None:
    found = Score({}, {"popularity": 1}, 4).fused(NOBODY)
    assert (found.contributions, found.scores.tolist()) == ({}, [0, 0, 0, 0])
    assert found.shares(0) == {}


@given(st.lists(st.tuples(finite, finite), min_size=3, max_size=9))
def test_shares_of_what_raises_an_item_sum_to_1(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    parts = {"profile-hub": Fixed(*first), "ease": Fixed(*second)}
    found = Score(parts, {"profile-hub": 0.7, "ease": 0.3}, len(pairs)).fused(NOBODY)
    for item in range(len(pairs)):
        shares = found.shares(item)
        raised = any(each[item] > 0 for each in found.contributions.values())
        assert sum(shares.values()) == pytest.approx(1 if raised else 0)
        assert all(share > 0 for share in shares.values())
