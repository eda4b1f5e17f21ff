import asyncio
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llmrec import cli
from llmrec.errors import FormatRefused
from llmrec.llm.call_lines import logged_lines
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatReply, ChatRequest, Message


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> Done:
        capsys.readouterr()
        code = cli.run(["calls", *(str(argument) for argument in arguments)])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def log(demo: Path, tmp_path: Path) -> Path:
    """A copy of the demo's call log."""
    path = tmp_path / "calls.jsonl"
    path.write_bytes((demo / "extract_profile.jsonl").read_bytes())
    return path


@pytest.fixture
def extract(demo: Path) -> str:
    """The command that uses all of it."""
    return f"extract '{demo}/reviews.jsonl' --items '{demo}/items.jsonl' --model claude"


def request(text: str = "Hello?", label: str = "extract_profile/u99", **more: Any) -> ChatRequest:
    return ChatRequest("tiny", (Message("user", text),), label=label, **more)


def completion(content: str | None, **choice: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {"choices": [{"message": message, "finish_reason": "stop"} | choice]}


def only(log: Path, *users: str) -> bytes:
    labels = {f"extract_profile/{user}" for user in users}
    return b"".join(line.raw for line in logged_lines(log) if line.exchange["label"] in labels)


def test_show_prints_what_was_asked_and_answered(run: Run, log: Path) -> None:
    done = run("show", log, "--label", "*/u04", "--format", "table")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("extract_profile/u04  ")
    assert "claude, 1,127 tokens in, 1,266 out" in done.out
    lines = [line.strip() for line in done.out.splitlines()]
    assert lines.index("system") < lines.index("user") < lines.index("reply")
    assert done.out.count("extract_profile/") == 1


def test_show_gives_the_lines_to_programs(run: Run, log: Path) -> None:
    assert run("show", log).out == log.read_text("utf-8")
    ((line,),) = [list(logged_lines(log))[3:4]]
    assert run("show", log, "--id", line.custom_id).out.encode() == line.raw
    assert run("show", log, "--label", "extract_profile/u0[12]").out.count("\n") == 2


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--label", "rerank/*"], "no exchange has the label 'rerank/*'"),
        (["--label", "*", "--id", "0"], "no exchange has the label '*' and the id '0'"),
    ],
)
def test_showing_what_is_not_there_is_an_error(
    run: Run, log: Path, options: list[str], what: str
) -> None:
    done = run("show", log, *options)
    assert (done.code, done.out) == (2, "")
    assert what in done.err


def test_what_others_wrote_cannot_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    log = CallLog(tmp_path / "log")
    hostile = "\x1b[2J\x1b]0;gone\x07\u202e[bold]one\nsecond[/bold]"
    asyncio.run(
        log.record(request(hostile, label=hostile), completion(hostile), server="http://a/\x1b[1m")
    )
    done = run("show", log.path, "--format", "table")
    assert done.code == 0
    assert not set("\x1b\x07\u202e") & set(done.out)
    assert done.out.count("    [2J]0;gone[bold]one\n    second[/bold]\n") == 2


def test_show_says_how_each_exchange_ended(run: Run, tmp_path: Path) -> None:
    log = CallLog(tmp_path / "log")
    asyncio.run(log.record(request(), completion("half", finish_reason="length")))
    asyncio.run(log.record(request(), completion("whole"), server="http://127.0.0.1:8080/v1"))
    asyncio.run(log.record(request(label=""), {"error": "no json_schema"}, status=400))
    done = run("show", log.path, "--format", "table")
    assert [line for line in done.out.splitlines() if line.startswith("extract")] == [
        f"extract_profile/u99  {request().custom_id}  incomplete  superseded",
        f"extract_profile/u99  {request().custom_id}  answered  superseded",
    ]
    assert "tiny at http://127.0.0.1:8080/v1, tokens not counted by the server" in done.out
    assert f"no label  {request().custom_id}  refused" in done.out
    assert '400: {"error": "no json_schema"}' in done.out


def test_messages_in_parts_and_without_content_are_shown(run: Run, tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "Look."}]
    line = {
        "custom_id": "x",
        "url": "/v1/chat/completions",
        "body": {"messages": [{"role": "user", "content": parts}]},
        "response": None,
    }
    Path("log").write_text(json.dumps(line), "utf-8")
    done = run("show", "log", "--format", "table")
    assert '[{"type": "text", "text": "Look."}]' in done.out
    assert "None: {}" in done.out


def test_stats_for_people(run: Run, log: Path) -> None:
    done = run("stats", log, "--format", "table")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "extract_profile  claude",
        "  12 exchanges: 12 newest",
        "  14,960 tokens in, 14,006 out, counted by the server",
    ]


def test_stats_say_what_is_unusual(run: Run, log: Path) -> None:
    calls = CallLog(log)
    asyncio.run(calls.record(request(), completion("half", finish_reason="length")))
    asyncio.run(calls.record(request(), completion("whole")))
    asyncio.run(calls.record(request(label=""), {}, status=503))
    asyncio.run(calls.record(request(label=""), {}, status=400))
    out = run("stats", log, "--format", "table").out
    assert "extract_profile  tiny\n  2 exchanges: 0 newest, 2 superseded, 1 incomplete\n" in out
    assert "  0 tokens in, 0 out, counted by the server; 2 answers not counted\n" in out
    assert "no label  tiny\n  2 exchanges: 1 newest, 1 superseded, 1 refused, 1 failed\n" in out
    assert "all\n  16 exchanges: 13 newest, 3 superseded" in out


def test_stats_for_programs(run: Run, log: Path) -> None:
    found = json.loads(run("stats", log).out)
    assert found["total"]["exchanges"] == found["total"]["newest"] == 12
    (group,) = found["groups"]
    assert (group["stage"], group["model"], group["server"]) == ("extract_profile", "claude", "")
    assert group["input_tokens"] == 14960


def test_settings_reach_the_commands_of_the_group(run: Run, log: Path) -> None:
    Path("llmrec.toml").write_text('format = "table"\n', "utf-8")
    assert run("stats", log).out.startswith("extract_profile  claude")


def test_sort_and_merge_keep_what_is_replayed(run: Run, log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    done = run("sort", log, "-o", log)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"{log}: 12 lines kept, 0 dropped\n"
    whole = log.read_bytes()
    assert whole == b"".join(sorted(lines, key=lambda line: json.loads(line)["label"]))
    Path("some").write_bytes(only(log, "u01", "u02"))
    done = run("merge", "some", log, "-o", "all")
    assert done.err == "all: 12 lines kept, 2 dropped\n"
    assert Path("all").read_bytes() == whole


def test_compact_keeps_the_newest_and_says_what_that_saves(run: Run, log: Path) -> None:
    whole = log.read_bytes()
    log.write_bytes(whole + whole)
    done = run("compact", log, "-o", "small")
    assert (done.code, done.out) == (0, "")
    size = f"{len(whole):,}"
    assert done.err.splitlines() == [
        "small: 12 lines kept, 12 dropped",
        f"{2 * len(whole):,} bytes before, {size} after",
    ]
    assert Path("small").read_bytes() == whole
    assert run("compact", log).code == 0
    assert log.read_bytes() == whole
    assert run("compact", "none").err.endswith("none: cannot be read: No such file or directory\n")


def test_prune_keeps_what_a_command_asks_for(run: Run, log: Path, extract: str) -> None:
    whole = log.read_bytes()
    asyncio.run(CallLog(log).record(request(), completion("Nobody asks for this.")))
    split = {"user_id": "u01", "history_lines": list(range(10))}
    Path("split.jsonl").write_text(json.dumps(split), "utf-8")
    done = run("prune", log, "-o", "one", "--used-by", f"{extract} --split split.jsonl")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines()[0] == f"replaying: llmrec {extract} --split split.jsonl"
    assert done.err.splitlines()[1:] == ["one: 1 lines kept, 12 dropped"]
    assert Path("one").read_bytes() == only(log, "u01")
    assert run("prune", log, "--used-by", extract).code == 0
    assert log.read_bytes() == whole


def test_prune_never_writes_what_its_commands_make(run: Run, log: Path, extract: str) -> None:
    Path("profiles.jsonl").write_text("older", "utf-8")
    done = run("prune", log, "--used-by", f"{extract} -o profiles.jsonl --calls elsewhere.jsonl")
    assert done.code == 0
    assert Path("profiles.jsonl").read_text("utf-8") == "older"
    assert sorted(file.name for file in Path().iterdir()) == ["calls.jsonl", "profiles.jsonl"]


def test_prune_keeps_what_several_commands_ask_for(run: Run, log: Path, demo: Path) -> None:
    lines = []
    for user in ("u03", "u07"):
        rows = (demo / "reviews.jsonl").read_text("utf-8").splitlines(keepends=True)
        Path(user).write_text("".join(r for r in rows if json.loads(r)["user_id"] == user), "utf-8")
        lines += ["--used-by", f"extract {user} --items {demo}/items.jsonl --model claude"]
    expected = only(log, "u03", "u07")
    done = run("prune", log, *lines)
    assert done.err.endswith("2 lines kept, 10 dropped\n")
    assert log.read_bytes() == expected


class Difficult:
    """Takes no json_schema, answers u02 only when asked again, and u03 never."""

    address = "http://127.0.0.1:1/v1"

    def is_recorded(self, request: ChatRequest) -> bool:
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        if (request.response_format or {}).get("type") == "json_schema":
            raise FormatRefused("no response_format", 400, {"error": "no response_format"})
        bad = "/u03" in request.label or request.label.endswith("/u02")
        good = {"language": "en", "summary": "Likes films.", "interests": []}
        return ChatReply(completion("Never." if bad else json.dumps(good)))


def test_prune_keeps_refusals_failures_and_follow_ups(
    run: Run, extract: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmrec.chat_opening.live_chat", lambda server: Difficult())
    live = [*shlex.split(extract), "--calls", "log", "-o", "profiles.jsonl", "--concurrency", "1"]
    assert cli.run(live) == 1
    recorded = Path("log").read_bytes()
    assert recorded.count(b"\n") == 1 + 12 + 1 + 2
    asyncio.run(CallLog("log").record(request(), completion("Nobody asks for this.")))
    done = run("prune", "log", "--used-by", extract)
    assert (done.code, done.err.splitlines()[1]) == (0, "log: 16 lines kept, 1 dropped")
    assert Path("log").read_bytes() == recorded


@pytest.mark.parametrize(
    ("line", "code", "what"),
    [
        ("", 2, "expected a command that uses a call log, came ''"),
        ("extrac reviews.jsonl", 2, "expected a command that uses a call log"),
        ("index items.jsonl -o index", 2, "expected a command that uses a call log"),
        ("doctor", 2, "expected a command that uses a call log"),
        ("extract 'reviews.jsonl", 2, "--used-by: No closing quotation"),
        ("extract --help", 2, "asks for nothing: nothing was pruned"),
        ("extract", 2, "Missing argument 'REVIEWS'"),
        ("extract no.jsonl --model claude", 2, "no.jsonl"),
    ],
)
def test_a_command_that_does_not_run_prunes_nothing(
    run: Run, log: Path, line: str, code: int, what: str
) -> None:
    whole = log.read_bytes()
    done = run("prune", log, "--used-by", line)
    assert (done.code, done.out) == (code, "")
    assert what in done.err
    assert log.read_bytes() == whole


def test_a_command_whose_calls_are_missing_prunes_nothing(
    run: Run, log: Path, extract: str
) -> None:
    whole = only(log, "u01", "u02")
    log.write_bytes(whole)
    done = run("prune", log, "--used-by", extract)
    assert done.code == 4
    assert "extract_profile/u03: no call" in done.err
    assert log.read_bytes() == whole


def test_help_lists_the_commands(run: Run) -> None:
    names = ["compact", "merge", "prune", "show", "sort", "stats"]
    out = run("--help").out
    assert [name for name in names if f"\n  {name} " in out] == names
