"""A list by several parts says what share came from which interest and which other part."""

import logging
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from people import history

from llmrec.matching.content_index import ContentIndex
from llmrec.matching.fused_match import FusedMatch
from llmrec.matching.profile_match import Taste, score_taste
from llmrec.matching.score_parts import PartName
from llmrec.matching.similarity import shares
from llmrec.records.profile import InterestProfile, Source

ProfileOf = Callable[..., InterestProfile]

NOTHING = Taste((), np.zeros(0), np.zeros(0, np.bool_), np.zeros((0, 384), np.float32))


@pytest.fixture
def taste(demo_index: ContentIndex) -> Taste:
    queries = np.asarray(demo_index.rows[[3, 40, 80]])
    return Taste(("x", "y", "z"), np.array([1, 0.5, 0.8]), np.array([True, True, False]), queries)


@pytest.fixture
def profile(profile_of: ProfileOf) -> InterestProfile:
    return profile_of("u", ("x", "like", 1.0), ("y", "like", 0.5), ("z", "dislike", 0.8))


def crowd(index: ContentIndex, *places: int) -> list[object]:
    """One user for each place, who reviewed that item and the first one."""
    ids = [item.item_id for item in index.items]
    return [history(f"v{n}", [ids[0], ids[place]]) for n, place in enumerate(places)]  # type: ignore[arg-type]


def test_the_profile_alone_ranks_as_without_weights(
    demo_index: ContentIndex, taste: Taste, profile: InterestProfile
) -> None:
    hub = demo_index.hub("index")
    found = FusedMatch(demo_index, {"profile-hub": 1}).match(profile, taste, hub, 160)
    scores = score_taste(taste, demo_index.rows, hub)
    order = np.argsort(-scores.scores, kind="stable")
    assert [item.item_id for item in found.items] == [demo_index.items[n].item_id for n in order]
    assert found.parts == ("profile-hub",)
    first, place = found.items[0], order[0]
    portions = shares(scores.likes[:, [place]], taste.weights[:2], scores.temperature).ravel()
    assert {one.interest: pytest.approx(one.share) for one in first.because} == {
        name: share for name, share in zip("xy", portions, strict=True) if share >= 0.05
    }
    deviation = np.std(scores.scores)
    assert first.score == pytest.approx((scores.scores[place] - scores.scores.mean()) / deviation)
    assert first.penalty == pytest.approx(scores.penalty[place] / deviation, rel=1e-4)


def test_other_parts_have_their_share(
    demo_index: ContentIndex, taste: Taste, profile: InterestProfile
) -> None:
    matcher = FusedMatch(
        demo_index,
        {"profile-hub": 0.5, "popularity": 0.5, "ease": 0.0},
        crowd(demo_index, 7, 7, 7, 8),  # type: ignore[arg-type]
    )
    found = matcher.match(profile, taste, demo_index.hub("index"), 160)
    assert found.parts == ("profile-hub", "popularity")
    (popular,) = [item for item in found.items if item.item_id == demo_index.items[0].item_id]
    assert popular.because[0].part == "popularity"
    for item in found.items:
        assert sum(one.share for one in item.because) <= 1 + 1e-9
        assert [one.share for one in item.because] == sorted(
            (one.share for one in item.because), reverse=True
        )
    left_out = {found.items[0].item_id}
    again = matcher.match(profile, taste, demo_index.hub("index"), 3, left_out)
    assert [one.item_id for one in again.items] == [one.item_id for one in found.items[1:4]]
    only = np.array([0, 7, 9])
    chosen = matcher.match(profile, taste, demo_index.hub("index"), 160, (), only)
    expected = {demo_index.items[place].item_id for place in only}
    assert [one.item_id for one in chosen.items] == [
        one.item_id for one in found.items if one.item_id in expected
    ]


def test_the_sources_of_a_profile_are_the_items_reviewed(
    demo_index: ContentIndex, profile_of: ProfileOf
) -> None:
    hub, weights = demo_index.hub("index"), {"item-mean-hub": 0.5, "tfidf-items": 0.5}
    reviewed = demo_index.items[5].item_id
    sources = (Source("r1", reviewed, None, "d", "R1"), Source("r2", None, None, "e", None))
    nobody = profile_of("u")
    somebody = InterestProfile(
        user_id="u", language="en", summary="", interests=(), sources=sources
    )
    matcher = FusedMatch(demo_index, weights)  # type: ignore[arg-type]
    assert matcher.match(nobody, NOTHING, hub, 3).items == ()
    found = matcher.match(somebody, NOTHING, hub, 1)
    assert found.parts == ("item-mean-hub", "tfidf-items")
    assert found.items[0].item_id == reviewed
    assert found.items[0].penalty == 0
    assert matcher.lacking == {"item-mean-hub": 1, "tfidf-items": 1}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"profile-hub": 0.5, "popularity": 0.3, "ease": 0.2}, "without popularity, ease"),
        ({"profile-hub": 1.0, "popularity": 0.0}, ""),
    ],
)
def test_that_nobody_knows_what_is_popular_is_said(
    demo_index: ContentIndex,
    taste: Taste,
    caplog: pytest.LogCaptureFixture,
    weights: Mapping[PartName, float],
    said: str,
) -> None:
    with caplog.at_level(logging.WARNING, "llmrec"):
        found = FusedMatch(demo_index, weights).match(None, taste, demo_index.hub("index"), 1)
    assert found.parts == ("profile-hub",)
    assert [record.getMessage() for record in caplog.records] == (
        [f"no reviews are given: scored {said}"] if said else []
    )


def test_that_reviews_know_nothing_of_the_catalogue_is_said(
    demo_index: ContentIndex, taste: Taste, caplog: pytest.LogCaptureFixture
) -> None:
    weights: dict[PartName, float] = {"profile-hub": 0.5, "popularity": 0.3, "ease": 0.2}
    first, second = (item.item_id for item in demo_index.items[:2])
    strangers = [history("v", ["unknown", "another"])]  # type: ignore[arg-type]
    alone = [history("v", [first, "unknown"]), history("w", [second])]  # type: ignore[arg-type]
    together = [history("v", [first, second])]  # type: ignore[arg-type]
    hub = demo_index.hub("index")
    with caplog.at_level(logging.WARNING, "llmrec"):
        found = [
            FusedMatch(demo_index, weights, histories).match(None, taste, hub, 1).parts
            for histories in (strangers, alone, together)
        ]
    assert found == [("profile-hub",), ("profile-hub", "popularity"), ("profile-hub", "popularity")]
    assert [record.getMessage() for record in caplog.records] == [
        "no review is about an item of the catalogue: scored without popularity, ease",
        "nobody has reviewed two items of the catalogue: scored without ease",
    ]
