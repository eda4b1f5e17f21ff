"""Asking for JSON over the wire: formats, follow-ups, and what the call log makes of them."""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import faults
from serving.openai_server import Answer, OpenAIServer, Script, completion
from wire import opened, question

from llmrec.errors import (
    ChatIncomplete,
    ChatRejected,
    ChatUnavailable,
    FormatRefused,
    RecordingMissing,
    ReplyInvalid,
    SettingsError,
    Stopped,
)
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Usage
from llmrec.llm.metering import MeteredChatModel
from llmrec.llm.openai_chat import OpenAIChatModel
from llmrec.llm.recorded import LoggedChatModel, ReplayChatModel
from llmrec.llm.structured import Answer as Parsed
from llmrec.llm.structured import Asker, find_objects, json_schema_format
from llmrec.llm.tokens import count_tokens

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
GOOD = '{"n": 4}'


def asked(text: str = "2 + 2?", **fields: Any) -> ChatRequest:
    return question(text, response_format=json_schema_format("sum", SCHEMA), **fields)


def number(text: str) -> int:
    value = json.loads(text)
    if type(value.get("n")) is not int:
        raise ReplyInvalid("n: expected a whole number", text)
    return int(value["n"])


def says(content: str | None, **changes: Any) -> Answer:
    return Answer(body=completion(content, **changes))


@dataclass
class Session:
    """One run of a command: a call log in one of its modes, and what it counted."""

    chat: Any
    meter: MeteredChatModel = field(init=False)
    asker: Asker = field(init=False)

    def __post_init__(self) -> None:
        self.meter = MeteredChatModel(self.chat)
        self.asker = Asker(self.meter)

    def ask(self, *requests: ChatRequest) -> list[Parsed[int]]:
        async def whole() -> list[Parsed[int]]:
            live = getattr(self.chat, "_live", None)
            try:
                return [await self.asker.ask(request, number) for request in requests or (asked(),)]
            finally:
                if live is not None:
                    await live._server.aclose()

        return asyncio.run(whole())

    def value(self, request: ChatRequest | None = None) -> int:
        return self.ask(request or asked())[0].value

    @property
    def counted(self) -> tuple[int, int, Usage]:
        """Answers, those of them that were replayed, and tokens."""
        return self.meter.replies, self.meter.replayed, self.meter.usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


@pytest.fixture
def live(server: OpenAIServer, path: Path) -> Any:
    """Open sessions in the default mode (``fresh=True`` for the other)."""

    def session(**mode: bool) -> Session:
        return Session(LoggedChatModel(CallLog(path), OpenAIChatModel(opened(server)), **mode))

    return session


@pytest.fixture
def replayed(path: Path) -> Any:
    return lambda: Session(ReplayChatModel(CallLog(path, must_exist=True)))


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def formats(server: OpenAIServer) -> list[str]:
    bodies = [received.body for received in server.requests]
    return [body.get("response_format", {"type": "text"})["type"] for body in bodies]


# Formats

DOWN = {
    (): ["json_schema"],
    ("json_schema",): ["json_schema", "json_object"],
    ("json_schema", "json_object"): ["json_schema", "json_object", "text"],
}


