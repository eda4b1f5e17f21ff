"""Cold starts and empty hands: an honest list with a reason, or none with a reason."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from people import history

from llmrec.errors import SettingsError
from llmrec.matching.bank_choice import ChosenBank
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import LexicalEmbedder
from llmrec.matching.first_stage import FirstStage
from llmrec.matching.fused_match import FusedMatch
from llmrec.recommender import Recommender
from llmrec.records.profile import InterestProfile, Source
from llmrec.records.ranking import Recommendation
from llmrec.records.reviews import Item

ProfileOf = Callable[..., InterestProfile]

ITEMS = (
    Item("tea", "Green tea", "Leaves for a quiet morning"),
    Item("chair", "Garden chair", ""),
    Item("lamp", "Reading lamp", "Warm light about books"),
)

CHINESE = (
    '{"user_id": "u", "language": "zh", "summary": "", "interests": [{"name": "科幻电影", '
    '"polarity": "like", "weight": 1.0, "description": "遥远的未来", "evidence": '
    '[{"review_id": "r", "field": "text", "quote": "科幻"}]}]}'
)


@pytest.fixture
def index(tmp_path: Path) -> ContentIndex:
    """Three items, one of them without a description."""
    return Recommender.index(ITEMS, tmp_path / "index", embedder="lexical").catalogue


def listed(
    index: ContentIndex,
    profile: InterestProfile,
    k: int = 3,
    left_out: tuple[str, ...] = (),
    fused: FusedMatch | None = None,
    *,
    plain: bool = False,
) -> Recommendation:
    bank = None if plain else ChosenBank("index", index.hub("index"))
    stage = FirstStage(index, LexicalEmbedder(), fused)
    return asyncio.run(stage.for_profiles([profile], k, bank, [left_out]))[0]


def ids(found: Recommendation) -> list[str]:
    return [item.item_id for item in found]


def test_one_interest_is_enough(index: ContentIndex, profile_of: ProfileOf) -> None:
    found = listed(index, profile_of("u", ("green tea", "like", 0.4)))
    assert (ids(found)[0], found.reason) == ("tea", None)


def test_an_item_without_a_description_is_found_by_its_title(
    index: ContentIndex, profile_of: ProfileOf
) -> None:
    found = listed(index, profile_of("u", ("garden chair", "like", 1.0)), k=1)
    assert (ids(found), found.reason) == (["chair"], None)


def test_a_small_catalogue_gives_all_it_has(index: ContentIndex, profile_of: ProfileOf) -> None:
    likes = profile_of("u", ("green tea", "like", 1.0))
    found = listed(index, likes, k=10)
    assert sorted(ids(found)) == ["chair", "lamp", "tea"]
    assert found.reason == "no more items are left to recommend"
    found = listed(index, likes, k=10, left_out=("chair", "lamp", "tea"))
    assert (ids(found), found.reason) == ([], "no item is left to recommend")


def test_more_may_be_returned_than_are_wanted(index: ContentIndex, profile_of: ProfileOf) -> None:
    bank = ChosenBank("index", index.hub("index"))
    stage = FirstStage(index, LexicalEmbedder())
    likes = profile_of("u", ("green tea", "like", 1.0))
    (found,) = asyncio.run(stage.for_profiles([likes], 2, bank, [()], depth=20))
    assert (len(found), found.reason) == (3, None)


def test_only_dislikes(index: ContentIndex, profile_of: ProfileOf) -> None:
    dislikes = profile_of("u", ("green tea", "dislike", 1.0))
    found = listed(index, dislikes)
    assert ids(found)[-1] == "tea"
    assert found.reason == "the profile has no likes: least disliked items first"
    found = listed(index, dislikes, plain=True)
    assert ids(found) == []
    assert found.reason == "the profile has no likes, and plain cosine goes by likes alone"


def test_without_interests_there_is_no_list(index: ContentIndex, profile_of: ProfileOf) -> None:
    found = listed(index, profile_of("u"))
    assert (ids(found), found.reason) == ([], "the profile has no interests")
    fused = FusedMatch(index, {"profile-hub": 0.8, "popularity": 0.2})
    found = listed(index, profile_of("u"), fused=fused)
    assert (ids(found), found.reason) == ([], "the profile has no interests")


def test_popularity_steps_in_and_is_named(index: ContentIndex, profile_of: ProfileOf) -> None:
    crowd = [history("v", ["lamp"]), history("w", ["lamp"])]  # type: ignore[arg-type]
    fused = FusedMatch(index, {"profile-hub": 0.8, "popularity": 0.2}, crowd)
    found = listed(index, profile_of("u"), fused=fused)
    assert found.reason == "the profile has no interests: ranked by popularity"
    assert ids(found)[0] == "lamp"
    assert [(one.part, one.share) for one in found[0].because] == [("popularity", 1)]
    found = listed(index, profile_of("u", ("green tea", "dislike", 1.0)), fused=fused)
    assert found.reason == "the profile has no likes: ranked by profile-hub, popularity"
    found = listed(index, profile_of("u", ("tea", "like", 1.0)), fused=fused)
    assert found.reason is None


def test_a_language_that_no_item_is_in(index: ContentIndex) -> None:
    found = listed(index, InterestProfile.from_json(CHINESE))
    assert found.reason == "no word of the interests stands in the catalogue"
    assert len(found) == 3


def test_a_sentence_is_ranked_by_the_same_parts(index: ContentIndex) -> None:
    crowd = [history("v", ["lamp"])]  # type: ignore[arg-type]
    fused = FusedMatch(index, {"profile-hub": 0.9, "popularity": 0.1}, crowd)
    stage = FirstStage(index, LexicalEmbedder(), fused)
    bank = ChosenBank("index", index.hub("index"))
    found = asyncio.run(stage.for_sentence("a garden chair", 3, bank))
    assert (found.like, ids(found)[0], found.reason) == ("a garden chair", "chair", None)
    found = asyncio.run(stage.for_sentence("zzqx", 9, bank))
    assert found.reason == (
        "no word of the interests stands in the catalogue; no more items are left to recommend"
    )


def test_plain_cosine_is_no_part_of_a_score(index: ContentIndex, profile_of: ProfileOf) -> None:
    fused = FusedMatch(index, {"profile-hub": 1.0})
    with pytest.raises(SettingsError, match="--matching cosine"):
        listed(index, profile_of("u", ("tea", "like", 1.0)), fused=fused, plain=True)


def test_where_all_or_all_but_one_are_reviewed_that_is_said(
    index: ContentIndex, profile_of: ProfileOf
) -> None:
    fused = FusedMatch(index, {"profile-hub": 0.8, "item-mean-hub": 0.2})
    likes = profile_of("u", ("green tea", "like", 1.0))
    every = tuple(Source(f"r{item.item_id}", item.item_id, None, "0" * 24, None) for item in ITEMS)
    found = listed(
        index, replace(likes, sources=every), left_out=("tea", "chair", "lamp"), fused=fused
    )
    assert (ids(found), found.reason) == ([], "no item is left to recommend")
    found = listed(
        index, replace(likes, sources=every[1:]), left_out=("chair", "lamp"), fused=fused
    )
    assert (ids(found), found.reason) == (["tea"], "no more items are left to recommend")


@pytest.mark.parametrize(
    ("interest", "reason"),
    [
        (("green tea", "like", 1.0), ""),
        (("green tea", "dislike", 1.0), "the profile has no likes; "),
    ],
)
def test_no_list_where_no_part_tells_items_apart(
    index: ContentIndex, profile_of: ProfileOf, interest: tuple[str, str, float], reason: str
) -> None:
    fused = FusedMatch(index, {"popularity": 1.0})
    found = listed(index, profile_of("u", interest), fused=fused)
    assert ids(found) == []
    assert found.reason == f"{reason}no part of the score tells the items apart"
    stage = FirstStage(index, LexicalEmbedder(), FusedMatch(index, {"item-mean-hub": 1.0}))
    typed = asyncio.run(stage.for_sentence("tea", 3, ChosenBank("index", index.hub("index"))))
    assert (ids(typed), typed.reason) == ([], "no part of the score tells the items apart")
