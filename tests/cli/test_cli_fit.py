"""``llmrec fit`` learns weights from held-out items, and ``recommend --weights`` ranks by them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmrec.evaluation.fitted_users import read_fitted_users
from llmrec.evaluation.learned_weights import LearnedWeights, learn_weights
from llmrec.matching.score_parts import PARTS
from llmrec.matching.weights import read_weights
from llmrec.records.profile import InterestProfile

Llmrec = Callable[..., Any]


@pytest.fixture
def split(llmrec: Llmrec, demo: Path) -> str:
    done = llmrec("split", demo / "reviews.jsonl", "-o", "split.jsonl", "--positive-from", 4)
    assert done.code == 0
    return "split.jsonl"


@pytest.fixture
def honest(demo_profiles: list[InterestProfile], demo: Path, split: str) -> str:
    """The demo's profiles without all that rests on a review that is held out."""
    lines = (demo / "reviews.jsonl").read_text("utf-8").splitlines()
    ids = [json.loads(line)["review_id"] for line in lines]
    histories = [json.loads(line) for line in Path(split).read_text("utf-8").splitlines()]
    seen = {ids[n] for line in histories for n in line["history_lines"]}
    rows = []
    for profile in demo_profiles:
        row = json.loads(profile.to_json())
        row["summary"] = ""
        row["sources"] = [one for one in row["sources"] if one["review_id"] in seen]
        row["interests"] = [
            interest
            for interest in row["interests"]
            if {one["review_id"] for one in interest["evidence"]} <= seen
        ]
        rows.append(json.dumps(row) + "\n")
    Path("honest.jsonl").write_text("".join(rows), "utf-8")
    return "honest.jsonl"


@pytest.fixture
def fit(honest: str, index: Path, demo: Path, split: str) -> list[object]:
    reviews = demo / "reviews.jsonl"
    given = ["--index", index, "--reviews", reviews, "--split", split, "--replay"]
    return ["fit", honest, *given, "-o", "weights.json"]


def test_a_file_of_weights_names_its_users_and_what_they_are_worth(
    llmrec: Llmrec, fit: list[object]
) -> None:
    done = llmrec(*fit)
    assert done.code == 0
    written = json.loads(Path("weights.json").read_text("utf-8"))
    assert done.json == {**written, "users": len(written["users"])}
    assert read_fitted_users("weights.json") == set(written["users"])
    weights = read_weights("weights.json").of("multilingual-e5-small")
    assert list(weights) == list(PARTS)
    assert sum(weights.values()) == pytest.approx(1)
    for one in written["weights"].values():
        assert 0 <= one["low"] <= one["high"] <= 1
    assert set(written["beside_parts"]) == set(PARTS)
    assert set(written["digests"]) == {"profiles", "reviews", "split", "items"}
    assert (written["format"], written["metric"], written["bank"]) == (1, "nDCG@10", "run")
    assert llmrec(*fit).json == done.json


def test_the_same_for_people(llmrec: Llmrec, fit: list[object]) -> None:
    done = llmrec(*fit, "--format", "table")
    assert done.code == 0
    heading, *rows, last = done.out.splitlines()
    assert heading.split()[:3] == ["part", "weight", "alone"]
    assert [row.split()[0] for row in rows] == list(PARTS)
    assert last.startswith("fitted weights: nDCG@10 ")
    assert "in cross-validation over 12 users; score − defaults = " in last


@pytest.mark.parametrize("pull", [None, 1.0])
def test_whose_figure_is_shown_is_said_where_the_defaults_are_kept(
    llmrec: Llmrec, fit: list[object], monkeypatch: pytest.MonkeyPatch, pull: float | None
) -> None:
    def learned(*arguments: Any, **options: Any) -> LearnedWeights:
        return replace(learn_weights(*arguments, **options), pull=pull)

    monkeypatch.setattr("llmrec.cli.fit.learn_weights", learned)
    last = llmrec(*fit, "--format", "table").out.splitlines()[-1]
    assert last.startswith("fitted weights: nDCG@10 ")
    assert last.endswith(" on the same users, are kept") == (pull is None)


def test_how_few_users_a_figure_rests_on_is_said(
    llmrec: Llmrec, fit: list[object], demo: Path, split: str
) -> None:
    target = json.loads(Path(split).read_text("utf-8").splitlines()[0])["target_item"]
    items = (demo / "items.jsonl").read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in items if json.loads(line)["item_id"] != target]
    Path("fewer.jsonl").write_text("".join(kept), "utf-8")
    assert llmrec("index", "fewer.jsonl", "-o", "fewer", "--embedder", "lexical").code == 0
    fit[fit.index("--index") + 1] = "fewer"
    done = llmrec(*fit)
    assert done.code == 0
    assert done.json["not_usable"] >= 1
    assert f"{done.json['not_usable']} of 12 users are left out" in done.err
    (few,) = [said for said in done.json["warnings"] if "differ from the commonest value" in said]
    assert few in done.err


def test_profiles_that_have_seen_the_answers_cannot_be_fitted(
    llmrec: Llmrec, fit: list[object], profiles: Path
) -> None:
    fit[1] = profiles
    done = llmrec(*fit)
    assert (done.code, done.out) == (1, "")
    assert "source: user 'u01'" in done.err
    assert not Path("weights.json").exists()


