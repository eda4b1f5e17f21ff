"""The whole way from Python: open, make a profile, recommend."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llmrec.errors import InputError, PromptError, RecordingMissing, SettingsError
from llmrec.llm.chat import ChatReply, ChatRequest
from llmrec.matching.bank import bank_of_profiles
from llmrec.matching.bank_choice import ChosenBank
from llmrec.matching.profile_match import MatchingName
from llmrec.recommender import Recommender
from llmrec.records.grouping import read_users
from llmrec.records.profile import InterestProfile
from llmrec.records.reading import read_items, read_reviews
from llmrec.records.reviews import Review
from llmrec.records.writing import language
from llmrec.resources import resource_dir

TYPED = "喜欢看电影，喜欢看科幻电影"


class Empty:
    """A chat model that finds nothing."""

    address = "http://localhost/v1"

    def is_recorded(self, request: ChatRequest) -> bool:
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        content = '{"language": "en", "summary": "Nothing yet.", "interests": []}'
        return ChatReply({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})


@pytest.fixture(scope="module")
def built(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recommender") / "index"
    items = read_items(demo / "items.jsonl")
    Recommender.index(items, folder, vectors=demo / "vectors.npz", mode="replay")
    return folder


@pytest.fixture(scope="module")
def recommender(built: Path, demo: Path) -> Recommender:
    """Replays; what it writes into the folder are statistics of runs."""
    return Recommender.open(
        built, chat="claude", calls=demo / "extract_profile.jsonl", mode="replay"
    )


def test_what_is_no_sampling_is_refused_before_any_call(built: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="came model"):
        Recommender.open(
            built, chat="claude", calls=tmp_path / "calls.jsonl", sampling={"model": "other"}
        )


def test_only_prompts_of_the_stages_that_are_used_are_asked_for(
    built: Path, demo: Path, tmp_path: Path, reviews_of: Callable[[str], list[Review]]
) -> None:
    for part in ("system", "user"):
        shutil.copy(resource_dir("prompts") / f"extract_profile.{part}.md", tmp_path)
    opened = Recommender.open(
        built,
        chat="claude",
        calls=demo / "extract_profile.jsonl",
        mode="replay",
        prompts=tmp_path,
    )
    profile = opened.profile(reviews_of("u12"))
    assert len(opened.recommend(profile, 3)) == 3
    with pytest.raises(PromptError, match=r"rerank\.system\.md"):
        opened.recommend(profile, rerank=True)
    with pytest.raises(PromptError, match=r"explain\.system\.md"):
        opened.recommend(profile, explain=True)
    (tmp_path / "extract_profile.user.md").write_text("$nothing", "utf-8")
    other = Recommender.open(built, chat="m", calls=tmp_path / "c", prompts=tmp_path)
    with pytest.raises(PromptError, match=r"came \$nothing"):
        other.profile(reviews_of("u12"))


@pytest.fixture(scope="module")
def reviews_of(demo: Path) -> Callable[[str], list[Review]]:
    reviews = list(read_reviews(demo / "reviews.jsonl"))
    return lambda user_id: [review for review in reviews if review.user_id == user_id]


@pytest.fixture(scope="module")
def profiles(recommender: Recommender, demo: Path) -> list[InterestProfile]:
    return [recommender.profile(user.reviews) for user in read_users(demo / "reviews.jsonl")]


@pytest.fixture(scope="module")
def profile(profiles: list[InterestProfile]) -> InterestProfile:
    """Of u12, who has likes and a dislike."""
    return profiles[-1]


def only(profile: InterestProfile, polarity: str | None) -> InterestProfile:
    """Leave the interests of one polarity, or none."""
    return replace(profile, interests=tuple(i for i in profile.interests if i.polarity == polarity))


def test_from_a_persons_reviews_to_a_list(
    recommender: Recommender, reviews_of: Callable[[str], list[Review]]
) -> None:
    profile = recommender.profile(reviews_of("u12"))
    assert (profile.user_id, profile.language) == ("u12", "zh")
    found = recommender.recommend(profile, k=5)
    assert (len(found), found.user_id, found.bank, found.reason) == (5, "u12", "index", None)
    assert "film-interstellar" in [item.item_id for item in found]
    assert [item.rank for item in found] == [1, 2, 3, 4, 5]
    assert found[0].because
    assert "星际穿越" in found._repr_html_()


def test_the_async_twins_do_the_same(
    recommender: Recommender, reviews_of: Callable[[str], list[Review]], profile: InterestProfile
) -> None:
    async def twins() -> list[object]:
        made = await recommender.aprofile(reviews_of("u12"))
        return [
            made,
            await recommender.arecommend(made, 3),
            await recommender.arecommend_for(TYPED, 3),
        ]

    assert asyncio.run(twins()) == [
        profile,
        recommender.recommend(profile, 3),
        recommender.recommend_for(TYPED, 3),
    ]


def test_the_plain_methods_work_inside_a_running_event_loop(
    recommender: Recommender, reviews_of: Callable[[str], list[Review]], profile: InterestProfile
) -> None:
    async def notebook() -> tuple[object, object, object]:
        made = recommender.profile(reviews_of("u12"))
        return made, recommender.recommend(made, 3), recommender.recommend_for(TYPED, 3)

    made, picks, typed = asyncio.run(notebook())
    assert made == profile
    assert picks == recommender.recommend(profile, 3)
    assert typed == recommender.recommend_for(TYPED, 3)


def test_each_of_many_gets_the_list_of_one_alone(
    recommender: Recommender, profiles: list[InterestProfile]
) -> None:
    people = [*profiles, only(profiles[-1], "dislike"), only(profiles[-1], None)]
    for matching in ("hub", "hub-by-language", "cosine"):
        alone = [recommender.recommend(profile, 7, matching=matching) for profile in people]
        many = recommender.recommend_many(people, 7, matching=matching)
        assert [recommender.finish(*pair, 7) for pair in zip(many, people, strict=True)] == alone
    assert recommender.recommend_many([], 7) == []
    left_out = {"u01": [alone[0].recommendations[0].item_id]}
    (other, *_) = recommender.recommend_many(profiles, 7, matching="cosine", left_out=left_out)
    assert other[0].item_id != left_out["u01"][0]


def test_corrected_for_language_lists_are_in_two_languages(
    recommender: Recommender, profiles: list[InterestProfile]
) -> None:
    english = [profile for profile in profiles if profile.language == "en"]

    def n_chinese(matching: MatchingName) -> int:
        found = recommender.recommend_many(english, 10, matching=matching)
        titles = [item.title for one in found for item in one.recommendations]
        return sum(language(title) == "CJK" for title in titles)

    assert n_chinese("hub") <= len(english) / 2
    assert n_chinese("hub-by-language") >= 2 * len(english)
    typed = recommender.recommend_for(TYPED, matching="hub-by-language")
    assert typed != recommender.recommend_for(TYPED)


def test_a_bank_is_for_the_matching_that_it_was_chosen_for(
    recommender: Recommender, profiles: list[InterestProfile]
) -> None:
    plain = recommender.bank(profiles=profiles)
    by_language = recommender.bank(profiles=profiles, matching="hub-by-language")
    with pytest.raises(SettingsError, match="matching='hub-by-language'"):
        recommender.recommend(profiles[0], bank=plain, matching="hub-by-language")
    with pytest.raises(SettingsError, match="matching='hub'"):
        recommender.recommend(profiles[0], bank=by_language)
    found = recommender.recommend(profiles[0], bank=by_language, matching="hub-by-language")
    assert found != recommender.recommend(profiles[0], bank=plain)
    assert found.bank == "run"


def test_a_diverse_list_is_chosen_from_the_best(
    recommender: Recommender, profiles: list[InterestProfile]
) -> None:
    plain = recommender.recommend_many(profiles, 100)
    diverse = recommender.recommend_many(profiles, 10, diversity=0.5)
    assert [one.first(10) for one in plain] != diverse
    for best, chosen in zip(plain, diverse, strict=True):
        scores = {item.item_id: item.score for item in best.recommendations}
        assert [item.rank for item in chosen.recommendations] == list(range(1, 11))
        assert {
            item.item_id: item.score for item in chosen.recommendations
        }.items() <= scores.items()
        assert chosen[0] == best[0]
    alone = recommender.recommend(profiles[0], 10, diversity=0.5, explain="none")
    assert alone.recommendations == diverse[0].recommendations
    typed = recommender.recommend_for(TYPED, 10, diversity=0.5)
    assert typed != recommender.recommend_for(TYPED, 10)
    with pytest.raises(InputError, match="from 0 to below 1"):
        recommender.recommend(profiles[0], diversity=1)


def test_only_some_items_may_be_allowed(recommender: Recommender, profile: InterestProfile) -> None:
    allowed = ["film-interstellar", "film-arrival", "no such item"]
    found = recommender.recommend(profile, left_out=(), only=allowed)
    assert sorted(item.item_id for item in found) == ["film-arrival", "film-interstellar"]
    typed = recommender.recommend_for(TYPED, only=allowed)
    assert len(typed) == 2


def test_a_list_has_at_least_one_place(recommender: Recommender) -> None:
    with pytest.raises(InputError, match="at least 1"):
        recommender.recommend_for(TYPED, 0)


def test_an_error_inside_a_running_event_loop_is_the_same_error(recommender: Recommender) -> None:
    async def notebook() -> None:
        recommender.recommend_for(" ")

    with pytest.raises(InputError, match="blank"):
        asyncio.run(notebook())


def test_what_the_profile_was_made_from_is_left_out(
    recommender: Recommender, profile: InterestProfile
) -> None:
    sources = {source.item_id for source in profile.sources}
    everything = recommender.recommend(profile, k=200, left_out=())
    rest = recommender.recommend(profile, k=200)
    assert len(everything) == 160
    assert {item.item_id for item in everything} - {item.item_id for item in rest} == sources


def test_a_source_about_no_item_leaves_nothing_out(
    recommender: Recommender, profile: InterestProfile
) -> None:
    posts = replace(
        profile, sources=tuple(replace(source, item_id=None) for source in profile.sources)
    )
    assert len(recommender.recommend(posts, k=200)) == 160


def test_ids_given_are_left_out_instead(recommender: Recommender, profile: InterestProfile) -> None:
    best = recommender.recommend(profile, k=3, left_out=())
    again = recommender.recommend(profile, k=2, left_out=[best[0].item_id])
    assert [item.item_id for item in again] == [item.item_id for item in best][1:]


def test_a_shorter_list_is_the_beginning_of_a_longer_one(
    recommender: Recommender, profile: InterestProfile
) -> None:
    longer = recommender.recommend(profile, k=8).recommendations
    assert recommender.recommend(profile, k=7).recommendations == longer[:7]


@pytest.mark.parametrize("matching", ["hub", "cosine"])
def test_a_profile_without_interests_gets_an_empty_list_and_a_reason(
    recommender: Recommender, profile: InterestProfile, matching: str
) -> None:
    found = recommender.recommend(only(profile, None), matching=matching)  # type: ignore[arg-type]
    assert len(found) == 0
    assert found.reason == "the profile has no interests"
    assert "no interests" in found._repr_html_()


def test_a_profile_without_likes_gets_what_it_dislikes_least_and_a_reason(
    recommender: Recommender, profile: InterestProfile
) -> None:
    found = recommender.recommend(only(profile, "dislike"), k=160, left_out=())
    assert found.reason == "the profile has no likes: least disliked items first"
    assert found[0].score == 0
    assert found[159].score < 0
    assert all(item.score == -item.penalty and not item.because for item in found)


def test_plain_cosine_without_likes_gives_an_empty_list(
    recommender: Recommender, profile: InterestProfile
) -> None:
    found = recommender.recommend(only(profile, "dislike"), matching="cosine")
    assert (len(found), found.bank) == (0, None)
    assert found.reason is not None
    assert found.reason.startswith("the profile has no likes")


def test_the_reason_of_an_empty_list_speaks_of_no_items(
    recommender: Recommender, profile: InterestProfile
) -> None:
    found = recommender.recommend(only(profile, "dislike"), matching="cosine")
    assert "items first" not in str(found.reason)


def test_plain_cosine_uses_no_bank_and_no_dislikes(
    recommender: Recommender, profile: InterestProfile
) -> None:
    found = recommender.recommend(profile, matching="cosine")
    assert found.bank is None
    liked = recommender.recommend(only(profile, "like"), matching="cosine")
    assert [item.item_id for item in found] == [item.item_id for item in liked]
    assert [item.score for item in found] == pytest.approx([item.score for item in liked])
    corrected = recommender.recommend(profile)
    assert [item.item_id for item in found] != [item.item_id for item in corrected]


@pytest.fixture
def reranking(built: Path, demo: Path) -> Recommender:
    return Recommender.open(built, chat="claude", calls=demo / "rerank.jsonl", mode="replay")


def test_a_shortlist_of_20_is_reranked_then_cut(
    recommender: Recommender,
    reranking: Recommender,
    profiles: list[InterestProfile],
    profile: InterestProfile,
    demo: Path,
) -> None:
    bank = recommender.bank(profiles=profiles)
    picks = reranking.recommend(profile, k=3, bank=bank, rerank=True)
    assert [pick.title for pick in picks] == ["星际穿越", "地心引力", "球状闪电"]
    assert [pick.rank for pick in picks] == [1, 2, 3]
    assert picks.reranked
    shortlist = {pick.item_id for pick in recommender.recommend(profile, k=20, bank=bank)}
    whole = reranking.recommend(profile, k=20, bank=bank, rerank=True)
    assert {pick.item_id for pick in whole} == shortlist
    assert tuple(whole)[:3] == tuple(picks)


def test_other_recent_items_are_another_request(
    reranking: Recommender, profile: InterestProfile
) -> None:
    with pytest.raises(RecordingMissing, match="rerank/u12"):
        reranking.recommend(profile, k=3, rerank=True, recent=["film-contact"])


def test_the_first_three_are_explained_without_a_model(
    recommender: Recommender, profile: InterestProfile
) -> None:
    picks = recommender.recommend(profile, k=4)
    sources = [pick.explanation.source if pick.explanation else None for pick in picks]
    assert sources == ["composed", "composed", "composed", None]
    bare = recommender.recommend(profile, k=4, explain=False)
    assert [pick.explanation for pick in bare] == [None] * 4
    assert recommender.recommend(profile, k=4, explain="none") == bare
    assert recommender.recommend(profile, k=4, explain="composed") == picks


def test_a_model_explains_from_one_log_of_both_stages(
    built: Path,
    recommender: Recommender,
    profiles: list[InterestProfile],
    profile: InterestProfile,
    demo: Path,
    tmp_path: Path,
) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_bytes(b"".join((demo / f"{n}.jsonl").read_bytes() for n in ("rerank", "explain")))
    whole = Recommender.open(built, chat="claude", calls=log, mode="replay")
    bank = recommender.bank(profiles=profiles)
    picks = whole.recommend(profile, k=3, bank=bank, rerank=True, explain=True)
    assert picks[0].title == "星际穿越"
    assert [pick.explanation.source for pick in picks if pick.explanation] == ["model"] * 3


def test_without_a_chat_model_none_explains(built: Path, profile: InterestProfile) -> None:
    with pytest.raises(SettingsError, match="chat= and calls="):
        Recommender.open(built).recommend(profile, explain=True)


def test_without_a_chat_model_nothing_is_reranked(built: Path, profile: InterestProfile) -> None:
    with pytest.raises(SettingsError, match="chat= and calls="):
        Recommender.open(built).recommend(profile, rerank=True)


def test_a_sentence_is_recommended_for_without_a_profile(recommender: Recommender) -> None:
    found = recommender.recommend_for(TYPED, k=3)
    assert "film-interstellar" in [item.item_id for item in found]
    assert (found.like, found.user_id, found.bank) == (TYPED, None, "index")
    assert all(part.share == 1 for item in found for part in item.because)
    plain = recommender.recommend_for(TYPED, k=3, matching="cosine")
    assert plain.bank is None


@pytest.mark.parametrize("sentence", ["", " \n"])
def test_a_blank_sentence_is_refused(recommender: Recommender, sentence: str) -> None:
    with pytest.raises(InputError, match="blank"):
        recommender.recommend_for(sentence)


def test_a_sentence_that_is_not_recorded_is_refused_when_replaying(
    recommender: Recommender,
) -> None:
    with pytest.raises(RecordingMissing, match="paper lanterns"):
        recommender.recommend_for("paper lanterns")


def test_one_bank_serves_a_whole_run(
    recommender: Recommender, profiles: list[InterestProfile]
) -> None:
    bank = recommender.bank(profiles=profiles)
    assert isinstance(bank, ChosenBank)
    assert bank.kind == "run"
    twin = asyncio.run(recommender.abank(profiles=profiles))
    assert recommender.recommend(profiles[0], bank=twin) == recommender.recommend(
        profiles[0], bank=bank
    )
    found = [recommender.recommend(profile, 5, bank=bank) for profile in profiles]
    assert {recommendation.bank for recommendation in found} == {"run"}
    assert found[-1].recommendations != recommender.recommend(profiles[-1], 5).recommendations


def test_a_bank_that_is_not_there_is_refused(
    recommender: Recommender, profile: InterestProfile
) -> None:
    with pytest.raises(SettingsError, match="has no stored bank"):
        recommender.recommend(profile, bank="stored")
    with pytest.raises(SettingsError, match="at least 50 interests"):
        recommender.recommend_for(TYPED, bank="run")


def test_an_index_made_from_python_is_ready_to_recommend(
    demo: Path, tmp_path: Path, profiles: list[InterestProfile]
) -> None:
    made = Recommender.index(
        read_items(demo / "items.jsonl"),
        tmp_path / "index",
        vectors=demo / "vectors.npz",
        mode="replay",
        bank=bank_of_profiles(profiles),
    )
    found = made.recommend(profiles[-1], 5)
    assert (len(found), found.bank) == (5, "stored")
    assert made.catalogue.titles["film-interstellar"] == "星际穿越"


def test_a_failed_build_keeps_the_vectors_that_were_made(tmp_path: Path, demo: Path) -> None:
    items = list(read_items(demo / "items.jsonl"))[:2]
    (tmp_path / "taken").mkdir()
    shutil.copy(demo / "README.md", tmp_path / "taken")
    with pytest.raises(InputError, match="other files"):
        Recommender.index(items, tmp_path / "taken", vectors=tmp_path / "v.npz")
    Recommender.index(items, tmp_path / "index", vectors=tmp_path / "v.npz")
    assert not (tmp_path / "v.npz.part").exists()
    Recommender.index(items, tmp_path / "index", vectors=tmp_path / "v.npz", mode="replay")


def test_without_a_chat_model_there_are_no_profiles(
    built: Path, reviews_of: Callable[[str], list[Review]]
) -> None:
    with pytest.raises(SettingsError, match="open the index with chat= and calls="):
        Recommender.open(built).profile(reviews_of("u12"))


def test_a_chat_model_needs_a_call_log(built: Path) -> None:
    with pytest.raises(SettingsError, match="chat= needs calls="):
        Recommender.open(built, chat="claude")


def test_a_live_chat_model_is_asked_and_recorded(
    built: Path, tmp_path: Path, reviews_of: Callable[[str], list[Review]]
) -> None:
    calls = tmp_path / "calls.jsonl"
    asking = Recommender.open(built, chat="hollow-1", calls=calls, live=Empty())
    made = asking.profile(reviews_of("u01"))
    assert (made.model, made.summary, made.interests) == ("hollow-1", "Nothing yet.", ())
    replaying = Recommender.open(built, chat="hollow-1", calls=calls, mode="replay")
    assert replaying.profile(reviews_of("u01")) == made


def test_reviews_of_several_people_make_no_profile(
    recommender: Recommender, reviews_of: Callable[[str], list[Review]]
) -> None:
    with pytest.raises(InputError, match="reviews of one user are expected"):
        recommender.profile([*reviews_of("u01"), *reviews_of("u02")])


def test_a_recommender_is_put_together_by_hand(
    recommender: Recommender, profile: InterestProfile, built: Path
) -> None:
    opened = Recommender.open(built)
    by_hand = Recommender(opened.catalogue, opened._embedder)
    assert by_hand.recommend(profile, 3) == recommender.recommend(profile, 3)
