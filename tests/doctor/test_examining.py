"""All checks together, as a person and as a program see them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from doctor_runs import GOOD, Doctor, FakeServer, completion

KEY = "sk-not-to-be-said"
NAMES = [
    "server settings", "server", "model", "structured output", "prices", "embedder", "call log",
    "vectors", "tokens", "versions",
]  # fmt: skip


def test_without_any_setting_it_says_what_to_set_and_calls_nobody(doctor: Doctor) -> None:
    done = doctor()
    assert (done.code, done.err) == (0, "")
    assert [check["name"] for check in done.checks] == NAMES
    assert [check["status"] for check in done.checks] == ["skipped"] * 5 + [
        "ok", "skipped", "skipped", "ok", "ok",
    ]  # fmt: skip
    assert "set OPENAI_API_KEY, or --base-url" in done["server settings"]["advice"]
    assert done["embedder"]["found"] == "lexical: 4096 dims"
    assert done["call log"]["advice"] == "extract needs --calls LOG"
    table = doctor("--format", "table")
    assert table.out.count("\nskipped  ") == 6


def test_all_is_well(
    doctor: Doctor, server: FakeServer, monkeypatch: pytest.MonkeyPatch, demo: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.models = lambda: (200, {"data": [{"id": "gpt-4o-mini"}]})
    server.chat = lambda body: completion(GOOD, {"prompt_tokens": 31, "completion_tokens": 9})
    Path("calls.jsonl").write_bytes((demo / "extract_profile.jsonl").read_bytes())
    done = doctor(
        "--base-url", server.url, "--model", "gpt-4o-mini", "--calls", "calls.jsonl",
        "--embedder", "openai:gpt-embed", "--vectors", "v.npz",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert {check["status"] for check in done.checks} == {"ok"}
    assert done["server settings"]["found"] == f"{server.url}, key from OPENAI_API_KEY"
    assert done["server"]["found"] == "reached; models listed: 1"
    assert done["structured output"]["found"] == "json_schema (31 tokens in, 9 out)"
    assert done["prices"]["found"] == "0.15 USD a million tokens in, 0.6 out (openai)"
    assert done["embedder"]["found"] == "gpt-embed: 3 dims (8 tokens)"
    assert done["call log"]["found"] == "calls.jsonl: answers to 12 requests, can be added to"
    assert done["vectors"]["found"] == "v.npz: 0 of gpt-embed, can be added to"
    assert "Python 3." in done["versions"]["found"]
    assert server.keys == {f"Bearer {KEY}"}
    assert KEY not in done.out + done.err
    assert [path for path, _ in server.asked].count("/v1/chat/completions") == 1
    assert sorted(file.name for file in Path().iterdir()) == ["calls.jsonl"]


def test_a_person_reads_one_screen(doctor: Doctor, server: FakeServer) -> None:
    done = doctor("--base-url", server.url, "--model", "huge\x1b[2J", "--format", "table")
    assert done.code == 0
    lines = done.out.splitlines()
    assert len(lines) <= 24
    assert [line for line in lines if re.match("ok +server +reached", line)]
    assert [line for line in lines if re.match(" +> some servers take any name", line)]
    assert "\x1b" not in done.out


def test_the_list_of_commands_loads_nothing_heavy() -> None:
    heavy = "pydantic numpy openai sklearn rich genai_prices"
    code = (
        "import sys; from llmrec.cli import run; run(['--help']);"
        f"print([name for name in {heavy.split()} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "  doctor " in done.stdout
    assert done.stderr == "[]\n"
