"""Reviews to recommendations on a real llama.cpp, then the same again without it.

The tiny model's taste is worthless: what counts is that every user ends with a checked profile or
with a named failure, and that all of it can be replayed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from serving import real

TASTES = {
    "ann": ("tea", "I love green tea."),
    "bo": ("sea", "The sea calms me."),
    "cy": ("jazz", "Jazz at night."),
}


def llmrec(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "llmrec", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def extract(tmp_path: Path) -> list[str]:
    """The command that makes profiles, from files and a short prompt in the current folder."""
    reviews = [
        {"user_id": user, "item_id": item, "text": text, "rating": 5}
        for user, (item, text) in TASTES.items()
    ]
    items = [{"item_id": name, "title": name.title()} for name in ("tea", "sea", "moss", "jazz")]
    for name, rows in (("reviews", reviews), ("items", items)):
        lines = "".join(f"{json.dumps(row)}\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, "utf-8")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/extract_profile.system.md").write_text("Say what a person likes.")
    (tmp_path / "prompts/extract_profile.user.md").write_text("$reviews")
    sampling = ("max_tokens=60", "temperature=0", "seed=1")
    return [
        *("extract", "reviews.jsonl", "--items", "items.jsonl", "-o", "profiles.jsonl"),
        *("--calls", "calls.jsonl", "--model", "tiny", "--prompts", "prompts"),
        *("--format", "json", *(part for pair in sampling for part in ("--sampling", pair))),
    ]


def outcome(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_every_user_ends_with_a_profile_or_a_named_failure_and_can_be_replayed(
    extract: list[str],
) -> None:
    with real.llama() as url:
        live = llmrec(*extract, "--base-url", url)
    first, profiles = outcome(live), Path("profiles.jsonl").read_bytes()
    made = [json.loads(line)["user_id"] for line in profiles.splitlines()]
    assert sorted([*made, *first["failed"]]) == sorted(TASTES)
    assert first["calls"] >= len(TASTES)
    assert first["output_tokens"] > 0

    again = llmrec(*extract, "--replay")
    assert again.returncode == live.returncode
    assert outcome(again) == first | {"calls": 0, "replayed": first["calls"]}
    assert Path("profiles.jsonl").read_bytes() == profiles

    assert llmrec("index", "items.jsonl", "-o", "index", "--embedder", "lexical").returncode == 0
    lists = llmrec("recommend", "profiles.jsonl", "--index", "index", "-k", "2")
    assert [json.loads(line)["user_id"] for line in lists.stdout.splitlines()] == made
