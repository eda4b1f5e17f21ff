"""A taste against a catalogue: the score, what brought an item, what is left out."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.llm.embedder import Embedder
from llmrec.matching.bank_choice import ChosenBank
from llmrec.matching.best_matches import match
from llmrec.matching.building import build_index
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.profile_match import Taste
from llmrec.matching.similarity import HubStatistics
from llmrec.records.ranking import ScoredItem
from llmrec.records.reviews import Item

AXES = ("east", "north", "up", "ahead")

DIRECTIONS = {
    "Canal": (1, 0, 0, 0),
    "Bridge": (0.6, 0.8, 0, 0),
    "Tower": (0, 0, 1, 0),
    "Canal again": (1, 0, 0, 0),
    "Corner": (0.5, 0.5, 0.5, 0.5),
}


@pytest.fixture
def index(
    chosen_vectors: Callable[[Mapping[str, Sequence[float]]], Embedder], tmp_path: Path
) -> ContentIndex:
    """Five items of chosen directions."""
    items = [Item(title.lower(), title) for title in DIRECTIONS]
    embedder = chosen_vectors(DIRECTIONS)
    return asyncio.run(
        build_index(items, tmp_path / "index", embedder, choice=EmbedderChoice("local"))
    )


@pytest.fixture
def bank(index: ContentIndex) -> ChosenBank:
    """A bank that changes nothing: z is the cosine."""
    n = len(index)
    return ChosenBank("index", HubStatistics(np.zeros(n), np.ones(n)))


def taste(*interests: tuple[str, float, str]) -> Taste:
    """Interests along an axis, of a weight and a polarity."""
    return Taste(
        names=tuple(axis for axis, _, _ in interests),
        weights=np.array([weight for _, weight, _ in interests]),
        is_like=np.array([polarity == "like" for _, _, polarity in interests]),
        queries=np.eye(4, dtype=np.float32)[[AXES.index(axis) for axis, _, _ in interests]],
    )


def ids(items: Sequence[ScoredItem]) -> list[str]:
    return [item.item_id for item in items]


def test_a_taste_of_likes_scores_their_soft_maximum(index: ContentIndex, bank: ChosenBank) -> None:
    likes = taste(("east", 0.8, "like"), ("north", 0.6, "like"))
    found = {item.item_id: item for item in match(likes, index, bank, 5)}
    bridge = found["bridge"]
    parts = [0.8 * math.exp(0.6 / 0.5), 0.6 * math.exp(0.8 / 0.5)]
    assert bridge.score == pytest.approx(0.5 * math.log(sum(parts)), abs=1e-6)
    assert [part.interest for part in bridge.because] == ["north", "east"]
    assert [part.share for part in bridge.because] == pytest.approx(
        [parts[1] / sum(parts), parts[0] / sum(parts)], abs=1e-6
    )
    assert bridge.title == "Bridge"
    assert all(item.penalty == 0 for item in found.values())


def test_a_taste_of_dislikes_scores_0_minus_penalty(index: ContentIndex, bank: ChosenBank) -> None:
    items = match(taste(("east", 0.9, "dislike"), ("north", 0.5, "dislike")), index, bank, 5)
    assert ids(items) == ["tower", "corner", "bridge", "canal", "canal again"]
    assert [item.score for item in items] == pytest.approx(
        [0, -0.3 * 0.45, -0.3 * 0.54, -0.27, -0.27], abs=1e-6
    )
    assert all(item.score == -item.penalty and item.because == () for item in items)


def test_dislikes_take_from_the_score_and_never_bring_an_item(
    index: ContentIndex, bank: ChosenBank
) -> None:
    liked = taste(("north", 1.0, "like"))
    both = taste(("east", 1.0, "dislike"), ("north", 1.0, "like"))
    before = {item.item_id: item for item in match(liked, index, bank, 5)}
    for item in match(both, index, bank, 5):
        assert item.score == pytest.approx(before[item.item_id].score - item.penalty)
        assert [part.interest for part in item.because] == ["north"]
        assert item.penalty == pytest.approx(0.3 * DIRECTIONS[item.title][0], abs=1e-6)


def test_plain_cosine_ignores_dislikes(index: ContentIndex) -> None:
    likes = (("east", 0.8, "like"), ("up", 0.5, "like"))
    alone = match(taste(*likes), index, None, 5)
    assert match(taste(*likes, ("north", 1.0, "dislike")), index, None, 5) == alone
    assert all(item.penalty == 0 for item in alone)


def test_plain_cosine_is_a_soft_maximum_at_a_hundredth(index: ContentIndex) -> None:
    likes = taste(("east", 0.8, "like"), ("up", 0.5, "like"))
    found = {item.item_id: item for item in match(likes, index, None, 5)}
    parts = [0.8 * math.exp(50), 0.5 * math.exp(50)]
    assert found["corner"].score == pytest.approx(0.01 * math.log(sum(parts)), abs=1e-6)
    assert [part.share for part in found["corner"].because] == pytest.approx(
        [0.8 / 1.3, 0.5 / 1.3], abs=1e-4
    )
    assert [part.interest for part in found["tower"].because] == ["up"]


def test_a_bank_takes_away_what_an_item_owes_to_being_near_everything(
    index: ContentIndex,
) -> None:
    n = len(index)
    mean = np.array([0.2, 0.2, 0.2, 0.2, 0.5])
    bank = ChosenBank("index", HubStatistics(mean, np.full(n, 0.1)))
    likes = taste(("ahead", 1.0, "like"), ("north", 0.3, "like"))
    assert ids(match(likes, index, None, 2)) == ["bridge", "corner"]
    corrected = match(likes, index, bank, 5)
    assert ids(corrected)[0] == "bridge"
    assert corrected[0].score == pytest.approx((0.8 - 0.2) / 0.1 + 0.5 * math.log(0.3), abs=1e-4)
    (corner,) = (item for item in corrected if item.item_id == "corner")
    assert corner.score == pytest.approx(0.5 * math.log(1.3), abs=1e-5)


def test_an_item_is_there_because_of_at_most_three_interests(
    index: ContentIndex, bank: ChosenBank
) -> None:
    weights = {"east": 0.4, "north": 0.7, "up": 0.5, "ahead": 0.6}
    likes = taste(*((axis, weight, "like") for axis, weight in weights.items()))
    (corner,) = (i for i in match(likes, index, bank, 5) if i.item_id == "corner")
    assert [part.interest for part in corner.because] == ["north", "ahead", "up"]
    assert [part.share for part in corner.because] == pytest.approx(
        [0.7 / 2.2, 0.6 / 2.2, 0.5 / 2.2]
    )


@pytest.mark.parametrize(("weight", "named"), [(0.045, False), (0.055, True)])
def test_a_share_below_a_twentieth_is_not_named(
    index: ContentIndex, bank: ChosenBank, weight: float, named: bool
) -> None:
    likes = taste(("east", 1.0 - weight, "like"), ("north", weight, "like"))
    (corner,) = (i for i in match(likes, index, bank, 5) if i.item_id == "corner")
    assert [part.interest for part in corner.because] == ["east", *(["north"] if named else [])]


def test_ranks_count_from_1_and_ties_stand_by_position(
    index: ContentIndex, bank: ChosenBank
) -> None:
    items = match(taste(("east", 1.0, "like")), index, bank, 3)
    assert ids(items) == ["canal", "canal again", "bridge"]
    assert items[0].score == items[1].score
    assert [item.rank for item in items] == [1, 2, 3]


def test_what_is_left_out_does_not_come_and_unknown_ids_do_not_matter(
    index: ContentIndex, bank: ChosenBank
) -> None:
    likes = taste(("east", 1.0, "like"))
    items = match(likes, index, bank, 3, {"canal", "bridge", "no such item"})
    assert ids(items) == ["canal again", "corner", "tower"]
    assert match(likes, index, bank, 3, index.titles) == ()


def test_no_more_items_come_than_there_are(index: ContentIndex, bank: ChosenBank) -> None:
    assert len(match(taste(("east", 1.0, "like")), index, bank, 50)) == 5


@settings(deadline=None, max_examples=50)
@given(
    weights=st.lists(st.floats(0.01, 1), min_size=1, max_size=10),
    liked=st.lists(st.booleans(), min_size=10, max_size=10),
    seed=st.integers(0, 2**32 - 1),
    k=st.integers(1, 40),
    hub=st.booleans(),
)
def test_any_list_is_ranked_and_explained_within_bounds(
    demo_index: ContentIndex,
    weights: list[float],
    liked: list[bool],
    seed: int,
    k: int,
    hub: bool,
) -> None:
    n = len(weights)
    places = np.random.default_rng(seed).integers(0, len(demo_index), n)
    somebody = Taste(
        names=tuple(map(str, range(n))),
        weights=np.array(weights),
        is_like=np.array(liked[:n]),
        queries=np.asarray(demo_index.rows[places]),
    )
    bank = ChosenBank("index", demo_index.hub("index")) if hub else None
    items = match(somebody, demo_index, bank, k)
    assert [item.rank for item in items] == list(range(1, k + 1))
    assert all(a.score >= b.score for a, b in pairwise(items))
    for item in items:
        portions = [part.share for part in item.because]
        assert portions == sorted(portions, reverse=True)
        assert len(portions) <= 3
        assert all(portion >= 0.05 for portion in portions)
        assert sum(portions) <= 1 + 1e-9
        assert item.penalty >= 0
        assert all(liked[int(part.interest)] for part in item.because)
