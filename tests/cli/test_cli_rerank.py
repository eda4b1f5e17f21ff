"""``llmrec rerank``: given candidates and the best matches, replayed, live and gone wrong."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving.openai_server import Answer, OpenAIServer, Received, completion

Llmrec = Callable[..., Any]


def backwards(body: Any) -> str:
    """Reply the last candidate shown first."""
    enum = body["response_format"]["json_schema"]["schema"]["properties"]["order"]["items"]["enum"]
    return json.dumps({"order": enum[::-1]})


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(chat=backwards) as serving:
        yield serving


@pytest.fixture
def command(demo: Path, profiles: Path) -> list[str]:
    files = ["--items", str(demo / "items.jsonl"), "--reviews", str(demo / "reviews.jsonl")]
    log = ["--calls", str(demo / "rerank.jsonl"), "--model", "claude", "--replay"]
    return ["rerank", str(profiles), *files, *log]


@pytest.fixture
def candidates(demo: Path) -> list[str]:
    return ["--candidates", str(demo / "candidates.jsonl")]


def expected(demo: Path) -> dict[str, dict[str, Any]]:
    rows = map(json.loads, (demo / "expected.jsonl").read_text("utf-8").splitlines())
    return {row["user_id"]: row for row in rows}


def ids(listed: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in listed["recommendations"]]


def live(command: list[str], log: Path, url: str) -> list[str]:
    """The same command, calling a server."""
    arguments = [argument for argument in command if argument != "--replay"]
    arguments[arguments.index("--calls") + 1] = str(log)
    return [*arguments, "--base-url", url]


def test_candidates_are_put_in_order(
    llmrec: Llmrec, command: list[str], candidates: list[str], demo: Path
) -> None:
    done = llmrec(*command, *candidates)
    assert done.code == 0
    rows = map(json.loads, (demo / "candidates.jsonl").read_text("utf-8").splitlines())
    given = {row["user_id"]: row["candidates"] for row in rows}
    for listed in done.lists:
        user = listed["user_id"]
        assert listed.keys() == {"user_id", "reranked", "repairs", "recommendations"}
        assert listed["reranked"] is True
        assert listed["repairs"] == {"unknown": 0, "repeated": 0, "missing": 0}
        assert sorted(ids(listed)) == sorted(given[user])
        assert ids(listed)[0] in expected(demo)[user]["fits"]
        assert listed["recommendations"][0].keys() == {"item_id", "title", "rank"}
    assert len(done.lists) == 12
    assert "12 lists: 12 reranked, 0 failed; 0 calls, 12 replayed" in done.err


def test_the_best_matches_of_an_index_are_put_in_order(
    llmrec: Llmrec, command: list[str], index: Path, demo: Path
) -> None:
    done = llmrec(*command, "--index", index)
    assert done.code == 0
    first = sum(
        ids(listed)[0] in expected(demo)[listed["user_id"]]["fits"] for listed in done.lists
    )
    assert first == 11
    for listed in done.lists:
        assert listed["bank"] == "run"
        assert len(ids(listed)) == 20
        assert all("score" in item and item["because"] for item in listed["recommendations"])


def test_the_entries_of_an_index_serve_where_no_items_are_given(
    llmrec: Llmrec, command: list[str], index: Path
) -> None:
    place = command.index("--items")
    without = command[:place] + command[place + 2 :]
    assert llmrec(*without, "--index", index).out == llmrec(*command, "--index", index).out


def test_a_table_has_the_titles(llmrec: Llmrec, command: list[str], candidates: list[str]) -> None:
    done = llmrec(*command, *candidates, "--user", "u12", "--format", "table")
    assert done.code == 0
    assert re.match(r"u12\n +1\. +星际穿越 +\n +2\. +Contact +\n", done.out)


def test_users_without_candidates_are_left_out_and_counted(
    llmrec: Llmrec, command: list[str], demo: Path, tmp_path: Path
) -> None:
    lines = (demo / "candidates.jsonl").read_text("utf-8").splitlines()
    some = tmp_path / "some.jsonl"
    some.write_text("\n".join(lines[:2]), "utf-8")
    done = llmrec(*command, "--candidates", some)
    assert [listed["user_id"] for listed in done.lists] == ["u01", "u02"]
    assert done.code == 0
    assert "10 users have no candidates, left out" in done.err


def test_a_missing_recording_is_exit_4(
    llmrec: Llmrec, command: list[str], candidates: list[str]
) -> None:
    done = llmrec(*command, *candidates, "--rerank-order", "hash", "--user", "u01")
    assert (done.code, done.out) == (4, "")
    assert "rerank/u01" in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give --candidates FILE or --index DIR, one of them."),
        (["--candidates", "c", "--index", "i"], "Give --candidates FILE or --index DIR"),
        (["--candidates", "c", "--fresh"], "--replay and --fresh contradict each other"),
        (["--candidates", "c", "--rerank-stride", "2"], "--rerank-stride needs a --rerank-window"),
        (["--index", "i", "--rerank-window", "4", "--rerank-stride", "5"], "--rerank-stride needs"),
        (["--index", "i", "--rerank-window", "1"], "1 is not in the range x>=2"),
    ],
)
def test_options_that_do_not_fit_are_exit_2(
    llmrec: Llmrec, command: list[str], options: list[str], said: str
) -> None:
    done = llmrec(*command, *options)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize("option", ["--calls", "--model"])
def test_calls_and_model_are_needed(
    llmrec: Llmrec, command: list[str], candidates: list[str], option: str
) -> None:
    place = command.index(option)
    done = llmrec(*command[:place], *command[place + 2 :], *candidates)
    assert done.code == 2
    assert "rerank needs --calls LOG" in done.err


def test_candidates_need_their_entries(
    llmrec: Llmrec, command: list[str], candidates: list[str]
) -> None:
    place = command.index("--items")
    done = llmrec(*command[:place], *command[place + 2 :], *candidates)
    assert done.code == 2
    assert "--candidates needs --items" in done.err


def test_a_server_is_asked_once_a_user_and_never_again(
    llmrec: Llmrec, command: list[str], candidates: list[str], tmp_path: Path, server: OpenAIServer
) -> None:
    called = live(command, tmp_path / "calls.jsonl", server.url)
    first = llmrec(*called, *candidates)
    assert first.code == 0
    assert "12 calls, 0 replayed; 1,200 tokens in, 120 out" in first.err
    again = llmrec(*called, *candidates)
    assert again.out == first.out
    assert "0 calls, 12 replayed" in again.err
    assert len(server.requests) == 12


def test_repairs_are_counted_and_said(
    llmrec: Llmrec, command: list[str], candidates: list[str], tmp_path: Path, server: OpenAIServer
) -> None:
    server.always(Answer(body=completion('{"order": ["I2", "I99", "I2"]}')))
    done = llmrec(
        *live(command, tmp_path / "calls.jsonl", server.url), *candidates, "--user", "u01"
    )
    (listed,) = done.lists
    assert listed["repairs"] == {"unknown": 1, "repeated": 1, "missing": 19}
    assert "1 unknown ids and 1 repeated ones dropped, 19 missing ones put last" in done.err


def test_a_model_that_gives_no_order_leaves_the_list_as_it_was(
    llmrec: Llmrec, command: list[str], candidates: list[str], tmp_path: Path, server: OpenAIServer
) -> None:
    server.always(Answer(body=completion("1, 2 \u001b[2J [red]and 3[/red]")))
    called = live(command, tmp_path / "calls.jsonl", server.url)
    done = llmrec(*called, *candidates, "--user", "u01")
    (listed,) = done.lists
    assert (done.code, listed["reranked"]) == (0, False)
    assert listed["reason"].startswith("no order came from the model: no whole JSON object")
    assert "repairs" not in listed
    assert "1 lists: 0 reranked, 0 failed" in done.err
    table = llmrec(*called, *candidates, "--user", "u01", "--format", "table")
    assert "[red]and 3[/red]" in table.out.replace("\n", " ")
    assert "\x1b[2J" not in table.out


def test_a_user_whose_call_is_refused_is_named_and_left_out(
    llmrec: Llmrec, command: list[str], candidates: list[str], tmp_path: Path, server: OpenAIServer
) -> None:
    server.script(Answer(400, {"error": {"message": "context length exceeded"}}))
    one_by_one = [*candidates, "--concurrency", "1"]
    done = llmrec(*live(command, tmp_path / "calls.jsonl", server.url), *one_by_one)
    assert done.code == 1
    assert len(done.lists) == 11
    assert "user u01: no list: " in done.err
    assert "11 lists: 11 reranked, 1 failed" in done.err


def test_a_server_that_refuses_everybody_ends_the_run(
    llmrec: Llmrec, command: list[str], candidates: list[str], tmp_path: Path, server: OpenAIServer
) -> None:
    server.always(Answer(401, {"error": {"message": "no such key"}}))
    done = llmrec(*live(command, tmp_path / "calls.jsonl", server.url), *candidates)
    assert (done.code, done.out) == (5, "")


def test_after_ctrl_c_the_call_under_way_is_finished(
    llmrec: Llmrec, command: list[str], candidates: list[str], tmp_path: Path, server: OpenAIServer
) -> None:
    def interrupt(request: Received) -> Answer:
        os.kill(os.getpid(), signal.SIGINT)
        return Answer(body=completion(backwards(request.body)))

    server.script(interrupt)
    log = tmp_path / "calls.jsonl"
    done = llmrec(*live(command, log, server.url), *candidates, "--concurrency", "2")
    assert done.code == 130
    recorded = log.read_text("utf-8").splitlines()
    assert 1 <= len(recorded) < 12
    assert len(server.requests) == len(recorded) == len(done.lists)


def test_facts_go_to_the_model_with_a_prompt_of_their_own(
    llmrec: Llmrec, command: list[str], index: Path, tmp_path: Path, server: OpenAIServer
) -> None:
    called = live(command, tmp_path / "calls.jsonl", server.url)
    options = ["--index", index, "--rerank-facts", "--user", "u12", "-n", "5"]
    done = llmrec(*called, *options)
    assert done.code == 0
    (request,) = server.requests
    system, user = (message["content"] for message in request.body["messages"])
    assert '"chosen by N"' in system
    lines = user.split("<candidates>\n")[1].split("\n")[:5]
    assert all(re.match(r"\[I\d\] \(chosen by \d+; .+ \d\.\d\d\) \S", line) for line in lines)


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        (["--rerank-passes", "3"], 3),
        (["--rerank-window", "8"], 4),
        (["--rerank-window", "8", "--rerank-stride", "6"], 3),
        (["--rerank-weight", "0.5"], 1),
        (["--rerank-order", "shuffled"], 1),
    ],
)
def test_options_cost_what_they_say(
    llmrec: Llmrec,
    command: list[str],
    candidates: list[str],
    tmp_path: Path,
    server: OpenAIServer,
    options: list[str],
    calls: int,
) -> None:
    called = live(command, tmp_path / "calls.jsonl", server.url)
    done = llmrec(*called, *candidates, "--user", "u01", *options)
    assert done.code == 0
    assert len(server.requests) == calls
    assert len(ids(done.lists[0])) == 20
