"""``llmrec audit``: leaks are listed and end with exit code 1."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmrec.records.profile import InterestProfile

Llmrec = Callable[..., Any]


@pytest.fixture
def split(llmrec: Llmrec, demo: Path) -> str:
    """The newest liked review of each of the demo's users is held out."""
    done = llmrec("split", demo / "reviews.jsonl", "-o", "split.jsonl", "--positive-from", 4)
    assert done.code == 0
    return "split.jsonl"


@pytest.fixture
def evaluated(demo: Path, split: str) -> list[object]:
    return ["--reviews", demo / "reviews.jsonl", "--split", split]


@pytest.fixture
def honest(demo_profiles: list[InterestProfile], demo: Path, split: str) -> Path:
    """Profiles without quotes, words and sources of what is held out, as made elsewhere."""
    profile = {"language": "en", "summary": "Likes good stories.", "interests": []}
    path = Path("honest.jsonl")
    path.write_text(
        "".join(json.dumps({"user_id": p.user_id, **profile}) + "\n" for p in demo_profiles)
    )
    return path


def test_profiles_made_without_a_split_have_seen_it(
    llmrec: Llmrec, profiles: Path, evaluated: list[object]
) -> None:
    done = llmrec("audit", profiles, *evaluated)
    assert (done.code, done.err) == (1, "")
    *found, last = done.lists
    sources = [row for row in found if row.get("leak") == "source"]
    assert {row["user_id"] for row in sources} == {f"u{n:02}" for n in range(1, 13)}
    assert all(row["review_id"].startswith(row["user_id"]) for row in sources)
    assert {"source", "quote"} <= {row["leak"] for row in found if "leak" in row}
    assert last["leaks"] == sum("leak" in row for row in found)
    assert last["warnings"] == sum("warning" in row for row in found)
    assert (last["users"], last["profiles"]) == (12, 12)
    assert any("chat model" in row["not_checked"] for row in found if "not_checked" in row)


def test_a_table_ends_with_the_outcome(
    llmrec: Llmrec, profiles: Path, demo: Path, evaluated: list[object]
) -> None:
    items = demo / "items.jsonl"
    done = llmrec("audit", profiles, *evaluated, "--items", items, "--format", "table")
    assert done.code == 1
    *rows, last = done.out.splitlines()
    assert last.startswith("leaks: ")
    assert "(12 users)" in last
    assert any(row.split()[:3] == ["leak", "user", "review"] for row in rows)
    assert any(row.startswith("source  u01") for row in rows)
    assert any("llmrec extract --split" in row for row in rows)
    assert any(row.startswith("not checked: what the chat model knew") for row in rows)


def test_honest_profiles_pass(llmrec: Llmrec, honest: Path, evaluated: list[object]) -> None:
    done = llmrec("audit", honest, *evaluated)
    assert done.code == 0
    warning, *_, last = done.lists
    assert warning["warning"] == "no_sources"
    assert len(warning["users"]) == 12
    assert (last["leaks"], last["warnings"]) == (0, 1)
    said = llmrec("audit", honest, *evaluated, "--format", "table").out.splitlines()
    assert said[0].startswith("warning: profiles without sources")
    assert said[-1].startswith("leaks: 0 (0 users), warnings: 1; audited: 12 profiles")


def test_an_index_whose_bank_was_made_from_all_reviews(
    llmrec: Llmrec, demo: Path, honest: Path, evaluated: list[object]
) -> None:
    made = ["index", demo / "items.jsonl", "--embedder", "lexical"]
    assert llmrec(*made, "-o", "all", "--bank", demo / "reviews.jsonl").code == 0
    done = llmrec("audit", honest, *evaluated, "--index", "all")
    assert done.code == 1
    assert {row["leak"] for row in done.lists if "leak" in row} == {"bank"}
    history = [*made, "-o", "history", "--bank", *evaluated[1:]]
    assert llmrec(*history).code == 0
    assert llmrec("audit", honest, *evaluated, "--index", "history").code == 0


def test_an_index_gives_the_titles(
    llmrec: Llmrec, honest: Path, evaluated: list[object], index: Path
) -> None:
    without = llmrec("audit", honest, *evaluated).lists
    assert any("no catalogue" in row.get("not_checked", "") for row in without)
    done = llmrec("audit", honest, *evaluated, "--index", index)
    assert done.code == 0
    assert not any("no catalogue" in row.get("not_checked", "") for row in done.lists)


def test_weights_of_an_evaluated_user(
    llmrec: Llmrec, honest: Path, evaluated: list[object]
) -> None:
    Path("weights.json").write_text('{"users": ["u03", "somebody"]}')
    done = llmrec("audit", honest, *evaluated, "--weights", "weights.json", "--format", "table")
    assert done.code == 1
    assert any(line.split()[:2] == ["weights", "u03"] for line in done.out.splitlines())
    assert "fit the weights on users who are not evaluated" in done.out


@pytest.mark.parametrize("missing", ["--reviews", "--split"])
def test_reviews_and_split_are_needed(
    llmrec: Llmrec, honest: Path, evaluated: list[object], missing: str
) -> None:
    place = evaluated.index(missing)
    done = llmrec("audit", honest, *evaluated[:place], *evaluated[place + 2 :])
    assert done.code == 2
    assert missing in done.err


def test_other_peoples_text_cannot_steer_the_terminal(
    llmrec: Llmrec, demo: Path, evaluated: list[object]
) -> None:
    rows = [json.loads(line) for line in (demo / "reviews.jsonl").read_text("utf-8").splitlines()]
    line = json.loads(Path("split.jsonl").read_text("utf-8").splitlines()[0])
    quote = rows[line["target_line"]]["text"][:40]
    evidence = [{"review_id": "x", "field": "text", "quote": quote}]
    profile = {
        "user_id": line["user_id"], "language": "en", "summary": "",
        "interests": [{"name": "\x1b[31m[bold]red", "polarity": "like", "weight": 1,
                       "description": "", "evidence": evidence}],
    }  # fmt: skip
    Path("odd.jsonl").write_text(json.dumps(profile))
    done = llmrec("audit", "odd.jsonl", *evaluated, "--format", "table")
    assert done.code == 1
    assert "\x1b" not in done.out
    assert "[bold]red" in done.out.replace("\n", "")
