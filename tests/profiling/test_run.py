"""Profiles of many users: whoever fails is named, and the rest are made."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from written import CraftedChat, interest, profile_reply, review, reviews_of

from llmrec.digests import digest
from llmrec.errors import ChatRejected, ChatUnavailable, InputError, RecordingMissing
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest, Usage
from llmrec.llm.prompts import Prompt
from llmrec.llm.recorded import LoggedChatModel, ReplayChatModel
from llmrec.profiling.extraction import Extractor
from llmrec.profiling.run import ExtractionRun
from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.profile import InterestProfile
from llmrec.records.splits import Split, read_split

GOOD = profile_reply(interest())
USERS = [reviews_of(name, f"A fugue a day, says {name}.") for name in ("ann", "bo", "cy", "di")]


def run_of(chat: ChatModel, split: Split | None = None, concurrency: int = 1) -> ExtractionRun:
    extractor = Extractor(chat, "tiny", Prompt("p", "Describe.", "$reviews"))
    return ExtractionRun(extractor, split, concurrency)


def profiles(run: ExtractionRun, users: Iterable[UserReviews] = USERS) -> list[InterestProfile]:
    async def gather() -> list[InterestProfile]:
        return [profile async for profile in run.profiles(users)]

    return asyncio.run(gather())


def meter(run: ExtractionRun) -> tuple[int, int, Usage]:
    """Return the answers, those replayed, and the tokens of a run."""
    counted = run.extractor.meter
    return counted.replies, counted.replayed, counted.usage


def test_a_new_run_has_counted_nothing() -> None:
    run = run_of(CraftedChat(GOOD))
    assert (run.users, run.made, meter(run)) == (0, 0, (0, 0, Usage()))
    assert (run.dropped, run.failed) == (Counter(), {})


@pytest.mark.parametrize(("titles", "n"), [({}, 0), ({"i1": "Cello suites"}, 2)])
def test_reviews_of_items_that_have_no_title_are_counted(titles: dict[str, str], n: int) -> None:
    extractor = Extractor(CraftedChat(GOOD), "tiny", Prompt("p", "Describe.", "$reviews"), titles)
    run = ExtractionRun(extractor)
    about_nothing = UserReviews.of([review("A fugue, says eve.", user_id="eve", item_id=None)])
    profiles(run, [reviews_of("ann", "A fugue.", "A canon.", "A round."), about_nothing])
    assert run.untitled == n


def test_profiles_come_in_the_order_of_the_users() -> None:
    made = profiles(run_of(CraftedChat(GOOD)))
    assert [profile.user_id for profile in made] == ["ann", "bo", "cy", "di"]
    assert all(profile.split is None for profile in made)


def test_a_profile_is_there_before_the_next_user_is_asked_about() -> None:
    chat = CraftedChat(GOOD)

    async def first() -> InterestProfile:
        made = run_of(chat).profiles(USERS)
        profile = await anext(made)
        await made.aclose()
        return profile

    assert asyncio.run(first()).user_id == "ann"
    assert len(chat.requests) == 1


def test_users_who_fail_are_named_and_the_rest_are_made(caplog: pytest.LogCaptureFixture) -> None:
    run = run_of(
        CraftedChat(GOOD, bo="I would rather not.", cy=ChatUnavailable("the server sleeps"))
    )
    assert [profile.user_id for profile in profiles(run)] == ["ann", "di"]
    assert list(run.failed) == ["bo", "cy"]
    assert run.failed["bo"].startswith("no whole JSON object in the reply")
    assert run.failed["cy"] == "the server sleeps"
    assert run.users == 4
    assert [message.split(":")[0] for message in caplog.messages] == ["user bo", "user cy"]


def test_calls_tokens_and_dropped_interests_are_counted(tmp_path: Path) -> None:
    crafted = CraftedChat(
        GOOD,
        bo=profile_reply(interest(weight=2), interest()),
        cy=profile_reply(interest(weight=3), 7),
    )
    log = CallLog(tmp_path / "calls.jsonl")
    profiles(run_of(LoggedChatModel(log, crafted)), USERS[:1])

    run = run_of(LoggedChatModel(log, crafted))
    profiles(run)
    assert (run.users, run.made, meter(run)) == (4, 4, (4, 1, Usage(400, 40)))
    assert run.dropped == Counter({"weight not as asked": 2, "not an interest": 1})
    assert run.failed == {}
    assert len(crafted.requests) == 4


def test_tokens_of_answers_that_cannot_be_used_are_counted() -> None:
    run = run_of(CraftedChat(GOOD, bo="I would rather not."))
    profiles(run)
    assert (run.made, meter(run)) == (3, (6, 0, Usage(600, 60)))


def test_missing_recordings_are_all_named_at_the_end(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "calls.jsonl")
    profiles(run_of(LoggedChatModel(log, CraftedChat(GOOD))), USERS[1:2])
    run, made = run_of(ReplayChatModel(log)), []

    async def gather() -> None:
        async for profile in run.profiles(USERS):
            made.append(profile.user_id)

    with pytest.raises(RecordingMissing) as wrong:
        asyncio.run(gather())
    assert made == ["bo"]
    assert [text.split(":")[0] for text in wrong.value.missing] == [
        f"extract_profile/{name}" for name in ("ann", "cy", "di")
    ]
    assert "record these calls" in wrong.value.hint
    assert (run.users, run.made, meter(run)[:2], run.failed) == (4, 1, (1, 1), {})


# A run that ends early


def test_a_stopped_run_asks_about_no_further_user() -> None:
    chat = CraftedChat(GOOD)
    run = run_of(chat)

    async def until_stopped() -> list[str]:
        made = []
        async for profile in run.profiles(USERS):
            made.append(profile.user_id)
            run.stop()
        return made

    assert asyncio.run(until_stopped()) == ["ann"]
    assert (run.users, run.made, len(chat.requests)) == (1, 1, 1)


def test_a_user_whose_repair_a_stop_forbids_is_neither_made_nor_failed() -> None:
    class StopsUnderWay(CraftedChat):
        async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
            if request.label == "extract_profile/bo":
                run.stop()
            return await super().reply(request, renew=renew)

    chat = StopsUnderWay(GOOD, bo="I would rather not.")
    run = run_of(chat)
    assert [profile.user_id for profile in profiles(run)] == ["ann"]
    assert (run.users, run.failed, meter(run)[0], len(chat.requests)) == (1, {}, 2, 2)


def test_a_server_that_would_refuse_everybody_ends_the_run() -> None:
    chat = CraftedChat(GOOD, bo=ChatRejected("no such key", 401))
    run = run_of(chat)
    with pytest.raises(ChatRejected, match="no such key"):
        profiles(run)
    assert (run.users, run.made, len(chat.requests)) == (2, 1, 2)


def test_a_server_that_refuses_one_user_fails_that_user() -> None:
    run = run_of(CraftedChat(GOOD, bo=ChatRejected("too long", 413)))
    assert len(profiles(run)) == 3
    assert run.failed == {"bo": "too long"}


def test_a_server_that_does_not_answer_three_users_in_a_row_ends_the_run() -> None:
    silent = ChatUnavailable("the server sleeps")
    chat = CraftedChat(GOOD, bo=silent, cy=silent, di=silent)
    run = run_of(chat)
    with pytest.raises(ChatUnavailable, match="the server sleeps"):
        profiles(run, [*USERS, reviews_of("ed", "A fugue a day.")])
    assert (run.users, run.made, list(run.failed)) == (4, 1, ["bo", "cy"])


@pytest.mark.parametrize("between", [GOOD, "I would rather not."])
def test_silence_that_an_answer_interrupts_does_not_end_the_run(between: str) -> None:
    silent = ChatUnavailable("the server sleeps")
    run = run_of(CraftedChat(between, ann=silent, bo=silent, di=silent))
    profiles(run)
    assert run.users == 4
    assert {"ann", "bo", "di"} <= set(run.failed)


# Several users at once


class SlowChat(CraftedChat):
    """Answers in any order; at most a few calls later."""

    def __init__(self, reply: str, **by_user: str | Exception) -> None:
        super().__init__(reply, **by_user)
        self.at_once = self.most = 0

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        for _ in range(1 + int(request.custom_id, 16) % 7):
            await asyncio.sleep(0)
        self.at_once -= 1
        return await super().reply(request, renew=renew)


MANY = [reviews_of(f"u{n}", f"A fugue a day, says {n % 30}.") for n in range(40)]
"""The last ten have the same reviews as the first."""


@pytest.mark.parametrize("concurrency", [2, 7, 100])
def test_several_at_once_give_the_same_in_the_same_order(tmp_path: Path, concurrency: int) -> None:
    odd = {"u3": "I would rather not.", "u8": profile_reply(interest(weight=2))}
    alone = run_of(LoggedChatModel(CallLog(tmp_path / "1"), SlowChat(GOOD, **odd)))
    expected = [profile.to_json() for profile in profiles(alone, MANY)]
    chat = SlowChat(GOOD, **odd)
    run = run_of(LoggedChatModel(CallLog(tmp_path / "n"), chat), None, concurrency)
    assert [profile.to_json() for profile in profiles(run, MANY)] == expected
    assert 1 < chat.most <= concurrency
    assert (run.users, run.made, run.dropped) == (alone.users, alone.made, alone.dropped)
    assert list(run.failed.items()) == list(alone.failed.items())
    assert meter(run) == meter(alone)  # equal requests are called once


def test_those_under_way_finish_when_one_ends_the_run() -> None:
    chat = SlowChat(GOOD, u4=ChatRejected("no such key", 401))
    run = run_of(chat, None, 5)
    stopped: list[bool] = []
    run.on_stop = lambda: stopped.append(True)
    made: list[str] = []

    async def gather() -> None:
        async for profile in run.profiles(MANY):
            made.append(profile.user_id)

    with pytest.raises(ChatRejected, match="no such key"):
        asyncio.run(gather())
    assert made == ["u0", "u1", "u2", "u3"]
    assert chat.at_once == 0
    assert len(chat.requests) < 15
    assert (run.stopped, stopped) == (True, [True])


def test_users_who_fail_together_count_as_one_silence() -> None:
    silent = {f"u{n}": ChatUnavailable("the server sleeps") for n in range(10)}
    run = run_of(SlowChat(GOOD, **silent), None, 10)
    assert len(profiles(run, MANY)) == 30
    assert list(run.failed) == list(silent)


def test_a_server_that_stays_silent_ends_the_run_after_three_rounds() -> None:
    silent = {f"u{n}": ChatUnavailable("the server sleeps") for n in range(40)}
    chat = SlowChat(GOOD, **silent)
    run = run_of(chat, None, 5)
    with pytest.raises(ChatUnavailable, match="the server sleeps"):
        profiles(run, MANY)
    assert 3 <= len(chat.requests) <= 15


def test_a_stop_lets_those_under_way_finish() -> None:
    chat = SlowChat(GOOD)
    run = run_of(chat, None, 5)

    async def until_stopped() -> list[str]:
        made = []
        async for profile in run.profiles(MANY):
            made.append(profile.user_id)
            if len(made) == 3:
                run.stop()
        return made

    made = asyncio.run(until_stopped())
    assert made == [f"u{n}" for n in range(len(made))]
    assert len(made) == len(chat.requests) <= 3 + 5


# Splits


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """Three reviews by Ann, two by Bo, in turns."""
    path = tmp_path / "reviews.jsonl"
    rows = [
        {
            "user_id": user,
            "item_id": f"i{n}",
            "text": f"A fugue, {n}.",
            "timestamp": f"2024-01-0{n}",
        }
        for n, user in enumerate(["ann", "bo", "ann", "bo", "ann"], 1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def split_of(tmp_path: Path, *lines: dict[str, object]) -> Split:
    path = tmp_path / "split.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return read_split(path)


def test_a_profile_sees_history_only_and_tells_its_split(tmp_path: Path, reviews: Path) -> None:
    line = {"user_id": "ann", "target_item": "i5", "target_line": 4, "history_lines": [0, 2]}
    chat = CraftedChat(GOOD)
    run = run_of(chat, split_of(tmp_path, line))
    [profile] = profiles(run, read_users(reviews, users={"ann"}))
    assert [source.item_id for source in profile.sources] == ["i1", "i3"]
    assert "A fugue, 5." not in chat.requests[0].messages[1].content
    assert profile.split == digest(line)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"user_id": "ann", "history_lines": [0, 1]}, "line 1 of the reviews is not a review of"),
        (
            {"user_id": "ann", "target_item": "i1", "target_line": 4, "history_lines": [0]},
            "is about 'i5', not about target_item 'i1'",
        ),
        ({"user_id": "zoe", "history_lines": [0]}, "the reviews have none of this user"),
    ],
)
def test_a_split_of_other_reviews_is_an_input_error(
    tmp_path: Path, reviews: Path, line: dict[str, object], what: str
) -> None:
    split = split_of(tmp_path, line)
    with pytest.raises(InputError, match=what):
        profiles(run_of(CraftedChat(GOOD), split), read_users(reviews, users=split.lines))


def test_a_user_without_a_line_in_the_split_is_an_input_error(
    tmp_path: Path, reviews: Path
) -> None:
    split = split_of(tmp_path, {"user_id": "ann", "history_lines": [0]})
    with pytest.raises(InputError):
        profiles(run_of(CraftedChat(GOOD), split), read_users(reviews))


def test_a_recorded_answer_that_cannot_be_renewed_fails_one_user(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "calls.jsonl")
    recorded = CraftedChat(GOOD, bo="I would rather not.")
    profiles(run_of(LoggedChatModel(log, recorded)))
    run = run_of(LoggedChatModel(log, None))
    assert len(profiles(run)) == 3
    assert list(run.failed) == ["bo"]
