"""``llmrec index -o postgres://…`` and ``recommend --index postgres://…`` on a real PostgreSQL."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from serving.openai_server import OpenAIServer

from llmrec.matching.catalogue import open_catalogue
from llmrec.recommender import Recommender
from llmrec.records.profile import InterestProfile

Llmrec = Callable[..., Any]


@pytest.fixture
def place(postgres_url: str) -> Iterator[str]:
    yield f"{postgres_url.replace('postgres@', 'postgres:secret@')}#demo"
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS demo CASCADE")


@pytest.fixture
def made(llmrec: Llmrec, demo: Path, place: str) -> Any:
    vectors = str(demo / "vectors.npz")
    return llmrec("index", demo / "items.jsonl", "-o", place, "--vectors", vectors, "--replay")


def test_an_index_in_a_database(made: Any, place: str) -> None:
    assert made.code == 0
    assert made.json["items"] == 160
    assert made.json["index"].startswith("postgres://127.0.0.1:")
    assert made.json["index"].endswith("/postgres#demo")
    assert "its index finds 1.000 of the exact answers" in made.err
    assert "secret" not in made.out + made.err
    assert open_catalogue(place).titles["film-interstellar"] == "星际穿越"


def test_lists_from_a_database_are_those_from_a_folder(
    llmrec: Llmrec, made: Any, place: str, profiles: Path, demo: Path
) -> None:
    vectors = ["--vectors", str(demo / "vectors.npz"), "--replay"]
    assert llmrec("index", demo / "items.jsonl", "-o", "folder", *vectors).code == 0
    asked = ["recommend", profiles, "--bank", "index", *vectors, "--index"]
    from_folder, from_database = llmrec(*asked, "folder"), llmrec(*asked, place)
    assert from_database.code == 0
    assert from_database.out == from_folder.out
    again = llmrec("index", demo / "items.jsonl", "-o", place, *vectors)
    assert (again.json["reused"], again.json["embedded"]) == (160, 0)


def test_a_run_makes_no_bank_in_a_database(
    llmrec: Llmrec, made: Any, place: str, profiles: Path, demo: Path
) -> None:
    vectors = ["--vectors", str(demo / "vectors.npz"), "--replay"]
    asked = ["recommend", profiles, "--index", place, *vectors]
    assert {json.loads(line)["bank"] for line in llmrec(*asked).out.splitlines()} == {"index"}
    refused = llmrec(*asked, "--bank", "run")
    assert refused.code == 2
    assert "has no run bank: there is index" in refused.err


def test_from_python(
    made: Any, place: str, demo: Path, demo_profiles: list[InterestProfile]
) -> None:
    recommender = Recommender.open(place, vectors=demo / "vectors.npz", mode="replay")
    found = recommender.recommend(demo_profiles[0], k=3)
    assert (found.bank, len(found.recommendations)) == ("index", 3)
    cosine = recommender.recommend(demo_profiles[0], k=3, matching="cosine")
    assert cosine.bank is None


def test_a_database_that_does_not_answer_is_an_input_error(llmrec: Llmrec, profiles: Path) -> None:
    done = llmrec("recommend", profiles, "--index", "postgres://me:secret@127.0.0.1:1/db")
    assert done.code == 2
    assert "postgres://127.0.0.1:1/db#llmrec: the database: " in done.err
    assert "secret" not in done.err


def test_without_the_driver_it_is_named(
    llmrec: Llmrec, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    place = "postgres://127.0.0.1:1/db"
    for command in (
        ["index", demo / "items.jsonl", "-o", place, "--embedder", "lexical"],
        ["recommend", "--like", "boats", "--index", place],
    ):
        done = llmrec(*command)
        assert done.code == 2
        assert "pip install 'llmrec[postgres]'" in done.err


def test_what_a_database_has_is_not_planned_again(
    llmrec: Llmrec, place: str, demo: Path, server: OpenAIServer
) -> None:
    lines = (demo / "items.jsonl").read_text("utf-8").splitlines(keepends=True)
    Path("items.jsonl").write_text("".join(lines[:150]), "utf-8")
    index = ["index", "items.jsonl", "-o", place, "--embedder", "openai:tiny"]
    index += ["--base-url", server.url, "--format", "json"]
    assert llmrec(*index).code == 0
    Path("items.jsonl").write_text("".join(lines), "utf-8")
    server.requests.clear()
    (stage,) = llmrec(*index, "--dry-run").json["stages"]
    assert server.requests == []
    assert llmrec(*index).json["embedded"] == 10
    sent = [received.body["input"] for received in server.requests]
    assert (stage["requests"], stage["texts"]) == (len(sent), sum(map(len, sent)))


def test_an_audit_and_a_rerank_take_a_database(
    llmrec: Llmrec, made: Any, place: str, profiles: Path, demo: Path
) -> None:
    reviews = ["--reviews", demo / "reviews.jsonl", "--index", place]
    Path("split.jsonl").write_text('{"user_id": "u01", "history_lines": []}\n', "utf-8")
    audited = llmrec("audit", profiles, *reviews, "--split", "split.jsonl", "--format", "json")
    assert audited.code == 1  # the profiles were made from all reviews
    assert '"leak":' in audited.out
    ranked = llmrec(
        "rerank", profiles, *reviews, "--vectors", demo / "vectors.npz", "--replay",
        "--calls", demo / "rerank.jsonl", "--model", "claude", "--bank", "index", "--user", "u01",
    )  # fmt: skip
    assert ranked.code in (0, 4), ranked.err
    assert "not an index" not in ranked.err


@pytest.mark.parametrize("command", ["evaluate", "fit"])
def test_what_needs_all_rows_says_so(llmrec: Llmrec, profiles: Path, command: str) -> None:
    given = {
        "evaluate": ["r.jsonl", "--profiles", profiles],
        "fit": [profiles, "--reviews", "r.jsonl", "-o", "w.json"],
    }
    index = ["--index", "postgres://me:secret@127.0.0.1:1/db"]
    done = llmrec(command, *given[command], "--split", "s.jsonl", *index)
    assert done.code == 2
    assert "needs the index of a folder" in done.err
    assert "came postgres://127.0.0.1:1/db#llmrec: make one with llmrec index -o DIR" in done.err
    assert "secret" not in done.err