@pytest.mark.parametrize("refused", DOWN)
def test_it_steps_down_to_what_the_server_takes(
    server: OpenAIServer, live: Any, refused: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    server.always(faults.refusing_formats(*refused, answered=GOOD))
    session = live()
    assert session.value() == 4
    assert formats(server) == DOWN[refused]
    assert session.value(asked("1 + 3?")) == 4
    assert formats(server)[len(DOWN[refused]) :] == DOWN[refused][-1:]
    assert [m.split(":")[0] for m in caplog.messages] == [
        f"the server does not take response_format {first}, going on with {then}"
        for first, then in zip(DOWN[refused], DOWN[refused][1:], strict=False)
    ]
    assert session.counted == (2, 0, Usage(200, 20))


@pytest.mark.parametrize("refused", DOWN)
def test_the_next_run_is_offline_and_the_same(
    server: OpenAIServer, live: Any, replayed: Any, path: Path, refused: tuple[str, ...]
) -> None:
    server.always(faults.refusing_formats(*refused, answered=GOOD))
    questions = [asked(), asked("1 + 3?")]
    first = live().ask(*questions)
    n_requests, content = len(server.requests), path.read_bytes()
    for session in (live(), replayed()):
        assert session.ask(*questions) == first
        assert session.counted == (2, 2, Usage(200, 20))
    for session in (live(), replayed()):  # also the second question alone, and first
        assert session.ask(*questions[::-1]) == first[::-1]
    assert len(server.requests) == n_requests
    assert path.read_bytes() == content


def test_refusals_are_recorded_as_they_came(server: OpenAIServer, live: Any, path: Path) -> None:
    server.always(faults.refusing_formats("json_schema", answered=GOOD))
    live().value()
    refused, answered = lines(path)
    assert refused["response"]["status_code"] == 400
    assert refused["response"]["body"]["error"]["message"].endswith("not supported here")
    assert refused["server"] == answered["server"] == server.url
    assert answered["response"]["status_code"] == 200


def test_what_a_recorded_refusal_said_is_remembered_for_new_questions(
    server: OpenAIServer, live: Any
) -> None:
    server.always(faults.refusing_formats("json_schema", answered=GOOD))
    live().value()
    session = live()
    assert session.ask(asked(), asked("new"))[1].value == 4
    assert formats(server) == ["json_schema", "json_object", "json_object"]


def test_the_schema_is_in_the_prompt_where_no_format_holds_it(
    server: OpenAIServer, live: Any
) -> None:
    server.always(faults.refusing_formats("json_schema", "json_object", answered=GOOD))
    live().value()
    contents = [received.body["messages"][0]["content"] for received in server.requests]
    assert contents[0] == "2 + 2?"
    assert contents[1] == contents[2]
    assert contents[1].startswith("2 + 2?\n\nReply with one JSON object of this JSON Schema")
    assert contents[1].endswith(json.dumps(SCHEMA, sort_keys=True, separators=(",", ":")))


def test_a_server_that_takes_nothing_is_an_error(server: OpenAIServer, live: Any) -> None:
    server.always(faults.refusing_formats("json_schema", "json_object", "text"))
    with pytest.raises(FormatRefused, match="of type text is not supported"):
        live().value()
    assert formats(server) == ["json_schema", "json_object", "text"]


def test_another_refusal_does_not_step_down(server: OpenAIServer, live: Any, path: Path) -> None:
    server.always(faults.TOO_LONG)
    with pytest.raises(ChatRejected, match="maximum context length"):
        live().value()
    assert formats(server) == ["json_schema"]
    assert not path.exists()


# Finding the object

WHOLE = ["{}", '{"a": {"b": 1}}', '{"a": "} { ```"}']


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        " \n{}\n",
        "```json\n{}\n```",
        "```\n{}```",
        "Sure! Here it is:\n\n{}\n\nAnything else?",
        '<think>{{a draft}}: {{"n": 7}}</think>\n{}',
        "a set {{1, 2}} and then {}",
        "\ufeff{}",
    ],
)
def test_an_object_is_found(whole: str, around: str) -> None:
    assert find_objects(around.format(whole))[-1] == whole


@pytest.mark.parametrize("text", ["", "no", "[1]", "{", '{"a": 1', "}{", "{" * 9999])
def test_without_an_object_nothing_is_found(text: str) -> None:
    assert find_objects(text) == []


def test_of_one_broken_object_no_part_counts() -> None:
    assert find_objects('{"interests": [{"n": 1}],}') == []


@given(st.text())
def test_what_is_found_is_json(text: str) -> None:
    assert all(isinstance(json.loads(found), dict) for found in find_objects(text))


@given(
    st.dictionaries(st.text(), st.integers() | st.text()),
    st.text().filter(lambda text: "{" not in text),
)
def test_every_object_is_found_behind_any_prose(value: dict[str, Any], prose: str) -> None:
    whole = json.dumps(value, ensure_ascii=False)
    assert find_objects(f"{prose}{whole}{prose}") == [whole]


@pytest.mark.parametrize(
    "text",
    [
        'The schema is {"type": "object"}, so: {"n": 4}',
        '{"n": 3} was wrong: {"n": 4}',
        '{"n": 4} is all, not {"m": 5}',
        '<think>{"n": 9}</think>{"n": 4}',
        '```json\n{"n": 4}\n```',
    ],
)
def test_the_last_object_that_is_what_was_asked_for_counts(
    server: OpenAIServer, live: Any, text: str
) -> None:
    server.always(says(text))
    assert live().value() == 4
    assert len(server.requests) == 1


# Follow-ups

BAD = says('{"n": "four"}')


def test_of_several_wrong_objects_the_last_is_corrected(server: OpenAIServer, live: Any) -> None:
    server.script(says('{"n": "three"} {"m": 4}'), says(GOOD))
    assert live().value() == 4


def test_what_was_wrong_is_said_to_the_model(server: OpenAIServer, live: Any) -> None:
    server.script(BAD, says(GOOD))
    assert live().value() == 4
    first, second = (received.body for received in server.requests)
    assert second["messages"][:1] == first["messages"]
    assert second["messages"][1] == {"role": "assistant", "content": '{"n": "four"}'}
    assert second["messages"][2]["role"] == "user"
    assert "n: expected a whole number" in second["messages"][2]["content"]
    assert second["response_format"] == first["response_format"]