def test_weights_may_not_be_evaluated_on_the_users_they_were_fitted_on(
    llmrec: Llmrec, fit: list[object], honest: str, demo: Path, split: str
) -> None:
    assert llmrec(*fit).code == 0
    evaluated = ["--reviews", demo / "reviews.jsonl", "--split", split]
    done = llmrec("audit", honest, *evaluated, "--weights", "weights.json")
    assert done.code == 1
    assert {row["leak"] for row in done.lists if "leak" in row} == {"weights"}


def test_nobody_to_learn_from(llmrec: Llmrec, fit: list[object], split: str) -> None:
    first, *_ = Path(split).read_text("utf-8").splitlines()
    Path(split).write_text(first + "\n", "utf-8")
    done = llmrec(*fit)
    assert done.code == 2
    assert "1 of 1 users have a held-out item" in done.err
    assert "at least 2 are expected" in done.err


@pytest.fixture
def weights(llmrec: Llmrec, fit: list[object]) -> str:
    """A file of weights in which popularity counts as much as the profile."""
    assert llmrec(*fit).code == 0
    written = json.loads(Path("weights.json").read_text("utf-8"))
    for name, one in written["weights"].items():
        one["weight"] = 0.5 if name in ("profile-hub", "popularity") else 0.0
    Path("weights.json").write_text(json.dumps(written), "utf-8")
    return "weights.json"


def test_recommendations_say_what_each_part_brought(
    llmrec: Llmrec, weights: str, profiles: Path, index: Path, demo: Path
) -> None:
    run = ["recommend", profiles, "--index", index, "--replay", "--weights", weights]
    done = llmrec(*run, "--reviews", demo / "reviews.jsonl")
    assert (done.code, done.err) == (0, "")
    shares = [
        one for user in done.lists for item in user["recommendations"] for one in item["because"]
    ]
    assert {one.get("part") for one in shares} == {None, "popularity"}
    assert all(("interest" in one) != ("part" in one) for one in shares)
    alone = llmrec("recommend", profiles, "--index", index, "--replay")
    assert done.lists != alone.lists
    without = llmrec(*run)
    assert "no reviews are given: scored without popularity" in without.err
    order = [[item["item_id"] for item in user["recommendations"]] for user in without.lists]
    assert order == [[item["item_id"] for item in user["recommendations"]] for user in alone.lists]


def test_of_how_many_users_a_part_knows_nothing_is_said_once(
    llmrec: Llmrec, weights: str, profiles: Path, index: Path, demo: Path
) -> None:
    first, second, *_ = map(json.loads, profiles.read_text("utf-8").splitlines())
    rows = (first, {**second, "interests": [], "sources": []})
    Path("two.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    run = ["recommend", "two.jsonl", "--index", index, "--replay", "--weights", weights]
    done = llmrec(*run, "--reviews", demo / "reviews.jsonl", "--bank", "index")
    assert done.code == 0
    said = "of 2 users some are scored without the parts that know nothing of them: profile-hub (1)"
    assert done.err.splitlines() == [said]


def test_under_a_split_what_is_held_out_is_not_popular(
    llmrec: Llmrec, weights: str, honest: str, index: Path, demo: Path, split: str
) -> None:
    run = ["recommend", honest, "--index", index, "--replay", "--weights", weights]
    run += ["--reviews", demo / "reviews.jsonl"]
    held_out = llmrec(*run, "--split", split)
    assert (held_out.code, held_out.err) == (0, "")
    assert held_out.lists != llmrec(*run).lists


def test_a_typed_sentence_is_ranked_by_the_same_parts(
    llmrec: Llmrec, weights: str, index: Path, demo: Path
) -> None:
    run = ["recommend", "--like", "喜欢看电影，喜欢看科幻电影", "--index", index, "--replay"]
    done = llmrec(*run, "--weights", weights, "--reviews", demo / "reviews.jsonl")
    assert done.code == 0
    parts = {one.get("part") for item in done.json["recommendations"] for one in item["because"]}
    assert "popularity" in parts


def test_reviews_are_read_once_and_may_come_from_stdin(
    llmrec: Llmrec,
    weights: str,
    honest: str,
    index: Path,
    demo: Path,
    split: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = ["recommend", honest, "--index", index, "--replay", "--weights", weights]
    for under in ([], ["--split", split]):
        expected = llmrec(*run, *under, "--reviews", demo / "reviews.jsonl")
        with (demo / "reviews.jsonl").open() as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            done = llmrec(*run, *under, "--reviews", "-")
        assert done.code == expected.code == 0
        assert done.lists == expected.lists


def test_weights_fitted_on_some_are_evaluated_on_others(
    llmrec: Llmrec, fit: list[object], index: Path, demo: Path, split: str, honest: str
) -> None:
    lines = Path(split).read_text("utf-8").splitlines(keepends=True)
    Path(split).write_text("".join(lines[:6]), "utf-8")
    assert llmrec(*fit).code == 0
    Path("others.jsonl").write_text("".join(lines[6:]), "utf-8")
    given = [
        "--profiles",
        honest,
        "--index",
        index,
        "--replay",
        "--systems",
        "weighted,profile-hub",
    ]
    run = ["evaluate", demo / "reviews.jsonl", "--weights", "weights.json", *given]
    done = llmrec(*run, "--split", "others.jsonl")
    assert done.code == 0
    assert {one["name"] for one in done.json["systems"]} == {"weighted", "profile-hub"}
    assert llmrec(*run, "--split", split).code == 1
