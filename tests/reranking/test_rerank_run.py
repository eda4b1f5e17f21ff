"""Lists of many users: whoever fails is named, and the rest are made."""

import asyncio

import pytest
from shortlists import Answering, order, profile_of, shortlist

from llmrec.errors import ChatError, ChatRejected, ChatUnavailable, RecordingMissing
from llmrec.llm.metering import MeteredChatModel
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation, Repairs
from llmrec.reranking.run import ListRun

USERS = [profile_of(name) for name in ("ann", "bo", "cy", "di")]


def run_of(**errors: Exception) -> ListRun:
    async def make(profile: InterestProfile) -> Recommendation:
        if profile.user_id in errors:
            raise errors[profile.user_id]
        repairs = Repairs(unknown=1, missing=2)
        return shortlist(2, profile.user_id, reranked=profile.user_id != "di", repairs=repairs)

    return ListRun(make)


def users_of(run: ListRun) -> list[str | None]:
    async def gather() -> list[str | None]:
        return [listed.user_id async for listed in run.lists(USERS)]

    return asyncio.run(gather())


def test_of_lists_that_no_model_was_to_order_none_are_counted_as_ordered() -> None:
    async def make(profile: InterestProfile) -> Recommendation:
        return shortlist(2, profile.user_id)

    run = ListRun(make)
    users_of(run)
    assert (run.made, run.reranked) == (4, None)


def test_lists_come_in_the_order_of_the_users_and_are_counted() -> None:
    run = run_of()
    assert users_of(run) == ["ann", "bo", "cy", "di"]
    assert (run.made, run.reranked, run.failed) == (4, 3, {})
    assert run.repairs == Repairs(unknown=4, missing=8)


def test_users_who_fail_are_named_and_the_rest_are_made(caplog: pytest.LogCaptureFixture) -> None:
    run = run_of(bo=ChatUnavailable("asleep"), cy=ChatRejected("too long", 400))
    assert users_of(run) == ["ann", "di"]
    assert run.failed == {"bo": "asleep", "cy": "too long"}
    assert caplog.messages == ["user bo: no list: asleep", "user cy: no list: too long"]


def test_what_would_fail_for_everybody_ends_the_run() -> None:
    with pytest.raises(ChatRejected, match="wrong key"):
        users_of(run_of(bo=ChatRejected("wrong key", 401)))


def test_a_server_that_sleeps_for_three_users_in_a_row_ends_the_run() -> None:
    asleep: dict[str, Exception] = {n: ChatUnavailable("asleep") for n in ("ann", "bo", "cy")}
    with pytest.raises(ChatUnavailable):
        users_of(run_of(**asleep))
    assert users_of(run_of(ann=asleep["ann"], bo=asleep["bo"], di=asleep["cy"])) == ["cy"]


def test_another_failure_in_between_starts_the_count_anew() -> None:
    run = run_of(
        ann=ChatUnavailable("asleep"),
        bo=ChatUnavailable("asleep"),
        cy=ChatError("odd"),
        di=ChatUnavailable("asleep"),
    )
    assert users_of(run) == []
    assert list(run.failed) == ["ann", "bo", "cy", "di"]


def test_missing_recordings_are_all_named_at_the_end() -> None:
    run = run_of(ann=RecordingMissing(["a"], "record"), cy=RecordingMissing(["c", "d"], "record"))
    with pytest.raises(RecordingMissing) as wrong:
        users_of(run)
    assert (wrong.value.missing, wrong.value.hint) == (("a", "c", "d"), "record")
    assert run.made == 2


def test_after_a_stop_no_further_list_is_begun() -> None:
    run = run_of()

    async def first() -> list[str | None]:
        made = []
        async for listed in run.lists(USERS):
            made.append(listed.user_id)
            run.stop()
        return made

    assert asyncio.run(first()) == ["ann"]
    assert run.stopped


def test_a_list_that_a_stop_kept_from_being_made_is_no_failure() -> None:
    meter = MeteredChatModel(Answering(order()))
    meter.stop()

    async def make(profile: InterestProfile) -> Recommendation:
        await meter.reply(None)  # type: ignore[arg-type]
        return shortlist(1)

    run = ListRun(make, [meter])
    assert users_of(run) == []
    assert (run.made, run.failed) == (0, {})


def test_several_lists_are_made_at_once_and_come_in_order() -> None:
    under_way, most = 0, 0

    async def make(profile: InterestProfile) -> Recommendation:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.03 if profile.user_id == "ann" else 0)
        under_way -= 1
        return shortlist(1, profile.user_id)

    assert users_of(ListRun(make, concurrency=3)) == ["ann", "bo", "cy", "di"]
    assert most == 3


def test_a_run_that_gives_up_ends_the_waits() -> None:
    ended = []
    run = run_of(ann=ChatRejected("wrong key", 401))
    run.on_stop = lambda: ended.append(True)
    with pytest.raises(ChatRejected):
        users_of(run)
    assert (ended, run.stopped) == ([True], True)
