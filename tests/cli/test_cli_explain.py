"""``llmrec explain``: replayed, composed, live, gone wrong, and harmless on a terminal."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from serving.openai_server import Answer, OpenAIServer, completion

Llmrec = Callable[..., Any]

MEMOIR = "This is part memoir."


@pytest.fixture
def lists(llmrec: Llmrec, profiles: Path, demo: Path, tmp_path: Path) -> Path:
    """The demo's candidates in the recorded model's order."""
    done = llmrec(
        "rerank", profiles, "--items", demo / "items.jsonl", "--reviews", demo / "reviews.jsonl",
        "--candidates", demo / "candidates.jsonl", "--calls", demo / "rerank.jsonl",
        "--model", "claude", "--replay", "--format", "json",
    )  # fmt: skip
    path = tmp_path / "lists.jsonl"
    path.write_text(done.out, "utf-8")
    return path


@pytest.fixture
def command(lists: Path, profiles: Path, demo: Path) -> list[str]:
    """The command without a chat model."""
    files = ["--profiles", str(profiles), "--items", str(demo / "items.jsonl")]
    return ["explain", str(lists), *files]


@pytest.fixture
def replay(command: list[str], demo: Path) -> list[str]:
    return [*command, "--calls", str(demo / "explain.jsonl"), "--model", "claude", "--replay"]


@pytest.fixture
def live(command: list[str], tmp_path: Path, server: OpenAIServer) -> list[str]:
    log = str(tmp_path / "calls.jsonl")
    return [*command, "--calls", log, "--model", "m", "--base-url", server.url, "--user", "u04"]


def sources(listed: dict[str, Any]) -> list[str]:
    return [i["explanation"]["source"] for i in listed["recommendations"] if "explanation" in i]


def test_the_first_three_of_every_list_are_explained(
    llmrec: Llmrec, replay: list[str], lists: Path
) -> None:
    done = llmrec(*replay)
    assert done.code == 0
    given = map(json.loads, lists.read_text("utf-8").splitlines())
    for listed, before in zip(done.lists, given, strict=True):
        assert sources(listed) == ["model"] * 3
        for item in listed["recommendations"]:
            item.pop("explanation", None)
        assert listed == before
    assert "36 explanations by the model, 0 composed" in done.err
    assert "0 calls, 12 replayed" in done.err
    assert "refused" not in done.err


def test_they_look_like_something_for_a_friend(llmrec: Llmrec, replay: list[str]) -> None:
    done = llmrec(*replay, "--user", "u12", "--format", "table")
    assert re.match(r"u12\n +1\. +星际穿越 +\n +诺兰的片子你“打算一部一部补完”", done.out)
    assert re.search(r"“他的片子我打算一部一部补完。” +2025-09-06, 盗梦空间 +\n", done.out)
    assert re.search(r" 4\. +地心引力 +\n", done.out)


def test_lists_are_explained_without_a_model(llmrec: Llmrec, command: list[str]) -> None:
    done = llmrec(*command, "--explain", "composed", "-k", "2")
    assert (done.code, done.err) == (0, "")
    assert [sources(listed) for listed in done.lists] == [["composed"] * 2] * 12
    table = llmrec(*command, "--explain", "composed", "--user", "u04", "--format", "table")
    text = " ".join(table.out.split())
    assert "1. The Bridge (Bron/Broen) You like “Bleak, wintry Nordic noir”: of" in text
    assert text.count("Cold, angry, out of season") == 1


def test_a_list_can_come_from_stdin(
    llmrec: Llmrec, command: list[str], lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command[1] = "-"
    with lists.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        done = llmrec(*command, "--explain", "composed")
    assert len(done.lists) == 12


@pytest.mark.parametrize("option", ["--calls", "--model"])
def test_a_model_needs_calls_and_a_name(llmrec: Llmrec, replay: list[str], option: str) -> None:
    place = replay.index(option)
    done = llmrec(*replay[:place], *replay[place + 2 :])
    assert (done.code, done.out) == (2, "")
    assert "explain needs --calls LOG" in done.err
    assert "--explain composed" in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--explain", "none"], "--explain none leaves nothing to do."),
        (["--user", "u99"], "--user: no list of 'u99' among 12"),
        (["--fresh"], "--replay and --fresh contradict each other"),
    ],
)
def test_options_that_do_not_fit_are_exit_2(
    llmrec: Llmrec, replay: list[str], options: list[str], said: str
) -> None:
    done = llmrec(*replay, *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_items_are_needed(llmrec: Llmrec, replay: list[str]) -> None:
    place = replay.index("--items")
    done = llmrec(*replay[:place], *replay[place + 2 :])
    assert done.code == 2
    assert "explain needs --items ITEMS" in done.err


def test_every_list_needs_its_profile(
    llmrec: Llmrec, replay: list[str], profiles: Path, tmp_path: Path
) -> None:
    some = tmp_path / "some.jsonl"
    some.write_text("".join(profiles.read_text("utf-8").splitlines(keepends=True)[1:]), "utf-8")
    replay[replay.index("--profiles") + 1] = str(some)
    done = llmrec(*replay)
    assert (done.code, done.out) == (2, "")
    assert f"{some}: no profile of user 'u01', who has a list" in done.err


def test_a_missing_recording_is_exit_4(llmrec: Llmrec, replay: list[str]) -> None:
    done = llmrec(*replay, "-k", "4", "--user", "u01")
    assert (done.code, done.out) == (4, "")
    assert "explain/u01" in done.err


def said(*explanations: dict[str, Any]) -> Answer:
    return Answer(body=completion(json.dumps({"explanations": explanations})))


def about(item: str, text: str) -> dict[str, Any]:
    quote = {"review": "R8", "quote": "Follow the emails."}
    return {"item": item, "text": text, "interests": ["P1"], "quotes": [quote]}


def test_what_fails_is_asked_for_again_then_composed_and_counted(
    llmrec: Llmrec, live: list[str], server: OpenAIServer
) -> None:
    server.script(
        said(about("I1", "A body on a border."), about("I2", "By Kubrick."), about("I3", MEMOIR)),
        said(about("I2", "Also by Kubrick."), about("I3", MEMOIR)),
    )
    done = llmrec(*live)
    assert done.code == 0
    assert sources(done.lists[0]) == ["model", "composed", "model"]
    assert "2 explanations by the model, 1 composed" in done.err
    assert "refused: not in the sources: 2 explanations" in done.err
    assert "2 calls, 0 replayed" in done.err
    replayed = llmrec(*live, "--replay")
    assert replayed.out == done.out
    assert "0 calls, 2 replayed" in replayed.err


def test_a_follow_up_that_is_not_recorded_is_no_error(
    llmrec: Llmrec, live: list[str], server: OpenAIServer, tmp_path: Path
) -> None:
    server.always(said(about("I1", "A body on a border.")))
    llmrec(*live)
    log = tmp_path / "calls.jsonl"
    log.write_text(log.read_text("utf-8").splitlines(keepends=True)[0], "utf-8")
    done = llmrec(*live, "--replay")
    assert done.code == 0
    assert sources(done.lists[0]) == ["model", "composed", "composed"]
    assert "refused: not_recorded: 2 explanations" in done.err


def test_a_user_without_an_answer_is_named(
    llmrec: Llmrec, live: list[str], server: OpenAIServer
) -> None:
    server.always(Answer(400, {"error": {"message": "context length exceeded"}}))
    done = llmrec(*live)
    assert (done.code, done.out) == (1, "")
    assert "user u04: no list: " in done.err


@pytest.mark.parametrize("source", ["model", "composed"])
@pytest.mark.parametrize("hostile", ["\x1b[2J\x1b]0;owned\x07", "\x9b2J", "\u202e", "[red]a[/red]"])
def test_other_people_s_text_is_harmless_on_a_terminal(
    llmrec: Llmrec, command: list[str], lists: Path, tmp_path: Path, source: str, hostile: str
) -> None:
    listed = json.loads(lists.read_text("utf-8").splitlines()[0])
    listed["recommendations"][1] |= {
        "title": f"a{hostile}b",
        "explanation": {
            "text": f"c{hostile}d",
            "source": source,
            "quotes": [{"review_id": "r", "quote": f"e{hostile}f"}],
        },
    }
    path = tmp_path / "hostile.jsonl"
    path.write_text(json.dumps(listed), "utf-8")
    options = ["--explain", "composed", "-k", "1", "--format", "table"]
    done = llmrec(command[0], path, *command[2:], *options)
    assert not set("\x1b\x07\x9b\u202e") & set(done.out)
    kept = "".join(character for character in hostile if character not in "\x1b\x07\x9b\u202e")
    assert all(f"{first}{kept}{last}" in done.out for first, last in ("ab", "cd", "ef"))
