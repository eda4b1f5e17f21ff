"""Settings: from a file, over it from the environment, over that from options."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmrec.cli import COMMANDS
from llmrec.cli.settings import SETTINGS, read_settings

Llmrec = Callable[..., Any]

ITEMS = [f"Salt Road {n}" for n in range(9)]


@pytest.fixture(autouse=True)
def _catalogue(llmrec: Llmrec) -> None:
    """A small index to be asked."""
    lines = [f'{{"item_id": "i{n}", "title": "{title}"}}\n' for n, title in enumerate(ITEMS)]
    Path("items.jsonl").write_text("".join(lines), "utf-8")
    assert llmrec("index", "items.jsonl", "-o", "index", "--embedder", "lexical").code == 0


def n_items(done: Any) -> int:
    assert done.code == 0, done.err
    return len(done.json["recommendations"])


def test_options_go_before_variables_and_variables_before_the_file(
    llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["recommend", "--like", "salt"]
    Path("llmrec.toml").write_text('index = "index"\n', "utf-8")
    assert n_items(llmrec(*asked)) == 9
    Path("llmrec.toml").write_text('index = "index"\nk = 3\n', "utf-8")
    assert n_items(llmrec(*asked)) == 3
    monkeypatch.setenv("LLMREC_K", "4")
    assert n_items(llmrec(*asked)) == 4
    assert n_items(llmrec(*asked, "-k", "5")) == 5


def test_the_file_of_ones_own_goes_before_the_projects(llmrec: Llmrec) -> None:
    asked = ["recommend", "--like", "salt", "--index", "index"]
    Path("pyproject.toml").write_text("[tool.llmrec]\nk = 2\n", "utf-8")
    assert n_items(llmrec(*asked)) == 2
    Path("llmrec.toml").write_text('matching = "cosine"\n', "utf-8")
    done = llmrec(*asked)
    assert n_items(done) == 9
    assert "bank" not in done.json


@pytest.mark.parametrize("content", ["", "[tool.other]\nk = 2\n", "[project]\nname = 'mine'\n"])
def test_a_project_without_settings_changes_nothing(llmrec: Llmrec, content: str) -> None:
    Path("pyproject.toml").write_text(content, "utf-8")
    assert n_items(llmrec("recommend", "--like", "salt", "--index", "index")) == 9


def test_without_a_file_there_are_no_settings() -> None:
    assert read_settings() == {}


@pytest.mark.parametrize("name", ["rating-max", "rating_max"])
def test_names_are_written_with_dashes_or_underscores(llmrec: Llmrec, name: str) -> None:
    Path("r.jsonl").write_text('{"user_id": "u", "text": "gulls", "rating": 9}\n', "utf-8")
    made = ["index", "items.jsonl", "-o", "index", "--embedder", "lexical", "--bank", "r.jsonl"]
    assert llmrec(*made).code == 2
    Path("llmrec.toml").write_text(f"{name} = 10\n", "utf-8")
    assert llmrec(*made).code == 0


@pytest.mark.parametrize("where", ["file", "variable"])
def test_flags_and_lists_can_be_set(
    llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    Path("r.jsonl").write_text('{"who": "u", "body": "gulls"}\n{"who": "u"}\n', "utf-8")
    if where == "file":
        Path("llmrec.toml").write_text(
            'skip-bad-rows = true\nreplay = true\ncolumn = ["text=body", "user_id=who"]\n', "utf-8"
        )
    else:
        monkeypatch.setenv("LLMREC_SKIP_BAD_ROWS", "1")
        monkeypatch.setenv("LLMREC_REPLAY", "yes")
        monkeypatch.setenv("LLMREC_COLUMN", "text=body user_id=who")
    Path("calls.jsonl").write_text("", "utf-8")
    done = llmrec("extract", "r.jsonl", "-o", "p.jsonl", "--model", "m", "--calls", "calls.jsonl")
    assert done.code == 4
    assert "left out: r.jsonl, line 1" in done.err
    assert "extract_profile/u: no call" in done.err


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_setting_is_named_in_a_commands_help(llmrec: Llmrec, name: str) -> None:
    commands = COMMANDS
    said = " ".join(" ".join(llmrec(command, "--help").out.split()) for command in commands)
    assert re.search(rf"\[env var: LLMREC_{name.upper()}\b", said)


@pytest.mark.parametrize("file", ["llmrec.toml", "pyproject.toml"])
def test_an_unknown_setting_is_refused_with_those_there_are(llmrec: Llmrec, file: str) -> None:
    heading = "[tool.llmrec]\n" if file == "pyproject.toml" else ""
    Path(file).write_text(f"{heading}colour = 1\nk = 2\n", "utf-8")
    done = llmrec("recommend", "--like", "salt", "--index", "index")
    assert (done.code, done.out) == (2, "")
    assert f"{file}: unknown settings colour: there are" in done.err
    assert "rating_max" in done.err


@pytest.mark.parametrize("content", [b"k = ", b"k = '\xff'", b"[tool"])
@pytest.mark.parametrize("file", ["llmrec.toml", "pyproject.toml"])
def test_what_is_not_toml_is_refused(llmrec: Llmrec, file: str, content: bytes) -> None:
    Path(file).write_bytes(content)
    done = llmrec("recommend", "--like", "salt", "--index", "index")
    assert done.code == 2
    assert f"{file}: not a settings file" in done.err


def test_a_folder_in_the_place_of_the_file_is_refused(llmrec: Llmrec) -> None:
    Path("llmrec.toml").mkdir()
    done = llmrec("recommend", "--like", "salt", "--index", "index")
    assert done.code == 2
    assert "llmrec.toml: not a settings file" in done.err


@pytest.mark.parametrize(("name", "value"), [("k", '"many"'), ("k", "0"), ("matching", '"magic"')])
def test_an_impossible_value_is_a_usage_error(llmrec: Llmrec, name: str, value: str) -> None:
    Path("llmrec.toml").write_text(f"{name} = {value}", "utf-8")
    done = llmrec("recommend", "--like", "salt", "--index", "index")
    assert done.code == 2
    assert f"Invalid value for '--{name}'" in done.err


def test_help_comes_whatever_the_settings_are(llmrec: Llmrec) -> None:
    Path("llmrec.toml").write_text("k = ", "utf-8")
    assert llmrec("--help").code == 0
    for flag in ("-h", "--help"):
        done = llmrec("calls", "show", flag)
        assert done.code == 0
        assert "Show exchanges" in done.out
        assert "warning: llmrec.toml: not a settings file" in done.err


def test_help_shows_the_settings(llmrec: Llmrec) -> None:
    Path("llmrec.toml").write_text("k = 7", "utf-8")
    assert "default: 7" in " ".join(llmrec("recommend", "--help").out.split())


def test_a_shell_completes_whatever_the_settings_are(
    llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("llmrec.toml").write_text("k = ", "utf-8")
    monkeypatch.setenv("_LLMREC_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "llmrec show --us")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        llmrec()
    assert capsys.readouterr() == ("plain,--user\n", "")


def test_an_unknown_command_is_the_first_thing_wrong(llmrec: Llmrec) -> None:
    Path("llmrec.toml").write_text("k = ", "utf-8")
    assert "No such command 'recomend'" in llmrec("recomend").err


def test_columns_and_a_split_are_settings_of_all_commands(llmrec: Llmrec) -> None:
    Path("items.csv").write_text("app,name\na,Salt Road\n", "utf-8")
    Path("r.jsonl").write_text('{"who": "u", "text": "gulls"}\n', "utf-8")
    Path("llmrec.toml").write_text(
        'column = ["user_id=who"]\nitem-column = ["item_id=app", "title=name"]\nsplit = "s"\n',
        "utf-8",
    )
    Path("s").write_text('{"user_id": "u", "history_lines": [0]}\n', "utf-8")
    made = ["index", "items.csv", "-o", "index", "--embedder", "lexical"]
    assert llmrec(*made).json["items"] == 1
    assert llmrec(*made, "--bank", "r.jsonl").json["banks"]["stored"] == 1
    done = llmrec(
        "extract", "r.jsonl", "--items", "items.csv", "-o", "p.jsonl", "--model", "m",
        "--calls", "calls.jsonl", "--dry-run",
    )  # fmt: skip
    assert done.code == 0, done.err


@pytest.mark.parametrize("pair", ["text", "text:body"])
def test_a_column_needs_an_equals_sign(llmrec: Llmrec, pair: str) -> None:
    done = llmrec("index", "items.jsonl", "-o", "index", "--item-column", pair)
    assert done.code == 2
    assert f"--item-column: expected FIELD=COLUMN, came '{pair}'" in done.err


@pytest.mark.parametrize("content", ["tool = 1\n", "[tool]\nllmrec = 1\n"])
def test_a_value_in_the_place_of_the_settings_is_refused(llmrec: Llmrec, content: str) -> None:
    Path("pyproject.toml").write_text(content, "utf-8")
    assert llmrec("recommend", "--like", "salt", "--index", "index").code == 2


def test_the_bank_that_recommend_uses_is_no_setting_of_index(llmrec: Llmrec) -> None:
    Path("llmrec.toml").write_text('bank = "index"\n', "utf-8")
    assert llmrec("index", "items.jsonl", "-o", "other", "--embedder", "lexical").code == 0
