"""The profile match as a part gives what recommendations are ranked by."""

from dataclasses import replace

import numpy as np
import pytest
from people import person

from llmrec.matching.profile_match import Taste, score_taste
from llmrec.matching.profile_part import Dislikes, ProfileMatch
from llmrec.matching.similarity import (
    HubStatistics,
    cosines,
    dislike_penalty,
    hub_statistics,
    soft_maximum,
)

RANDOM = np.random.default_rng(1)


def unit_rows(n: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rows = RANDOM.normal(size=(n, 8))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


ROWS, BANK = unit_rows(5), unit_rows(60)
HUB = hub_statistics(ROWS, BANK)
TASTE = Taste(
    names=("x", "y", "z"),
    weights=np.array([1.0, 0.5, 0.8]),
    is_like=np.array([True, True, False]),
    queries=unit_rows(3),
)


def scores(taste: Taste | None, hub: HubStatistics | None = None) -> list[float]:
    somebody = replace(person("abcde", "a"), taste=taste)
    return ProfileMatch(ROWS, hub).scores(somebody).tolist()


def only(*places: int) -> Taste:
    chosen = list(places)
    return Taste(("",), TASTE.weights[chosen], TASTE.is_like[chosen], TASTE.queries[chosen])


def test_corrected_for_hubs_it_is_likes_minus_the_penalty_of_dislikes() -> None:
    z = HUB.standardise(cosines(TASTE.queries, ROWS))
    expected = soft_maximum(z[:2], TASTE.weights[:2], 0.5) - dislike_penalty(
        z[2:], TASTE.weights[2:]
    )
    assert scores(TASTE, HUB) == expected.tolist()


def test_plain_cosine_looks_at_the_likes_only() -> None:
    cosine = cosines(TASTE.queries, ROWS)
    assert scores(TASTE) == soft_maximum(cosine[:2], TASTE.weights[:2], 0.01).tolist()


def test_without_likes_only_the_penalty_counts() -> None:
    penalty = dislike_penalty(HUB.standardise(cosines(TASTE.queries[2:], ROWS)), TASTE.weights[2:])
    assert scores(only(2), HUB) == (-penalty).tolist()
    assert scores(only(2)) == [0] * 5


def test_without_a_taste_or_without_interests_all_items_score_0() -> None:
    assert scores(None, HUB) == scores(only(), HUB) == scores(only()) == [0] * 5


@pytest.mark.parametrize("languages", [(), ("en", "zh", "en")])
def test_dislikes_alone_are_the_penalty(languages: tuple[str, ...]) -> None:
    taste = replace(TASTE, languages=languages)
    somebody = replace(person("abcde", "a"), taste=taste)
    penalty = score_taste(taste, ROWS, HUB).penalty
    assert Dislikes(ROWS, HUB).scores(somebody) == pytest.approx(-penalty, abs=1e-6)
    assert taste.dislikes.names == ("z",)
    for nothing in (None, only(0, 1)):
        assert not Dislikes(ROWS, HUB).scores(replace(somebody, taste=nothing)).any()
