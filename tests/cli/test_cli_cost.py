"""``llmrec calls cost``: what a log cost."""

import json
from pathlib import Path

import pytest

from llmrec import cli

GIVEN = ("--price", "1,10,0.1")


def test_the_cost_of_a_log_is_added_up(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = demo / "extract_profile.jsonl"
    assert cli.run(["calls", "cost", str(log), *GIVEN, "--format", "json"]) == 0
    costs = json.loads(capsys.readouterr().out)
    assert costs["total"]["calls"] == 12
    assert costs["total"]["cost_usd"] == pytest.approx((14_960 + 10 * 14_006) / 1e6)
    assert [group["stage"] for group in costs["groups"]] == ["extract_profile"]
    assert sum(user["cost_usd"] for user in costs["users"].values()) == pytest.approx(
        costs["total"]["cost_usd"]
    )


def test_a_person_sees_all_of_it_on_a_narrow_terminal(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = demo / "extract_profile.jsonl"
    assert cli.run(["calls", "cost", str(log), *GIVEN, "--format", "table"]) == 0
    out = capsys.readouterr().out
    assert "extract_profile  claude" in out
    assert "  12 calls: 14,960 tokens in (0 cached), 14,006 out\n  $0.1550\n" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "12 users: $0.0129 each on average" in out


def test_what_was_wasted_is_said(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = (demo / "extract_profile.jsonl").read_text(encoding="utf-8").split("\n")[0]
    log = tmp_path / "twice.jsonl"
    log.write_text(f"{line}\n{line}\n", encoding="utf-8")
    assert cli.run(["calls", "cost", str(log), "--price", "0,1000000", "--format", "table"]) == 0
    tokens = json.loads(line)["response"]["body"]["usage"]["completion_tokens"]
    said = f"  ${2 * tokens:,.2f}, ${tokens:,.2f} of it wasted\n"
    assert said in capsys.readouterr().out


def test_a_price_that_is_not_known_is_said(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = tmp_path / "both.jsonl"
    line = json.loads((demo / "extract_profile.jsonl").read_text(encoding="utf-8").split("\n")[0])
    other = json.loads(json.dumps(line))
    other["custom_id"] = "0" * 24
    other["body"]["model"] = "our own"
    del other["response"]["body"]["usage"]
    both.write_text(f"{json.dumps(line)}\n{json.dumps(other)}\n", encoding="utf-8")
    assert cli.run(["calls", "cost", str(both), "--format", "table"]) == 0
    out = capsys.readouterr().out
    assert "2 calls without a known price: --price IN,OUT gives it" in out
    assert "1 calls counted here (o200k_base), not by their server" in out
    assert "unknown" in out
    assert "all" in out


def test_a_price_that_is_none_is_refused(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = demo / "extract_profile.jsonl"
    assert cli.run(["calls", "cost", str(log), "--price", "cheap"]) == 2
    assert "--price: expected IN,OUT" in capsys.readouterr().err
