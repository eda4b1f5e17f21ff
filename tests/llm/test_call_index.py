"""The index beside a call log: it saves reading, and never decides what the log holds."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from exchanges import answered, asked
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmrec.errors import InputError
from llmrec.llm import call_lines
from llmrec.llm.call_index import CallIndex
from llmrec.llm.calls import CallLog
from llmrec.llm.side_index import SideIndex


def index_path(path: Path) -> Path:
    return SideIndex(path).path


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of a few lines is large."""
    monkeypatch.setattr("llmrec.llm.call_index._STEP", 100)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the lines that are read."""
    numbers: list[int] = []
    whole = call_lines._exchange

    def exchange(raw: bytes, path: Path, number: int) -> object:
        numbers.append(number)
        return whole(raw, path, number)

    monkeypatch.setattr(call_lines, "_exchange", exchange)
    return numbers


def record(log: CallLog, *texts: str) -> CallLog:
    for text in texts:
        asyncio.run(log.record(asked(text), dict(answered(f"echo: {text}").body)))
    return log


def newest(path: Path) -> dict[str, str]:
    """What a log holds, by question."""
    return {
        exchange["body"]["messages"][0]["content"]: exchange["response"]["body"]["choices"][0][
            "message"
        ]["content"]
        for exchange in CallLog(path).exchanges()
    }


def test_a_small_log_has_no_index(tmp_path: Path) -> None:
    record(CallLog(tmp_path / "log"), "one", "two")
    CallLog(tmp_path / "log")
    assert [file.name for file in tmp_path.iterdir()] == ["log"]


@pytest.mark.usefixtures("step")
def test_only_what_the_index_does_not_cover_is_read(tmp_path: Path, parsed: list[int]) -> None:
    path = tmp_path / "log"
    record(CallLog(path), "one", "two", "three")
    assert index_path(path).exists()
    whole = path.read_bytes()
    parsed.clear()
    assert len(CallLog(path)) == 3
    assert parsed == []
    path.write_bytes(whole + whole.replace(b"one", b"uno").splitlines(keepends=True)[0])
    with pytest.raises(InputError, match="was altered"):
        list(CallLog(path).exchanges())
    assert parsed == [3]


@pytest.mark.usefixtures("step")
def test_opening_a_large_log_makes_its_index(tmp_path: Path, parsed: list[int]) -> None:
    path = tmp_path / "log"
    record(CallLog(path), "one", "two")
    index_path(path).unlink()
    assert len(CallLog(path)) == 2
    parsed.clear()
    assert newest(path) == {"one": "echo: one", "two": "echo: two"}
    assert parsed == []


def _cut(content: bytes) -> bytes:
    return content[:30]


def _flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda content: b"",
    lambda content: b"something else",
    lambda content: content.replace(b"index 1", b"index 2"),
    _cut,
    _flipped,
]


@pytest.mark.usefixtures("step")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_made_anew_and_that_is_said_once(
    tmp_path: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log"
    record(CallLog(path), "one", "two")
    good = index_path(path).read_bytes()
    index_path(path).write_bytes(damage(good))
    assert newest(path) == {"one": "echo: one", "two": "echo: two"}
    assert [message.partition(" (")[0] for message in caplog.messages] == [
        f"{index_path(path)} does not fit its call log"
    ]
    assert len(CallLog(path)) == 2
    assert len(caplog.messages) == 1


@pytest.mark.usefixtures("step")
@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[1:],
        lambda lines: lines[:-1],
        lambda lines: lines[::-1],
        lambda lines: [b"\n", *lines],
        lambda lines: [],
    ],
)
def test_an_index_of_another_log_is_made_anew(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log"
    record(CallLog(path), "one", "three", "thirteen")
    lines = change(path.read_bytes().splitlines(keepends=True))
    path.write_bytes(b"".join(lines))
    stale = index_path(path).read_bytes()
    (tmp_path / "fresh").write_bytes(path.read_bytes())
    assert newest(path) == newest(tmp_path / "fresh")
    assert "the log has changed" in caplog.text
    assert index_path(path).read_bytes() != stale


@pytest.mark.usefixtures("step")
def test_where_no_index_can_be_written_the_log_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log"
    index_path(path).mkdir()
    with caplog.at_level(logging.INFO, "llmrec"):
        record(CallLog(path), "one", "two")
        assert newest(path) == {"one": "echo: one", "two": "echo: two"}
    assert caplog.messages == []


def test_an_id_that_is_not_hex_is_named(tmp_path: Path) -> None:
    path = record(CallLog(tmp_path / "log"), "one").path
    path.write_bytes(b"\n" + path.read_bytes().replace(asked("one").custom_id.encode(), b"mine-1"))
    with pytest.raises(InputError, match="24 hex digits, came 'mine-1'") as wrong:
        CallLog(path)
    assert wrong.value.line == 1


steps = st.one_of(
    st.tuples(st.just("record"), st.sampled_from("abcd"), st.sampled_from("12")),
    st.tuples(st.just("cut"), st.integers(1, 400)),
    st.just(("reopen",)),
    st.just(("reopen other",)),
)


@settings(deadline=None, max_examples=40)
@example(steps=[("record", "a", "1"), ("cut", 1), ("cut", 1)], step=1)
@given(steps=st.lists(steps, max_size=12), step=st.sampled_from([1, 300, 10**6]))
def test_whatever_is_added_cut_and_reopened_the_index_says_what_the_log_says(
    steps: list[tuple[str, ...]], step: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A stop cuts the file anywhere; two logs are open on it, as in two processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llmrec.llm.call_index._STEP", step)
        patch.setattr("os.fsync", lambda _: None)
        path = tmp_path_factory.mktemp("log") / "log"
        path.touch()
        log, other = CallLog(path), CallLog(path)
        for what, *values in steps:
            if what == "record":
                asyncio.run(log.record(asked(values[0]), dict(answered(values[1]).body)))
                log, other = other, log
            elif what == "cut":
                os.truncate(path, max(0, path.stat().st_size - int(values[0])))
                log, other = CallLog(path), CallLog(path)
            elif what == "reopen":
                log = CallLog(path)
            else:
                other = CallLog(path)
        seen = newest(path)
        index_path(path).unlink(missing_ok=True)
        assert newest(path) == seen
        asyncio.run(log.record(asked("last"), dict(answered("1").body)))
        assert log._index is not None
        assert log._index.places == CallIndex(path).places
        assert len(log) == len(seen | {"last": "1"})