def test_the_answer_names_the_request_that_gave_it(
    server: OpenAIServer, live: Any, path: Path
) -> None:
    server.script(BAD, says(GOOD))
    [answer] = live().ask(asked(label="sum/ann"))
    assert [line["label"] for line in lines(path)] == ["sum/ann", "sum/ann/again"]
    assert answer.custom_id == lines(path)[1]["custom_id"]


@pytest.mark.parametrize("n_bad", [0, 1, 2])
def test_every_attempt_is_in_the_log_and_in_the_bill(
    server: OpenAIServer, live: Any, replayed: Any, path: Path, n_bad: int
) -> None:
    server.script(*[BAD] * n_bad, says(GOOD))
    session = live()
    first = session.ask()
    used = Usage(100 * (n_bad + 1), 10 * (n_bad + 1))
    assert session.counted == (n_bad + 1, 0, used)
    assert len(lines(path)) == len(server.requests) == n_bad + 1
    for again in (live(), replayed()):
        assert again.ask() == first
        assert again.counted == (n_bad + 1, n_bad + 1, used)
    assert len(server.requests) == n_bad + 1


def test_it_asks_twice_more_and_no_further(
    server: OpenAIServer, live: Any, replayed: Any, path: Path
) -> None:
    server.always(BAD)
    session = live()
    with pytest.raises(ReplyInvalid, match="n: expected a whole number"):
        session.ask()
    assert session.counted == (3, 0, Usage(300, 30))
    again = replayed()
    with pytest.raises(ReplyInvalid, match="n: expected a whole number"):
        again.ask()
    assert again.counted == (3, 3, Usage(300, 30))
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (faults.CUT_OFF, "cut off at the output limit"),
        (faults.FILTERED, "content filter"),
        (faults.REFUSED, "refused: 'I cannot"),
        (faults.EMPTY, "no text"),
    ],
)
def test_an_incomplete_reply_has_an_error_of_its_own_and_no_follow_up(
    server: OpenAIServer, live: Any, replayed: Any, fault: Script, what: str
) -> None:
    server.always(fault)
    session, again = live(), None
    with pytest.raises(ChatIncomplete, match=what):
        session.ask()
    assert session.counted == (1, 0, Usage(100, 10))
    again = replayed()
    with pytest.raises(ChatIncomplete, match=what):
        again.ask()
    assert again.counted == (1, 1, Usage(100, 10))
    assert len(server.requests) == 1


# Recorded replies that cannot be used


@pytest.mark.parametrize("bad", [BAD, faults.CUT_OFF, faults.REFUSED])
def test_by_default_they_are_asked_for_anew(
    server: OpenAIServer, live: Any, replayed: Any, path: Path, bad: Script
) -> None:
    server.always(bad)
    with pytest.raises((ReplyInvalid, ChatIncomplete)):
        live().ask()
    n_requests = len(server.requests)
    server.always(says(GOOD))
    session = live()
    assert session.value() == 4
    assert len(server.requests) == n_requests + 1
    assert session.meter.replies - session.meter.replayed == 1
    assert replayed().value() == live().value() == 4
    assert len(server.requests) == n_requests + 1


def test_a_run_that_ended_before_a_follow_up_goes_on_with_it(
    server: OpenAIServer, live: Any, path: Path
) -> None:
    server.script(BAD, faults.WRONG_KEY)
    with pytest.raises(ChatRejected):
        live().ask()
    server.always(says(GOOD))
    session = live()
    assert session.value() == 4
    assert len(server.requests) == 3
    assert server.requests[2].body == server.requests[1].body
    assert session.counted == (2, 1, Usage(200, 20))
    assert [line["label"] for line in lines(path)] == ["", "/again"]


def test_without_a_follow_up_on_record_a_replayed_failure_stands(
    server: OpenAIServer, live: Any, replayed: Any, path: Path
) -> None:
    server.script(BAD, faults.WRONG_KEY)
    with pytest.raises(ChatRejected):
        live().ask()
    session = replayed()
    with pytest.raises(ReplyInvalid, match="n: expected a whole number"):
        session.ask()
    assert session.counted == (1, 1, Usage(100, 10))


def test_without_a_server_they_stand_too(server: OpenAIServer, live: Any, path: Path) -> None:
    server.always(BAD)
    with pytest.raises(ReplyInvalid):
        live().ask()
    session = Session(LoggedChatModel(CallLog(path), None))
    with pytest.raises(ReplyInvalid):
        session.ask()
    assert session.counted == (3, 3, Usage(300, 30))
    with pytest.raises(SettingsError, match="nothing says which server"):
        session.ask(asked("new"))


