"""Popularity counts users; decay makes old reviews count less."""

import math

import numpy as np
import pytest
from people import history, interactions, person, positions

from llmrec.matching.interactions import Interactions
from llmrec.matching.popularity import Popularity


def test_it_is_the_logarithm_of_one_and_the_number_of_users() -> None:
    scores = Popularity(interactions("abc", "aab", "a", "x")).scores(person("abc", "b"))
    assert scores.tolist() == pytest.approx([math.log(3), math.log(2), 0])


def test_a_review_counts_half_after_each_half_life() -> None:
    dated = Interactions.of(
        [history("u", "ab", (1, 21)), history("v", "a", (11,))], positions("abc")
    )
    scores = Popularity(dated, half_life_days=10).scores(person("abc", ""))
    assert np.expm1(scores).tolist() == pytest.approx([0.25 + 0.5, 1, 0])


def test_an_undated_review_counts_as_the_newest() -> None:
    dated = Interactions.of(
        [history("u", "a", (1,)), history("v", "b"), history("w", "c", (31,))], positions("abc")
    )
    scores = Popularity(dated, half_life_days=30).scores(person("abc", ""))
    assert np.expm1(scores).tolist() == pytest.approx([0.5, 1, 1])


@pytest.mark.parametrize("histories", [(), ("ab", "a")])
def test_without_dates_decay_changes_nothing(histories: tuple[str, ...]) -> None:
    undated, somebody = interactions("abc", *histories), person("abc", "")
    plain, decayed = Popularity(undated), Popularity(undated, half_life_days=1)
    assert decayed.scores(somebody).tolist() == plain.scores(somebody).tolist()


def test_the_scores_are_the_callers_own() -> None:
    part, somebody = Popularity(interactions("abc", "a")), person("abc", "")
    part.scores(somebody)[:] = -np.inf
    assert part.scores(somebody).tolist() == pytest.approx([math.log(2), 0, 0])
