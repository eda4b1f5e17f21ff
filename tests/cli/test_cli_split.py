"""``llmrec split``: a file of lines, and everybody else counted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Llmrec = Callable[..., Any]


@pytest.fixture
def reviews(demo: Path) -> Path:
    return demo / "reviews.jsonl"


def lines(path: str = "split.jsonl") -> list[Any]:
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def test_the_newest_liked_review_of_everybody(llmrec: Llmrec, reviews: Path) -> None:
    done = llmrec("split", reviews, "-o", "split.jsonl", "--positive-from", 4)
    assert (done.code, done.err) == (0, "")
    assert done.json == {"split": "split.jsonl", "users": 12, "eligible": 12, "not_eligible": {}}
    rows = [json.loads(line) for line in reviews.read_text("utf-8").splitlines()]
    made = lines()
    assert [line["user_id"] for line in made] == list(dict.fromkeys(r["user_id"] for r in rows))
    for line in made:
        assert list(line) == ["user_id", "target_item", "target_line", "history_lines"]
        target = rows[line["target_line"]]
        assert target["item_id"] == line["target_item"]
        assert target["rating"] >= 4
        later = [n for n, row in enumerate(rows) if row["user_id"] == line["user_id"]]
        later = [n for n in later if rows[n]["timestamp"] >= target["timestamp"]]
        assert not set(later) & set(line["history_lines"])


def test_a_split_made_again_is_the_same_to_the_byte(llmrec: Llmrec, reviews: Path) -> None:
    for name in ("a", "b"):
        assert llmrec("split", reviews, "-o", name, "--by", "last:2").code == 0
    assert Path("a").read_bytes() == Path("b").read_bytes()
    assert {len(line["target_lines"]) for line in lines("a")} == {2}
    assert Path("a").read_text().count("\n") == 12


def test_a_cut_in_time_and_who_is_not_eligible(llmrec: Llmrec, reviews: Path) -> None:
    done = llmrec(
        "split", reviews, "-o", "split.jsonl", "--by", "time", "--at", "2024-06-01",
        "--min-reviews", 5, "--min-chars", 100, "--format", "table",
    )  # fmt: skip
    assert done.code == 0
    *others, last = done.out.splitlines()
    assert others
    assert last == f"split.jsonl: {len(lines())} of 12 users are eligible"
    assert sum(int(line.split()[-2]) for line in others) == 12 - len(lines())
    assert all(line.startswith("not eligible: ") for line in others)
    rows = [json.loads(line) for line in reviews.read_text("utf-8").splitlines()]
    for line in lines():
        assert max(rows[n]["timestamp"] for n in line["history_lines"]) < "2024-06-01"
        assert min(rows[n]["timestamp"] for n in line["target_lines"]) >= "2024-06-01"


def test_a_moment_may_have_a_zone(llmrec: Llmrec, reviews: Path) -> None:
    by_time = ["--by", "time", "--min-reviews", 1]
    for name, at in {
        "a": "2024-06-01",
        "b": "2024-06-01T02:00:00+02:00",
        "c": "2024-06-01T00:00:01",  # one of u10's reviews is of this day
    }.items():
        assert llmrec("split", reviews, "-o", name, *by_time, "--at", at).code == 0
    assert Path("a").read_bytes() == Path("b").read_bytes() != Path("c").read_bytes()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--by", "fortune"], "leave-last-out, time or last:N is expected, came 'fortune'"),
        (["--by", "last"], "came 'last'"),
        (["--by", "last:-1"], "came 'last:-1'"),
        (["--by", "last:0"], "a number from 1 is expected, came 0"),
        (["--by", "time"], "--at"),
        (["--at", "2023-01-01"], "--at"),
        (["--by", "time", "--at", "soon"], "or Unix time is expected, came 'soon'"),
    ],
)
def test_what_cannot_be_meant(llmrec: Llmrec, reviews: Path, options: list[str], what: str) -> None:
    done = llmrec("split", reviews, "-o", "split.jsonl", *options)
    assert (done.code, done.out) == (2, "")
    assert what in done.err
    assert not Path("split.jsonl").exists()


def test_nobody_eligible_writes_nothing(llmrec: Llmrec, reviews: Path) -> None:
    done = llmrec("split", reviews, "-o", "split.jsonl", "--min-reviews", 99)
    assert done.code == 2
    assert (
        "nobody of 12 users is eligible (12: fewer than 99 older reviews (--min-reviews))"
        in done.err
    )
    assert not list(Path().iterdir())


def test_ratings_without_a_threshold_are_noted(llmrec: Llmrec, reviews: Path) -> None:
    done = llmrec("split", reviews, "-o", "split.jsonl")
    assert done.code == 0
    assert "12 held-out reviews have a rating" in done.err


def test_a_split_is_read_by_what_takes_one(llmrec: Llmrec, demo: Path, index: Path) -> None:
    llmrec("split", demo / "reviews.jsonl", "-o", "split.jsonl", "--positive-from", 4)
    done = llmrec(
        "index", demo / "items.jsonl", "-o", "other", "--embedder", "lexical",
        "--bank", demo / "reviews.jsonl", "--split", "split.jsonl",
    )  # fmt: skip
    assert done.code == 0
    held_out = 116 - sum(len(line["history_lines"]) for line in lines())
    assert done.json["banks"]["stored"] == 116 - held_out
