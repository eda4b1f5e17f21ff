"""The call log: nothing paid for is lost, nothing damaged is taken for a call."""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from exchanges import answered, asked
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import InputError
from llmrec.llm.call_files import compact_calls, sort_calls
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


RECORD_MANY = """
import asyncio
import sys
import time
from llmrec.llm.call_files import compact_calls, sort_calls
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Message
log = CallLog(sys.argv[1])
requests = [
    ChatRequest(sys.argv[2], (Message("user", f"{n} " + "la " * 50_000),)) for n in range(40)
]
async def caller(waiting):
    for n, request in waiting:
        await log.record(request, {"choices": [], "n": n})
        assert log.find(request)["response"]["body"]["n"] == n
async def run():
    waiting = enumerate(requests)
    await asyncio.gather(*(caller(waiting) for _ in range(4)))
asyncio.run(run())
assert all(log.find(request)["response"]["body"]["n"] == n for n, request in enumerate(requests))
"""


def recorders(path: Path) -> list[subprocess.Popen[bytes]]:
    """Start two processes that add 40 lines of 150 kB each to one log, and find them again."""
    return [
        subprocess.Popen([sys.executable, "-c", RECORD_MANY, path, name]) for name in ("a", "b")
    ]


def whole_lines(path: Path) -> int:
    return sum(1 for line in path.read_bytes().splitlines() if line.endswith(b"}"))


def test_two_processes_on_one_log_do_not_corrupt_it(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b'{"custom_id": "cut sho')
    assert [process.wait() for process in recorders(path)] == [0, 0]
    assert len(list(CallLog(path).exchanges())) == 80
    assert whole_lines(path) == 80


def test_a_log_that_takes_its_own_place_loses_nothing_that_is_added_meanwhile(
    tmp_path: Path,
) -> None:
    path = log_of(tmp_path / "calls.jsonl", "one", "one").path
    rewritings = 0
    processes = recorders(path)
    while any(process.poll() is None for process in processes):
        compact_calls(path, path)
        sort_calls(path, path)
        rewritings += 1
        time.sleep(0.05)  # without a gap the writers get hardly a turn
    assert [process.wait() for process in processes] == [0, 0]
    assert rewritings > 2
    assert len(list(CallLog(path).exchanges())) == whole_lines(path) == 81


def test_what_another_process_adds_is_seen_at_the_next_record(tmp_path: Path) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one")
    log_of(log.path, "two")
    assert asked("two").custom_id not in log
    asyncio.run(log.record(asked("three"), dict(answered("3").body)))
    assert replayed(log, asked("two")) == "echo: two"
    assert len(log) == 3


def test_a_log_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one", "two", "one")
    compact_calls(log.path, log.path)
    assert replayed(log, asked("two")) == "echo: two"
    sort_calls(log.path, log.path)
    asyncio.run(log.record(asked("three"), dict(answered("3").body)))
    assert len(log) == 3
    sort_calls(log.path, log.path)
    assert len(list(log.exchanges())) == 3


def test_a_log_that_was_removed_is_named(tmp_path: Path) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one")
    log.path.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        log.find(asked("one"))
    asyncio.run(log.record(asked("two"), dict(answered("2").body)))
    assert len(log) == 1


def test_many_at_once_are_on_disk_after_few_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    monkeypatch.setattr("os.fsync", syncs.append)
    log = CallLog(tmp_path / "calls.jsonl")

    async def one(n: int) -> None:
        await log.record(asked(str(n)), dict(answered(str(n)).body))
        assert replayed_here(log, asked(str(n))) == str(n)

    async def run() -> None:
        await asyncio.gather(*(one(n) for n in range(200)))

    asyncio.run(run())
    assert len(CallLog(log.path)) == 200
    assert len(syncs) < 20


def replayed_here(log: CallLog, request: ChatRequest) -> str:
    exchange = log.find(request)
    assert exchange is not None
    text: str = exchange["response"]["body"]["choices"][0]["message"]["content"]
    return text


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(30, "EROFS")])
def test_a_read_only_log_is_read_and_not_added_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    path = log_of(tmp_path / "calls.jsonl", "one").path

    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr("llmrec.llm.calls.locked", refused)
    log = CallLog(path)
    assert replayed(log, asked("one")) == "echo: one"
    what = f"cannot be written: {error.strerror}: the answer to test/two came, but is not recorded"
    with pytest.raises(InputError, match=what):
        log_of(path, "two")


@pytest.mark.parametrize("lost", ["start", "middle", "end"])
def test_zeros_of_a_power_cut_are_ignored(tmp_path: Path, lost: str) -> None:
    path = tmp_path / "calls.jsonl"
    one, two, three = log_of(path, "one", "two", "three").path.read_bytes().splitlines(True)
    half = len(two) // 2
    zeros = bytes(half)
    hurt = {
        "start": zeros + two[half:],
        "middle": two[:half] + zeros[:-20] + two[-20:],
        "end": two[:half] + zeros,
    }[lost]
    path.write_bytes(one + hurt + (b"" if lost == "end" else three))
    assert len(CallLog(path)) == (1 if lost == "end" else 2)
    log_of(path, "two")
    assert replayed(CallLog(path), asked("two")) == "echo: two"


def test_a_line_of_another_format_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text('{"format": 2, "custom_id": "0", "request": {}}\n', "utf-8")
    with pytest.raises(InputError, match="if a newer llmrec wrote it, install that one"):
        CallLog(path)


def test_a_line_that_became_unreadable_is_detected(tmp_path: Path) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one")
    with log.path.open("r+b") as file:
        file.write(b"[")
    with pytest.raises(InputError, match="the line was altered"):
        log.find(asked("one"))


def test_where_there_is_no_room_the_answer_is_named_and_what_was_there_stays(
    tmp_path: Path,
) -> None:
    log = log_of(tmp_path / "calls.jsonl", "one")
    whole = log.path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 50, limits[1]))
    try:
        with pytest.raises(InputError, match="the answer to test/two came, but is not recorded"):
            log_of(log.path, "two")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert log.path.read_bytes() == whole
