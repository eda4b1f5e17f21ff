"""``llmrec evaluate`` and ``llmrec compare``: tables, JSON, gates, files, and leaks first."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.trec import read_qrels, read_run
from llmrec.records.profile import InterestProfile

Llmrec = Callable[..., Any]


@pytest.fixture
def split(llmrec: Llmrec, demo: Path) -> str:
    """The newest liked review of each of the demo's users is held out."""
    assert llmrec("split", demo / "reviews.jsonl", "-o", "s.jsonl", "--positive-from", 4).code == 0
    return "s.jsonl"


@pytest.fixture
def without_llm(demo: Path, split: str) -> list[object]:
    return ["evaluate", demo / "reviews.jsonl", "--items", demo / "items.jsonl", "--split", split]


@pytest.fixture
def honest(demo_profiles: list[InterestProfile], split: str) -> Path:
    """Profiles of eleven users, made elsewhere: their likes without the words of any review."""
    path = Path("honest.jsonl")
    with path.open("w", encoding="utf-8") as file:
        for number, profile in enumerate(demo_profiles[:11]):
            interests = [
                {"name": f"Thing {number}", "polarity": "like", "weight": 0.5,
                 "description": "Made by hand.",
                 "evidence": [{"review_id": "elsewhere", "field": "text", "quote": "§"}]}
            ]  # fmt: skip
            row = {
                "user_id": profile.user_id, "language": "en", "summary": "", "interests": interests
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
    return path


def test_json_has_every_system_that_needs_no_llm(llmrec: Llmrec, without_llm: list[object]) -> None:
    done = llmrec(*without_llm)
    assert (done.code, done.err) == (0, "")
    found = done.json
    assert {"popularity", "bm25-items"} <= {system["name"] for system in found["systems"]}
    assert {system["kind"] for system in found["systems"]} == {"without_llm"}
    assert found["best_without_llm"] == found["systems"][0]["name"]
    assert (found["users"], found["comparable"], found["claims"]) == (12, True, [])
    low, high = found["systems"][0]["scores"]["nDCG@10"]["interval"]
    assert 0 <= low < high <= 1


def test_the_table_has_warnings_above_and_the_claim_below(
    llmrec: Llmrec, without_llm: list[object], honest: Path
) -> None:
    done = llmrec(*without_llm, "--profiles", honest, "--format", "table")
    assert done.code == 0
    out = done.out
    assert out.index("profiles without sources") < out.index("12 users,")
    assert "* the best without an LLM" in out
    (claim,) = [line for line in out.splitlines() if " − best without an LLM (" in line]
    assert claim.startswith("profile-tfidf − best without an LLM (")
    assert " 12 users: " in claim
    (row,) = [line for line in out.splitlines() if line.startswith("profile-tfidf  ")]
    assert row.split()[-1] == "1"  # the twelfth user has no profile


def test_leaking_profiles_end_it_without_a_figure(
    llmrec: Llmrec, without_llm: list[object], profiles: Path
) -> None:
    done = llmrec(*without_llm, "--profiles", profiles, "--exit-zero", "-o", "r.json")
    assert (done.code, done.out) == (1, "")
    assert "leaks: " in done.err
    assert "u01" in done.err
    assert not Path("r.json").exists()


def test_with_an_index_profiles_are_compared_by_vectors(
    llmrec: Llmrec, demo: Path, split: str, tmp_path: Path, honest: Path
) -> None:
    index = tmp_path / "lexical"
    assert llmrec("index", demo / "items.jsonl", "-o", index, "--embedder", "lexical").code == 0
    done = llmrec(
        "evaluate", demo / "reviews.jsonl", "--split", split, "--profiles", honest,
        "--index", index, "--systems", "profile-hub, item-mean-hub", "-o", "r.json",
        "--bank", "index", "--base-url", "http://127.0.0.1:9/v1",
    )  # fmt: skip
    assert done.code == 0
    (claim,) = done.json["claims"]
    assert (claim["system"], claim["baseline"]) == ("profile-hub", "item-mean-hub")
    result = json.loads(Path("r.json").read_text("utf-8"))
    assert result["settings"]["bank"] == "index"
    assert {"reviews", "profiles", "index", "items", "split"} == result["inputs"].keys()


def test_without_a_baseline_there_is_no_claim(
    llmrec: Llmrec, without_llm: list[object], honest: Path
) -> None:
    only = [*without_llm, "--profiles", honest, "--systems", "profile-tfidf"]
    assert llmrec(*only).json["claims"] == []
    table = llmrec(*only, "--format", "table").out
    assert "best without an LLM" not in table


def test_a_catalogue_is_needed(llmrec: Llmrec, demo: Path, split: str) -> None:
    done = llmrec("evaluate", demo / "reviews.jsonl", "--split", split)
    assert done.code == 2
    assert "--items" in done.err


def test_the_file_is_the_same_twice(llmrec: Llmrec, without_llm: list[object]) -> None:
    for name in ("a.json", "b.json"):
        assert llmrec(*without_llm, "--systems", "random,ease", "-o", name).code == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()
    other = llmrec(*without_llm, "--systems", "random,ease", "--seed", 1, "-o", "b.json")
    assert other.code == 0
    assert Path("a.json").read_bytes() != Path("b.json").read_bytes()


def test_gates(llmrec: Llmrec, without_llm: list[object]) -> None:
    assert llmrec(*without_llm, "--fail-under", "nDCG@10=0").code == 0
    missed = llmrec(*without_llm, "--fail-under", "random:R@10=2")
    assert missed.code == 1
    assert missed.err.startswith("--fail-under: random: R@10 is 0.")
    forgiven = llmrec(*without_llm, "--fail-under", "R@10=2", "--exit-zero")
    assert (forgiven.code, forgiven.err.count("--fail-under")) == (0, 1)
    assert llmrec(*without_llm, "--fail-under", "R@10").code == 2


def test_written_runs_can_be_evaluated_again(llmrec: Llmrec, without_llm: list[object]) -> None:
    one = [*without_llm, "--systems", "bm25-items"]
    assert llmrec(*one, "--run-dir", "runs").code == 0
    assert len(read_qrels("runs/qrels")) == 12
    assert len(read_run("runs/bm25-items.run").user_ids) == 12
    done = llmrec(*one, "--run", "again=runs/bm25-items.run", "-o", "r.json")
    assert [claim["difference"] for claim in done.json["claims"]] == [0]
    assert "run again" in json.loads(Path("r.json").read_text("utf-8"))["inputs"]


@pytest.mark.parametrize("run", ["name", "=file", "a="])
def test_a_run_needs_a_name_and_a_file(llmrec: Llmrec, without_llm: list[object], run: str) -> None:
    done = llmrec(*without_llm, "--run", run)
    assert done.code == 2
    assert "NAME=FILE" in done.err


def test_candidates_are_labelled_everywhere(
    llmrec: Llmrec, without_llm: list[object], demo: Path
) -> None:
    sampled = [*without_llm, "--candidates", "sampled:5", "--systems", "popularity"]
    table = llmrec(*sampled, "--format", "table", "-o", "r.json").out
    assert table.startswith("warning: NOT COMPARABLE")
    assert "items, NOT COMPARABLE" in table
    assert '"comparable": false' in Path("r.json").read_text("utf-8")
    found = llmrec(*sampled).json
    assert (found["comparable"], found["warnings"][0]["kind"]) == (False, "candidates")
    given = llmrec(*without_llm, "--candidates", demo / "candidates.jsonl")
    assert given.json["comparable"] is False


@pytest.mark.parametrize("candidates", ["sampled:0", "sampled:x", "sampled"])
def test_samples_have_a_size(llmrec: Llmrec, without_llm: list[object], candidates: str) -> None:
    done = llmrec(*without_llm, "--candidates", candidates)
    assert done.code == 2
    assert "sampled:N" in done.err


def test_metrics_are_chosen(llmrec: Llmrec, without_llm: list[object]) -> None:
    done = llmrec(*without_llm, "--metrics", "RR@5, HitRate@3", "--systems", "random")
    assert list(done.json["systems"][0]["scores"]) == ["RR@5", str(Metric.parse("HitRate@3"))]


def test_weights_of_evaluated_users_are_a_leak(llmrec: Llmrec, without_llm: list[object]) -> None:
    Path("w.json").write_text('{"format": 1, "users": ["u01"]}', "utf-8")
    done = llmrec(*without_llm, "--weights", "w.json")
    assert (done.code, done.out) == (1, "")
    assert "fitted on this user" in done.err


def test_a_folder_that_cannot_be_made(llmrec: Llmrec, without_llm: list[object]) -> None:
    Path("file").write_text("", "utf-8")
    done = llmrec(*without_llm, "--systems", "random", "--run-dir", "file/runs")
    assert done.code == 2
    assert "no folder can be made" in done.err


def test_two_results_are_compared(
    llmrec: Llmrec, without_llm: list[object], demo: Path, split: str
) -> None:
    lines = Path(split).read_text("utf-8").splitlines(keepends=True)
    assert llmrec(*without_llm, "-o", "a.json").code == 0
    Path(split).write_text("".join(lines[1:]), "utf-8")
    assert llmrec(*without_llm, "--seed", 1, "-o", "b.json").code == 0
    found = llmrec("compare", "a.json", "b.json", "--system", "random").json
    assert (found["users"], found["only_first"], found["only_second"]) == (11, 1, 0)
    assert [one["system"] for one in found["differences"]] == ["random"]
    table = llmrec("compare", "a.json", "b.json", "--metric", "RR@10", "--format", "table")
    said = table.out.splitlines()
    assert said[0] == "users in both: 11 (1 only in A, 0 only in B, left out)"
    assert any(line.startswith("random: RR@10, B − A = ") for line in said)
    assert said[-1].startswith("the same for every user: ")
    assert "tfidf-items" in said[-1]
    same = llmrec("compare", "a.json", "b.json", "--system", "tfidf-items").json
    assert (same["same"], same["differences"]) == (["tfidf-items"], [])


def test_results_of_other_things_are_not_compared(
    llmrec: Llmrec, without_llm: list[object]
) -> None:
    assert llmrec(*without_llm, "-o", "a.json").code == 0
    assert llmrec(*without_llm, "--candidates", "sampled:9", "-o", "b.json").code == 0
    done = llmrec("compare", "a.json", "b.json")
    assert done.code == 2
    assert "the candidates differ" in done.err
