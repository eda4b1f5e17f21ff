"""Every block of the README does what it says, on the demo's files."""

import json
import re
import shlex
from pathlib import Path

import pytest

from llmrec.cli import run

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def own_data(demo: Path, tmp_path: Path) -> Path:
    """The demo's files under the names that the README uses, in the current folder."""
    for name, given in {
        "items.jsonl": "items.jsonl",
        "reviews.jsonl": "reviews.jsonl",
        "calls.jsonl": "extract_profile.jsonl",
    }.items():
        (tmp_path / name).write_bytes((demo / given).read_bytes())
    return tmp_path


def test_shell_blocks_run(
    own_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [
        line.split("#")[0].strip()
        for block in blocks("sh")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    ran = 0
    for command in filter(None, commands):
        program, *arguments = shlex.split(command)
        if program == "llmrec":
            assert run(arguments) == 0, capsys.readouterr().err
            ran += 1
        elif program == "cd":
            monkeypatch.chdir(*arguments)
        else:
            assert program == "make"
            assert f"\n{arguments[0]}:" in (ROOT / "Makefile").read_text()
    assert ran >= 8
    profiles = str(own_data / "profiles.jsonl")
    assert run(["index", "items.jsonl", "-o", "index", "--vectors", "vectors.npz", "--replay"]) == 0
    way = ["--rerank", "--explain", "--calls", "calls.jsonl", "--model", "claude"]
    assert run(["recommend", profiles, "--index", "index", "--reviews", "reviews.jsonl", *way]) == 0
    assert "36 explanations by the model, 0 composed" in capsys.readouterr().err


def test_python_block_runs(own_data: Path, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (own_data / "reviews.jsonl").read_text("utf-8").splitlines(keepends=True)
    one_user = [line for line in lines if json.loads(line)["user_id"] == "u12"]
    (own_data / "reviews.jsonl").write_text("".join(one_user), "utf-8")
    vectors = str(demo / "vectors.npz")
    assert run(["index", "items.jsonl", "-o", "index", "--vectors", vectors, "--replay"]) == 0
    capsys.readouterr()
    (block,) = blocks("python")
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert any("星际穿越" in line for line in printed)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
