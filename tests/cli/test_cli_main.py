"""The command line as a whole: what goes where, and every exit code."""

import importlib
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from llmrec import cli
from llmrec.async_lists import AsyncLists
from llmrec.errors import (
    BudgetExceeded,
    ChatError,
    ChatIncomplete,
    ChatRejected,
    ChatUnavailable,
    InputError,
    PromptError,
    RecordingMissing,
    SettingsError,
)
from llmrec.llm.vectors import write_vectors

Llmrec = Callable[..., Any]


def failing(error: BaseException) -> Callable[..., Iterator[object]]:
    def read(_: object) -> Iterator[object]:
        raise error

    return read


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("expected gulls"), 2),
        (SettingsError("expected gulls"), 2),
        (PromptError("expected gulls"), 2),
        (BudgetExceeded("expected gulls"), 3),
        (RecordingMissing(["expected gulls"], "record them"), 4),
        (ChatError("expected gulls"), 5),
        (ChatUnavailable("expected gulls"), 5),
        (ChatRejected("expected gulls"), 5),
        (ChatIncomplete("expected gulls"), 5),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_error_has_its_exit_code_and_is_said_on_stderr(
    llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    monkeypatch.setattr("llmrec.cli.show.read_profiles", failing(error))
    done = llmrec("show", "p.jsonl")
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: expected gulls")


def test_an_error_that_is_not_ours_is_not_hidden(
    llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmrec.cli.show.read_profiles", failing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        llmrec("show", "p.jsonl")


def test_vectors_of_another_model_are_wrong_input(
    llmrec: Llmrec, index: Path, profiles: Path
) -> None:
    write_vectors(Path("other.npz"), "another-model", {})
    done = llmrec("recommend", profiles, "--index", index, "--vectors", "other.npz")
    assert "another-model" in done.err
    assert done.code == 2


def test_ctrl_c_is_130(llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmrec.cli.show.read_profiles", failing(KeyboardInterrupt()))
    done = llmrec("show", "p.jsonl")
    assert (done.code, done.out) == (130, "")
    assert done.err.split() == ["interrupted"]


def test_ctrl_c_while_profiles_are_made_leaves_no_file(
    llmrec: Llmrec, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("llmrec.profiling.extraction.Extractor.extract", stop)
    done = llmrec(
        *("extract", demo / "reviews.jsonl", "-o", "p.jsonl", "--model", "claude"),
        *("--calls", demo / "extract_profile.jsonl", "--replay"),
    )
    assert done.code == 130
    assert list(Path().iterdir()) == []


def test_ctrl_c_while_recommending_keeps_the_vectors_that_were_made(
    llmrec: Llmrec, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommend = AsyncLists.arecommend_for

    async def stop(self: AsyncLists, *arguments: Any, **options: Any) -> None:
        await recommend(self, *arguments, **options)
        raise KeyboardInterrupt

    asked = ["recommend", "--index", index, "--like", "paper lanterns"]
    with monkeypatch.context() as patch:
        patch.setattr(AsyncLists, "arecommend_for", stop)
        assert llmrec(*asked).code == 130
    assert llmrec(*asked, "--replay").code == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["sing"], "No such command 'sing'"),
        (["show"], "Missing argument 'PROFILES'"),
        (["show", "--loud", "p.jsonl"], "No such option"),
        (["extract", "r.jsonl"], "Missing option '-o'"),
        (["recommend", "p.jsonl"], "Missing option '--index'"),
        (["index", "i.jsonl", "-o", "i", "--rating-max", "0"], "Invalid value for '--rating-max'"),
        (["show", "p.jsonl", "q.jsonl"], "unexpected extra argument"),
    ],
)
def test_a_wrong_usage_is_2(llmrec: Llmrec, arguments: list[str], what: str) -> None:
    done = llmrec(*arguments)
    assert (done.code, done.out) == (2, "")
    assert what in done.err


def test_nothing_to_do_shows_what_there_is(llmrec: Llmrec) -> None:
    done = llmrec()
    assert done.code == 2
    assert "Usage: llmrec" in done.out + done.err


def test_help_names_every_command(llmrec: Llmrec) -> None:
    done = llmrec("--help")
    assert (done.code, done.err) == (0, "")
    for name, line in cli.COMMANDS.items():
        assert f"  {name}" in done.out
        assert line in " ".join(done.out.split())


@pytest.mark.parametrize("command", list(cli.COMMANDS))
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help(llmrec: Llmrec, command: str, flag: str) -> None:
    done = llmrec(command, flag)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: llmrec {command} ")


def test_the_version_is_that_of_the_package(llmrec: Llmrec) -> None:
    assert llmrec("--version") == (0, f"llmrec {version('llmrec')}\n", "")


def test_main_exits_with_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        cli.main(["sing"])
    assert exited.value.code == 2
    with pytest.raises(SystemExit) as exited:
        cli.main(["--version"])
    assert exited.value.code == 0
    assert capsys.readouterr().out == f"llmrec {version('llmrec')}\n"


def test_output_may_go_to_a_buffer() -> None:
    with redirect_stdout(StringIO()) as buffer:
        assert cli.run(["--version"]) == 0
    assert buffer.getvalue() == f"llmrec {version('llmrec')}\n"


def test_a_shell_can_complete_the_commands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_LLMREC_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "llmrec ")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit):
        cli.run([])
    offered = [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()]
    assert offered == list(cli.COMMANDS)


def test_importing_the_module_runs_nothing() -> None:
    module = importlib.import_module("llmrec.__main__")
    assert module.main is cli.main


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "llmrec", "sing"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'sing'" in done.stderr


def test_a_table_is_for_terminals(
    llmrec: Llmrec, index: Path, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["recommend", profiles, "--index", index, "--user", "u12"]
    assert llmrec(*asked).json["user_id"] == "u12"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "u12" in llmrec(*asked).out.splitlines()[0]
    assert llmrec(*asked, "--format", "json").json["user_id"] == "u12"


def reading_one_line(arguments: list[str]) -> tuple[int, bytes]:
    """Run a command whose output nobody reads after the first line."""
    with subprocess.Popen(
        [sys.executable, "-m", "llmrec", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        return process.wait(), said


def test_a_reader_who_leaves_early_is_no_accident(index: Path, profiles: Path) -> None:
    _, said = reading_one_line(["recommend", str(profiles), "--index", str(index), "-k", "160"])
    assert said == b""


def test_a_reader_who_leaves_early_gets_0(index: Path, profiles: Path) -> None:
    code, _ = reading_one_line(["recommend", str(profiles), "--index", str(index), "-k", "160"])
    assert code == 0


def test_commands_speak_through_the_packages_logger_alone(llmrec: Llmrec, profiles: Path) -> None:
    before = logging.getLogger().handlers[:]
    llmrec("show", profiles, "--user", "u01")
    llmrec("show", profiles, "--user", "u01")
    assert logging.getLogger().handlers == before
    assert len(logging.getLogger("llmrec").handlers) == 1