def test_fresh_asks_everything_again(server: OpenAIServer, live: Any) -> None:
    server.always(BAD)
    with pytest.raises(ReplyInvalid):
        live().ask()
    server.always(says(GOOD))
    session = live(fresh=True)
    assert session.value() == 4
    assert session.counted == (1, 0, Usage(100, 10))
    assert live().counted == (0, 0, Usage())
    assert live().value() == 4


def test_replay_looks_for_every_format_before_it_gives_up(
    server: OpenAIServer, live: Any, replayed: Any
) -> None:
    server.always(faults.refusing_formats("json_schema", "json_object", answered=GOOD))
    session = live()
    session.ask(asked("before"))
    session.ask(asked())
    assert replayed().value() == 4
    with pytest.raises(RecordingMissing, match="no call"):
        replayed().ask(asked("never asked"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, FormatRefused), (401, ChatRejected), (429, ChatUnavailable), (503, ChatUnavailable)],
)
def test_recorded_errors_are_replayed_and_by_default_called_again(
    server: OpenAIServer, live: Any, replayed: Any, path: Path, status: int, kind: type[Exception]
) -> None:
    asyncio.run(CallLog(path).record(asked(), {"error": {"message": "no"}}, status=status))
    if kind is FormatRefused:  # then the next format is looked up
        kind = RecordingMissing
    with pytest.raises(kind):
        replayed().ask()
    server.always(says(GOOD))
    assert live().value() == 4


def test_several_recorded_refusals_are_said_once(
    server: OpenAIServer, live: Any, replayed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.always(faults.refusing_formats("json_schema", answered=GOOD))
    for text in ("one", "two"):
        live().ask(asked(text))
    caplog.clear()
    assert [answer.value for answer in replayed().ask(asked("one"), asked("two"))] == [4, 4]
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("response", ["a text", {"status_code": 200}, {"status_code": "200"}])
def test_a_recorded_response_of_another_shape_is_called_for_again(
    server: OpenAIServer, live: Any, replayed: Any, path: Path, response: object
) -> None:
    asyncio.run(CallLog(path).record(asked(), {}))
    [line] = lines(path)
    path.write_text(json.dumps(line | {"response": response}) + "\n", "utf-8")
    with pytest.raises(ChatUnavailable, match="recorded for"):
        replayed().ask()
    server.always(says(GOOD))
    assert live().value() == 4


# Counting, servers, stopping


def test_tokens_that_the_server_does_not_count_are_estimated(
    server: OpenAIServer, live: Any, replayed: Any
) -> None:
    server.script(faults.without_usage(GOOD), says(GOOD))
    estimated = Usage(count_tokens("2 + 2?"), count_tokens(GOOD), estimated=True)
    session = live()
    session.ask()
    assert session.counted == (1, 0, estimated)
    session.ask(asked("and?"))
    assert session.counted == (2, 0, estimated + Usage(100, 10))
    again = replayed()
    again.ask()
    assert again.counted == (1, 1, estimated)


@pytest.mark.parametrize(
    "usage",
    [
        {},
        [],
        "many",
        {"prompt_tokens": None},
        {"prompt_tokens": "7", "completion_tokens": 3},
        {"prompt_tokens": 7},
    ],
)
def test_strange_counts_are_estimated_too(server: OpenAIServer, live: Any, usage: object) -> None:
    server.always(says(GOOD, usage=usage))
    session = live()
    session.ask()
    assert session.meter.usage.estimated


def test_answers_of_another_server_are_noted_once(
    server: OpenAIServer, live: Any, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.always(says(GOOD))
    live().ask(asked(), asked("1 + 3?"))
    assert caplog.messages == []
    with OpenAIServer() as other:
        chat = LoggedChatModel(CallLog(path), OpenAIChatModel(opened(other)))
        Session(chat).ask(asked(), asked("1 + 3?"))
        assert other.requests == []
    assert caplog.messages == [f"{path}: some answers are from {server.url}, not from {other.url}"]


def test_the_log_names_the_server_without_query(server: OpenAIServer, path: Path) -> None:
    server.always(says(GOOD))
    way = opened(server, base_url=f"{server.url}/?secret=hunter2")
    Session(LoggedChatModel(CallLog(path), OpenAIChatModel(way))).ask()
    assert [line["server"] for line in lines(path)] == [server.url]
    assert "hunter2" not in path.read_text("utf-8")


def test_after_a_stop_nothing_is_asked(server: OpenAIServer, live: Any) -> None:
    server.always(says(GOOD))
    session = live()
    session.ask()
    session.meter.stop()
    with pytest.raises(Stopped):
        session.ask(asked("new"))
    assert len(server.requests) == 1


@pytest.fixture(autouse=True)
def _warnings_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "llmrec")
