"""The call log: nothing paid for is lost, nothing damaged is taken for a call."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from exchanges import answered, asked
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import InputError
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest
from llmrec.llm.recorded import ReplayChatModel


def log_of(path: Path, *texts: str) -> CallLog:
    """Return a log of the echoes of some questions."""
    log = CallLog(path)
    for text in texts:
        reply = answered(f"echo: {text}")
        asyncio.run(log.record(asked(text, label=f"test/{text}"), dict(reply.body)))
    return log


def replayed(log: CallLog, request: ChatRequest) -> str:
    return asyncio.run(ReplayChatModel(log).reply(request)).text()


def test_a_new_log_is_empty_and_makes_no_file(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "calls.jsonl")
    assert len(log) == 0
    assert log.find(asked()) is None
    assert not log.path.exists()


def test_an_exchange_has_the_shape_of_the_batch_api(tmp_path: Path) -> None:
    request, reply = asked(label="test/one"), answered("A chase of voices.")
    asyncio.run(CallLog(tmp_path / "calls.jsonl").record(request, dict(reply.body)))
    assert json.loads((tmp_path / "calls.jsonl").read_text("utf-8")) == {
        "custom_id": request.custom_id,
        "label": "test/one",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": request.body,
        "response": {"status_code": 200, "body": reply.body},
        "error": None,
    }


def test_append_is_on_disk_when_it_returns(tmp_path: Path) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one")
    assert asked("one").custom_id in CallLog(log.path)


def test_append_reaches_the_disk_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    path = tmp_path / "calls.jsonl"
    monkeypatch.setattr("os.fsync", lambda _: synced.append(path.read_bytes()))
    log_of(path, "one", "two")
    assert [content.count(b"\n") for content in synced] == [1, 2]


def test_scanning_finds_every_call_of_a_recording(demo: Path) -> None:
    log = CallLog(demo / "rerank.jsonl", must_exist=True)
    assert len(log) == len(list(log.exchanges())) == 24
    assert all(exchange["custom_id"] in log for exchange in log.exchanges())


def test_the_newest_line_wins(tmp_path: Path) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one", "two")
    asyncio.run(log.record(asked("one"), dict(answered("newer").body)))
    for seen in (log, CallLog(log.path)):
        assert len(seen) == 2
        assert replayed(seen, asked("one")) == "newer"
        assert [e["body"] for e in seen.exchanges()] == [asked("two").body, asked("one").body]


def test_blank_lines_are_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one")
    log.path.write_bytes(b"\n  \n" + log.path.read_bytes() + b"\n\n")
    assert replayed(CallLog(log.path), asked("one")) == "echo: one"
    assert caplog.messages == []


@settings(deadline=None)
@given(
    question=st.text(),
    answer=st.text(),
    label=st.text(),
    sampling=st.dictionaries(st.text(min_size=1), st.text() | st.integers() | st.booleans()),
)
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    question: str,
    answer: str,
    label: str,
    sampling: dict[str, object],
) -> None:
    request = asked(question, label=label, sampling=sampling)
    log = CallLog(tmp_path_factory.mktemp("log") / "calls.jsonl")
    asyncio.run(log.record(asked("before"), dict(answered("before").body)))
    asyncio.run(log.record(request, dict(answered(answer).body)))
    asyncio.run(log.record(asked("after"), dict(answered("after").body)))
    for seen in (log, CallLog(log.path)):
        exchange = seen.find(request)
        assert exchange is not None
        assert exchange["body"] == request.body
        assert exchange["label"] == label
        assert exchange["response"]["body"] == answered(answer).body


def test_a_last_line_cut_anywhere_is_ignored_and_the_next_begins_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)
    whole = log_of(tmp_path / "whole.jsonl", "one").path.read_bytes()
    lost = log_of(tmp_path / "lost.jsonl", "où 赋格").path.read_bytes()
    path = tmp_path / "calls.jsonl"
    for length in range(1, len(lost) - 1):
        path.write_bytes(whole + lost[:length])
        log = CallLog(path)
        assert len(log) == 1
        assert caplog.messages == [f"{path}, line 1: cut short by a stop, ignored"]
        asyncio.run(log.record(asked("two"), dict(answered("echo: two").body)))
        again = CallLog(path)
        assert len(again) == 2
        assert replayed(again, asked("one")) == "echo: one"
        assert replayed(again, asked("two")) == "echo: two"
        assert path.read_bytes().startswith(whole + lost[:length] + b"\n")
        caplog.clear()


def test_a_last_line_that_lacks_only_its_end_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one")
    log.path.write_bytes(log.path.read_bytes().rstrip(b"\n"))
    again = log_of(log.path, "two")
    assert len(again) == len(CallLog(log.path)) == 2
    assert caplog.messages == []


def test_a_tail_of_zero_bytes_is_ignored_also_after_the_next_append(tmp_path: Path) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one")
    log.path.write_bytes(log.path.read_bytes() + bytes(40))
    log_of(log.path, "two")
    assert len(CallLog(log.path)) == 2


def _without(name: str) -> Callable[[dict[str, object]], str]:
    return lambda exchange: json.dumps({k: v for k, v in exchange.items() if k != name})


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        (lambda exchange: "Dear diary,", "not JSON"),
        (lambda exchange: '{"user_id": "ann", "text": "Lov', "not JSON"),
        (lambda exchange: "\udcff", "not JSON"),
        (lambda exchange: "17", "not a call log: expected an object with custom_id"),
        (lambda exchange: json.dumps([exchange]), "not a call log"),
        (lambda exchange: '{"user_id": "ann", "text": "Lovely."}', "not a call log"),
        (lambda exchange: json.dumps(exchange | {"custom_id": 17}), "not a call log"),
        (lambda exchange: json.dumps(exchange | {"body": "no"}), "not a call log"),
        (_without("url"), "not a call log"),
        (_without("response"), "not a call log"),
        (lambda exchange: "[" * 200_000, "not JSON"),
    ],
)
def test_a_line_that_is_no_exchange_is_named(
    tmp_path: Path, damaged: Callable[[dict[str, object]], str], what: str
) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one")
    line = damaged(json.loads(log.path.read_text("utf-8")))
    log.path.write_bytes(b"\n" + line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(InputError, match=what) as wrong:
        CallLog(log.path)
    assert (wrong.value.path, wrong.value.line) == (str(log.path), 1)


def test_a_text_without_a_line_end_is_no_call_log(tmp_path: Path) -> None:
    path = tmp_path / "diary.txt"
    path.write_text("Dear diary, today I heard a fugue.", encoding="utf-8")
    with pytest.raises(InputError):
        CallLog(path)


@pytest.mark.parametrize(("old", "new"), [("one", "two"), ("tiny", "huge")])
def test_an_altered_request_is_detected(tmp_path: Path, old: str, new: str) -> None:
    log = log_of(tmp_path / "calls.jsonl", "zero", "one")
    first, second = log.path.read_text("utf-8").splitlines(keepends=True)
    log.path.write_text(first + second.replace(old, new), encoding="utf-8")
    altered = CallLog(log.path)
    with pytest.raises(InputError, match="the line was altered") as wrong:
        altered.find(asked("one"))
    assert wrong.value.path == f"{log.path}, byte {len(first)}"
    assert replayed(altered, asked("zero")) == "echo: zero"


def test_a_log_that_must_exist_does(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl: cannot be read: No such file"):
        CallLog(tmp_path / "nowhere.jsonl", must_exist=True)


def test_a_log_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory") as wrong:
        CallLog(tmp_path)
    assert wrong.value.path == str(tmp_path)


def test_a_log_that_cannot_be_written_is_named_and_not_counted(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "no folder" / "calls.jsonl")
    with pytest.raises(InputError, match="cannot be written: No such file") as wrong:
        asyncio.run(log.record(asked(), dict(answered("never kept").body)))
    assert wrong.value.path == str(log.path)
    assert len(log) == 0


def test_half_a_character_in_a_reply_is_kept(tmp_path: Path) -> None:
    body = json.loads(r'{"choices": [{"message": {"content": "\ud83d"}}]}')
    log = CallLog(tmp_path / "calls.jsonl")
    asyncio.run(log.record(asked(), body))
    assert asked().custom_id in CallLog(log.path)


APPEND_MANY = """
import asyncio
import sys
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatReply, ChatRequest, Message
log = CallLog(sys.argv[1])
for n in range(20):
    request = ChatRequest(sys.argv[2], (Message("user", f"{n} " + "la " * 10_000),))
    asyncio.run(log.record(request, {"choices": [], "n": n}))
    assert log.find(request)["response"]["body"]["n"] == n
"""


def test_two_processes_on_one_log_do_not_corrupt_it(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b'{"custom_id": "cut sho')
    writers = [
        subprocess.Popen([sys.executable, "-c", APPEND_MANY, path, name]) for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    log = CallLog(path)
    assert len(list(log.exchanges())) == 40
