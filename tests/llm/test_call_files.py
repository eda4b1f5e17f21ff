import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import InputError
from llmrec.llm.call_files import Rewritten, compact_calls, merge_calls, prune_calls, sort_calls
from llmrec.llm.call_lines import logged_lines
from llmrec.llm.calls import CallLog, looked_up
from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.recorded import ReplayChatModel
from llmrec.llm.side_index import SideIndex


def asked(text: str) -> ChatRequest:
    return ChatRequest("tiny", (Message("user", text),), label=f"stage/{text}")


def write(path: Path, *exchanges: tuple[str, str]) -> Path:
    """Write a log of questions and answers."""
    log = CallLog(path)
    path.touch()
    for question, answer in exchanges:
        asyncio.run(log.record(asked(question), {"answer": answer}))
    return path


def answers(path: Path) -> dict[str, str]:
    """The newest answer to each question."""
    return {
        exchange["body"]["messages"][0]["content"]: exchange["response"]["body"]["answer"]
        for exchange in CallLog(path, must_exist=True).exchanges()
    }


def order(path: Path) -> list[tuple[str, str]]:
    return [
        (line.exchange["label"].removeprefix("stage/"), line.exchange["response"]["body"]["answer"])
        for line in logged_lines(path)
    ]


def test_sorting_keeps_every_line_and_the_newest_answers(tmp_path: Path) -> None:
    log = write(tmp_path / "log", ("b", "1"), ("a", "old"), ("c", "3"), ("a", "new"))
    assert sort_calls(log, tmp_path / "sorted") == Rewritten(4, 0)
    assert order(tmp_path / "sorted") == [("a", "old"), ("a", "new"), ("b", "1"), ("c", "3")]
    assert answers(tmp_path / "sorted") == answers(log)
    assert sorted((tmp_path / "sorted").read_bytes().splitlines()) == sorted(
        log.read_bytes().splitlines()
    )


def test_one_label_is_sorted_by_id(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "log")
    for text in "abcd":
        asyncio.run(log.record(ChatRequest("tiny", (Message("user", text),)), {}))
    sort_calls(log.path, log.path)
    ids = [line.custom_id for line in logged_lines(log.path)]
    assert ids == sorted(ids)


def test_the_last_log_given_is_the_newest(tmp_path: Path) -> None:
    old = write(tmp_path / "old", ("a", "old"), ("b", "1"))
    new = write(tmp_path / "new", ("a", "new"))
    assert merge_calls([old, new], tmp_path / "merged") == Rewritten(3, 0)
    assert answers(tmp_path / "merged") == {"a": "new", "b": "1"}
    merge_calls([new, old], tmp_path / "merged")
    assert answers(tmp_path / "merged") == {"a": "old", "b": "1"}


def test_of_lines_that_are_the_same_the_last_stays(tmp_path: Path) -> None:
    first = write(tmp_path / "first", ("a", "1"), ("a", "2"))
    second = write(tmp_path / "second", ("a", "1"))
    assert merge_calls([first, second], tmp_path / "merged") == Rewritten(2, 1)
    assert order(tmp_path / "merged") == [("a", "2"), ("a", "1")]


def test_a_log_may_be_merged_into_itself(tmp_path: Path) -> None:
    log = write(tmp_path / "log", ("a", "1"))
    other = write(tmp_path / "other", ("b", "2"))
    merge_calls([log, other, log], log)
    assert order(log) == [("b", "2"), ("a", "1")]


def test_pruning_keeps_the_newest_of_what_is_named(tmp_path: Path) -> None:
    log = write(tmp_path / "log", ("a", "old"), ("b", "1"), ("c", "3"), ("a", "new"))
    ids = {asked("a").custom_id, asked("b").custom_id, asked("never").custom_id}
    assert prune_calls(log, ids, tmp_path / "pruned", since=10**6) == Rewritten(2, 2)
    assert order(tmp_path / "pruned") == [("b", "1"), ("a", "new")]
    assert prune_calls(log, ids, log, since=10**6) == Rewritten(2, 2)
    assert log.read_bytes() == (tmp_path / "pruned").read_bytes()


def test_pruning_keeps_what_a_run_added_meanwhile(tmp_path: Path) -> None:
    log = write(tmp_path / "log", ("a", "old"), ("b", "1"))
    since = log.stat().st_size
    write(log, ("c", "3"), ("a", "new"))
    assert prune_calls(log, {asked("a").custom_id}, log, since=since) == Rewritten(2, 2)
    assert order(log) == [("c", "3"), ("a", "new")]


