"""Answers from a call log: replay, default and fresh, and what every chat model does alike."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exchanges import LiveChat, answered, asked

from llmrec.digests import digest
from llmrec.errors import (
    ChatRejected,
    ChatUnavailable,
    LLMRecError,
    RecordingMissing,
    SettingsError,
)
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import CHAT_URL, ChatModel, ChatReply, ChatRequest, Message, Usage
from llmrec.llm.recorded import LoggedChatModel, ReplayChatModel

Known = list[tuple[ChatRequest, str]]
"""Requests, and the answers that a chat model is known to give."""


def ask(chat: ChatModel, request: ChatRequest, *, renew: bool = False) -> ChatReply:
    return asyncio.run(chat.reply(request, renew=renew))


def recorded(path: Path, request: ChatRequest, response: object, error: object = None) -> CallLog:
    """Return a log of one exchange."""
    exchange = {
        "custom_id": request.custom_id,
        "label": request.label,
        "url": CHAT_URL,
        "body": request.body,
        "response": response,
        "error": error,
    }
    path.write_text(json.dumps(exchange) + "\n", encoding="utf-8")
    return CallLog(path)


def recorded_answer(path: Path, request: ChatRequest, text: str = "from the log") -> CallLog:
    return recorded(path, request, {"status_code": 200, "body": answered(text).body})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


# Every chat model


def replay_of_the_demo(demo: Path, path: Path) -> tuple[ChatModel, Known]:
    log = CallLog(demo / "explain.jsonl", must_exist=True)
    known = [
        (
            ChatRequest(
                exchange["body"]["model"],
                tuple(Message(**message) for message in exchange["body"]["messages"]),
                exchange["body"]["response_format"],
                label=exchange["label"],
            ),
            exchange["response"]["body"]["choices"][0]["message"]["content"],
        )
        for exchange in log.exchanges()
    ]
    return ReplayChatModel(log), known


def logged_over_the_demo(demo: Path, path: Path) -> tuple[ChatModel, Known]:
    path.write_bytes((demo / "explain.jsonl").read_bytes())
    return LoggedChatModel(CallLog(path), LiveChat()), replay_of_the_demo(demo, path)[1]


def echoes() -> Known:
    return [(asked(f"What is {thing}?"), f"echo: What is {thing}?") for thing in ("moss", "赋格")]


def logged_over_live(demo: Path, path: Path) -> tuple[ChatModel, Known]:
    return LoggedChatModel(CallLog(path), LiveChat()), echoes()


def fresh_over_live(demo: Path, path: Path) -> tuple[ChatModel, Known]:
    return LoggedChatModel(CallLog(path), LiveChat(), fresh=True), echoes()


Opened = tuple[ChatModel, Known]


@pytest.fixture(
    params=[replay_of_the_demo, logged_over_the_demo, logged_over_live, fresh_over_live],
    ids=lambda opens: opens.__name__,
)
def opened(request: pytest.FixtureRequest, demo: Path, path: Path) -> Opened:
    opens: Callable[[Path, Path], Opened] = request.param
    return opens(demo, path)


def test_every_model_gives_each_of_many_requests_its_own_answer(opened: Opened) -> None:
    chat, known = opened

    async def ask_all() -> list[ChatReply]:
        return await asyncio.gather(*(chat.reply(request) for request, _ in known))

    assert [reply.text() for reply in asyncio.run(ask_all())] == [text for _, text in known]


def test_every_model_gives_an_answer_again_whatever_the_label(opened: Opened) -> None:
    chat, known = opened
    for request, text in known:
        assert ask(chat, request).text() == text
        assert ask(chat, replace(request, label="another")).text() == text


def test_every_model_counts_tokens(opened: Opened) -> None:
    chat, known = opened
    usage = ask(chat, known[0][0]).usage
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0


def test_every_model_answers_when_another_answer_is_wanted(opened: Opened) -> None:
    chat, known = opened
    assert ask(chat, known[0][0], renew=True).text()


# Default


def test_default_reuses_what_is_recorded(path: Path) -> None:
    live = LiveChat()
    reply = ask(LoggedChatModel(recorded_answer(path, asked()), live), asked())
    assert (reply.text(), reply.recorded, reply.usage) == ("from the log", True, Usage(7, 3))
    assert live.requests == []


def test_default_calls_once_and_records(path: Path) -> None:
    live = LiveChat()
    chat = LoggedChatModel(CallLog(path), live)
    first, second = ask(chat, asked("new")), ask(chat, asked("new"))
    assert first.text() == second.text() == "echo: new"
    assert (first.recorded, second.recorded) == (False, True)
    assert live.requests == [asked("new")]
    assert ask(ReplayChatModel(CallLog(path)), asked("new")).text() == "echo: new"


def test_default_records_replies_that_cannot_be_used(path: Path) -> None:
    cut = answered("half a sen", finish_reason="length")
    ask(LoggedChatModel(CallLog(path), LiveChat(cut)), asked())
    assert ask(ReplayChatModel(CallLog(path)), asked()).body == cut.body


def test_default_asks_anew_where_the_recorded_answer_cannot_be_used(path: Path) -> None:
    live = LiveChat()
    chat = LoggedChatModel(recorded_answer(path, asked()), live)
    reply = ask(chat, asked(), renew=True)
    assert not reply.recorded
    assert live.requests == [asked()]
    assert ask(chat, asked()).body == reply.body


def test_default_without_a_live_model_says_what_to_set(path: Path) -> None:
    with pytest.raises(SettingsError) as wrong:
        ask(LoggedChatModel(CallLog(path), None), asked(label="extract/ann"))
    assert all(
        word in str(wrong.value)
        for word in ("extract/ann", str(path), "--replay", "OPENAI_API_KEY")
    )


def test_default_without_a_live_model_answers_what_is_recorded(path: Path) -> None:
    chat = LoggedChatModel(recorded_answer(path, asked()), None)
    assert ask(chat, asked()).text() == "from the log"


def test_without_a_live_model_a_recorded_answer_stands(path: Path) -> None:
    chat = LoggedChatModel(recorded_answer(path, asked()), None)
    assert ask(chat, asked(), renew=True).text() == "from the log"


def test_an_error_of_the_live_model_is_raised_and_not_recorded(path: Path) -> None:
    live = LiveChat(ChatUnavailable("the server sleeps"))
    chat = LoggedChatModel(CallLog(path), live)
    with pytest.raises(ChatUnavailable, match="the server sleeps"):
        ask(chat, asked())
    assert not path.exists()
    assert ask(chat, asked("again")).text() == "echo: again"


# Fresh


def test_fresh_ignores_what_is_recorded_and_the_newest_wins(path: Path) -> None:
    live = LiveChat(answered("newer"))
    chat = LoggedChatModel(recorded_answer(path, asked()), live, fresh=True)
    assert ask(chat, asked()).text() == "newer"
    assert ask(LoggedChatModel(CallLog(path), None), asked()).text() == "newer"
    assert ask(ReplayChatModel(CallLog(path)), asked()).text() == "newer"


def test_fresh_without_a_live_model_is_a_settings_error(path: Path) -> None:
    with pytest.raises(SettingsError):
        ask(LoggedChatModel(recorded_answer(path, asked()), None, fresh=True), asked())


# Recorded errors

ERRORS = [
    ({"status_code": 400, "body": {"error": {"message": "no such format"}}}, None, ChatRejected),
    ({"status_code": 401, "body": {}}, None, ChatRejected),
    ({"status_code": 403, "body": {}}, None, ChatRejected),
    ({"status_code": 404, "body": {}}, None, ChatRejected),
    ({"status_code": 429, "body": {}}, None, ChatUnavailable),
    ({"status_code": 503, "body": "no such format"}, None, ChatUnavailable),
    (None, {"code": "batch_expired", "message": "no such format"}, ChatUnavailable),
]


@pytest.mark.parametrize(("response", "error", "kind"), ERRORS)
def test_replay_raises_a_recorded_error(
    path: Path, response: object, error: object, kind: type[Exception]
) -> None:
    log = recorded(path, asked(label="extract/ann"), response, error)
    with pytest.raises(kind, match="recorded for extract/ann"):
        ask(ReplayChatModel(log), asked())


@pytest.mark.parametrize("case", [ERRORS[0], ERRORS[5], ERRORS[6]])
def test_replay_says_what_the_server_said(path: Path, case: tuple[Any, Any, type]) -> None:
    response, error, kind = case
    with pytest.raises(kind, match="no such format"):
        ask(ReplayChatModel(recorded(path, asked(), response, error)), asked())


@pytest.mark.parametrize(("response", "error", "kind"), ERRORS)
def test_default_calls_anew_where_an_error_is_recorded(
    path: Path, response: object, error: object, kind: type[Exception]
) -> None:
    live = LiveChat()
    chat = LoggedChatModel(recorded(path, asked(), response, error), live)
    assert ask(chat, asked()).text().startswith("echo")
    assert live.requests == [asked()]


@pytest.mark.parametrize(
    "response",
    [
        "a text",
        {"status_code": 200},
        {"status_code": 200, "body": None},
        {"status_code": 200, "body": {"choices": [None]}},
        {"status_code": 200, "body": {"choices": {"first": 1}}},
        {"status_code": 200, "body": {"choices": [{"message": "a text"}]}},
    ],
)
def test_a_recorded_response_of_another_shape_is_an_error_of_ours(
    path: Path, response: object
) -> None:
    with pytest.raises(LLMRecError):
        ask(ReplayChatModel(recorded(path, asked(), response)), asked()).text()


# Replay


def test_replay_gives_the_recorded_answer_also_where_another_is_wanted(path: Path) -> None:
    chat = ReplayChatModel(recorded_answer(path, asked()))
    for renew in (False, True):
        reply = ask(chat, asked(), renew=renew)
        assert (reply.text(), reply.recorded) == ("from the log", True)


def missing(chat: ReplayChatModel, request: ChatRequest) -> RecordingMissing:
    with pytest.raises(RecordingMissing) as wrong:
        ask(chat, request)
    return wrong.value


def test_a_missing_recording_is_named(path: Path) -> None:
    request = asked("Something new?", label="extract/ann")
    error = missing(ReplayChatModel(CallLog(path)), request)
    assert error.missing == (
        f"extract/ann: no call {request.custom_id} in {path}; nothing similar is recorded",
    )
    assert "record these calls" in error.hint
    assert str(error) == f"{error.missing[0]}\n{error.hint}"


def test_a_missing_recording_is_compared_with_the_nearest(path: Path) -> None:
    log = CallLog(path)
    for text, label in (
        ("snow\nis soft\nand white", "test/snow"),
        ("moss\nis soft\nla\nli\nlu", "test/song"),
        ("moss\nis soft\nand green", "test/moss"),
    ):
        asyncio.run(log.record(asked(text, label=label), dict(answered("yes").body)))
    what = missing(ReplayChatModel(log), asked("moss\nis soft\nand grey")).missing[0]
    head, *lines = what.splitlines()
    assert head.endswith("the nearest is test/moss (- recorded, + asked for):")
    assert [line.strip() for line in lines] == ["-and green", "+and grey"]


def test_a_recording_without_a_label_is_named_by_its_id(path: Path) -> None:
    near = asked("one\ntwo")
    log = recorded_answer(path, near)
    what = missing(ReplayChatModel(log), asked("one\nthree")).missing[0]
    assert f"the nearest is {near.custom_id} " in what


def test_a_long_difference_is_shortened(path: Path) -> None:
    log = recorded_answer(path, asked("\n".join(f"old {n} {'x' * 500}" for n in range(40))))
    what = missing(ReplayChatModel(log), asked("new")).missing[0]
    lines = what.splitlines()
    assert len(lines) == 10
    assert lines[-1].strip() == "… and 33 lines more"
    assert max(map(len, lines[1:])) < 130


def test_only_the_first_three_missing_recordings_are_compared(path: Path) -> None:
    chat = ReplayChatModel(recorded_answer(path, asked()))
    texts = [missing(chat, asked(f"new {n}")).missing[0] for n in range(5)]
    assert ["nearest" in text for text in texts] == [True, True, True, False, False]


def test_another_model_altogether_is_nothing_similar(path: Path) -> None:
    log = recorded_answer(path, asked("one"))
    request = ChatRequest("huge", (Message("user", "two"),))
    assert missing(ReplayChatModel(log), request).missing[0].endswith("nothing similar is recorded")


def test_a_difference_that_begins_with_dashes_is_shown(path: Path) -> None:
    log = recorded_answer(path, asked("moss\n-- is soft"))
    assert "--- is soft" in missing(ReplayChatModel(log), asked("moss\n-- is hard")).missing[0]


LONG_FORMAT = {"type": "x" * 200}


@pytest.mark.parametrize(
    "request_",
    [
        asked(f"Be brief.\n{'moss ' * 100} is hard", response_format=LONG_FORMAT),
        asked(
            f"Be brief.\n{'moss ' * 100} is soft",
            response_format=LONG_FORMAT,
            sampling={"seed": 1},
        ),
    ],
    ids=["text", "sampling"],
)
def test_a_difference_late_in_a_line_is_shown(path: Path, request_: ChatRequest) -> None:
    near = asked(f"Be brief.\n{'moss ' * 100} is soft", response_format=LONG_FORMAT)
    what = missing(ReplayChatModel(recorded_answer(path, near)), request_).missing[0]
    _, removed, added = (line.strip() for line in what.splitlines())
    assert removed.removeprefix("-") != added.removeprefix("+")


def test_a_call_of_another_kind_in_the_log_is_passed_over(path: Path) -> None:
    body = {"model": "tiny", "input": ["moss"]}
    url = "/v1/embeddings"
    exchange = {"custom_id": digest([url, body]), "url": url, "body": body, "response": None}
    path.write_text(json.dumps(exchange) + "\n", encoding="utf-8")
    missing(ReplayChatModel(CallLog(path)), asked())


# Several at once


def test_equal_requests_at_once_are_one_call(path: Path) -> None:
    live = LiveChat()
    chat = LoggedChatModel(CallLog(path), live)

    async def whole() -> list[ChatReply]:
        return await asyncio.gather(*(chat.reply(asked("a fugue")) for _ in range(4)))

    replies = asyncio.run(whole())
    assert [reply.recorded for reply in replies] == [False, True, True, True]
    assert len(live.requests) == 1
    assert len(CallLog(path)) == 1


def test_who_waits_for_an_equal_request_that_fails_asks_again(path: Path) -> None:
    class FailsOnce(LiveChat):
        async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
            await asyncio.sleep(0)
            answer = await super().reply(request, renew=renew)
            if len(self.requests) == 1:
                raise ChatUnavailable("not yet")
            return answer

    chat = LoggedChatModel(CallLog(path), live := FailsOnce())

    async def whole() -> list[ChatReply | BaseException]:
        both = (chat.reply(asked("a fugue")) for _ in range(2))
        return await asyncio.gather(*both, return_exceptions=True)

    failed, answer = asyncio.run(whole())
    assert isinstance(failed, ChatUnavailable)
    assert isinstance(answer, ChatReply)
    assert len(live.requests) == 2


def test_a_line_is_read_once_for_the_question_and_the_answer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asked("a fugue")
    chat = LoggedChatModel(recorded_answer(path, request), LiveChat())
    found: list[str] = []
    find = CallLog.find

    def noting(self: CallLog, request: ChatRequest) -> Any:
        found.append(request.custom_id)
        return find(self, request)

    monkeypatch.setattr(CallLog, "find", noting)
    assert chat.is_recorded(request)
    assert ask(chat, request).recorded
    assert len(found) == 1
    assert not ask(chat, request, renew=True).recorded
    assert ask(chat, request).recorded
    assert len(found) == 2