def test_compacting_keeps_the_newest_of_all_in_their_order(tmp_path: Path) -> None:
    log = write(tmp_path / "log", ("a", "old"), ("b", "1"), ("a", "new"), ("c", "3"))
    SideIndex(log).path.touch()
    assert compact_calls(log, log) == Rewritten(3, 1)
    assert order(log) == [("b", "1"), ("a", "new"), ("c", "3")]
    assert not SideIndex(log).path.exists()


def test_a_folder_is_no_place_for_a_log(tmp_path: Path) -> None:
    log = write(tmp_path / "log", ("a", "1"))
    with pytest.raises(InputError, match="cannot be written"):
        compact_calls(log, tmp_path)


REWRITINGS: list[Callable[[Path], Any]] = [
    lambda log: sort_calls(log, log),
    lambda log: merge_calls([log], log),
    lambda log: prune_calls(log, {asked("a").custom_id}, log, since=10**6),
    lambda log: compact_calls(log, log),
]


@pytest.mark.parametrize("rewrite", REWRITINGS, ids=["sort", "merge", "prune", "compact"])
def test_a_line_cut_short_is_left_out_and_said(
    tmp_path: Path, rewrite: Callable[[Path], Any], caplog: pytest.LogCaptureFixture
) -> None:
    log = write(tmp_path / "log", ("a", "1"))
    whole = log.read_bytes()
    log.write_bytes(whole + whole[:40])
    with caplog.at_level(logging.WARNING, "llmrec"):
        rewrite(log)
    assert "line 1: cut short by a stop, ignored" in caplog.text
    assert log.read_bytes() == whole


@pytest.mark.parametrize("rewrite", REWRITINGS, ids=["sort", "merge", "prune", "compact"])
def test_what_is_no_call_log_stays_as_it_is(tmp_path: Path, rewrite: Callable[[Path], Any]) -> None:
    log = tmp_path / "log"
    log.write_text('{"user_id": "u1"}\n', "utf-8")
    with pytest.raises(InputError, match="not a call log"):
        rewrite(log)
    assert log.read_text("utf-8") == '{"user_id": "u1"}\n'
    with pytest.raises(InputError, match="cannot be read"):
        rewrite(tmp_path / "none")
    assert [file.name for file in tmp_path.iterdir()] == ["log"]


@pytest.mark.parametrize("rewrite", REWRITINGS, ids=["sort", "merge", "prune", "compact"])
def test_lines_are_copied_as_they_are(tmp_path: Path, rewrite: Callable[[Path], Any]) -> None:
    log = write(tmp_path / "log", ("a", "é"))
    spaced = json.dumps(json.loads(log.read_bytes()), indent=None, separators=(" , ", " : "))
    log.write_bytes(b"\n" + spaced.encode("ascii") + b"\r\n\n")
    rewrite(log)
    assert log.read_bytes() == spaced.encode("ascii") + b"\n"


exchange_lists = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("12")), max_size=6)


@settings(deadline=None, max_examples=30)
@given(logs=st.lists(exchange_lists, min_size=1, max_size=3))
def test_rewriting_never_changes_what_is_replayed(
    logs: list[list[tuple[str, str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    paths = [write(folder / str(number), *log) for number, log in enumerate(logs)]
    merged = folder / "merged"
    merge_calls(paths, merged)
    expected = {question: answer for log in logs for question, answer in log}
    assert answers(merged) == expected
    assert len(set(order(merged))) == len(order(merged))
    sort_calls(merged, merged)
    assert answers(merged) == expected
    n_lines = len(order(merged))
    assert compact_calls(merged, merged) == Rewritten(len(expected), n_lines - len(expected))
    assert dict(order(merged)) == answers(merged) == expected
    prune_calls(merged, {asked("a").custom_id}, merged, since=10**6)
    assert answers(merged) == {q: a for q, a in expected.items() if q == "a"}


def test_what_is_looked_up_is_collected_inside_the_block_only(tmp_path: Path) -> None:
    log = CallLog(write(tmp_path / "log", ("a", "1"), ("b", "2")))
    log.find(asked("b"))
    with looked_up() as ids:
        log.find(asked("a"))
        ReplayChatModel(CallLog(log.path)).is_recorded(asked("never"))
        with looked_up() as inner:
            log.find(asked("b"))
        list(log.exchanges())
    log.find(asked("b"))
    assert ids == {asked("a").custom_id, asked("never").custom_id}
    assert inner == {asked("b").custom_id}
