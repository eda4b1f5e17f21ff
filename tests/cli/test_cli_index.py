"""``llmrec index``: a catalogue as an index folder, with or without a bank of one's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmrec.matching.content_index import ContentIndex
from llmrec.records.profile import InterestProfile
from llmrec.records.reading import read_reviews

Llmrec = Callable[..., Any]


@pytest.fixture
def lexical(demo: Path) -> list[str]:
    return ["index", str(demo / "items.jsonl"), "-o", "index", "--embedder", "lexical"]


@pytest.fixture
def local(demo: Path) -> list[str]:
    vectors = str(demo / "vectors.npz")
    return ["index", str(demo / "items.jsonl"), "-o", "index", "--vectors", vectors, "--replay"]


def test_an_index_from_recorded_vectors(llmrec: Llmrec, local: list[str]) -> None:
    done = llmrec(*local)
    assert (done.code, done.err) == (0, "")
    assert done.json == {
        "index": "index",
        "items": 160,
        "dim": 384,
        "banks": {"index": 160},
        "reused": 0,
        "embedded": 160,
        "removed": 0,
    }
    assert ContentIndex("index").manifest.embedder == "local"
    assert [file.name for file in Path().iterdir()] == ["index"]


def test_a_table_says_what_was_made(llmrec: Llmrec, lexical: list[str]) -> None:
    done = llmrec(*lexical, "--format", "table")
    assert done.code == 0
    assert (
        "index: 160 items (0 reused, 160 embedded, 0 removed), 4096 dims; banks: index (160)"
        in done.out + done.err
    )


def test_the_recorded_vectors_are_not_changed(llmrec: Llmrec, local: list[str], demo: Path) -> None:
    before = (demo / "vectors.npz").read_bytes()
    llmrec(*local)
    assert (demo / "vectors.npz").read_bytes() == before


def test_replaying_needs_vectors(llmrec: Llmrec, demo: Path) -> None:
    done = llmrec("index", demo / "items.jsonl", "-o", "index", "--replay")
    assert done.code == 2
    assert "replaying needs recorded vectors" in done.err
    assert not Path("index").exists()


def test_a_vector_that_is_not_recorded_is_missing(llmrec: Llmrec, local: list[str]) -> None:
    Path("items.jsonl").write_text('{"item_id": "new", "title": "Paper lanterns"}\n', "utf-8")
    done = llmrec("index", "items.jsonl", *local[2:])
    assert done.code == 4
    assert "no passage vector of multilingual-e5-small for 'Paper lanterns'" in done.err
    assert not Path("index").exists()


def test_lexical_takes_no_vectors(llmrec: Llmrec, lexical: list[str], demo: Path) -> None:
    done = llmrec(*lexical, "--vectors", demo / "vectors.npz")
    assert done.code == 2
    assert "leave --vectors out" in done.err


def test_profiles_make_a_bank(
    llmrec: Llmrec, lexical: list[str], profiles: Path, demo_profiles: list[InterestProfile]
) -> None:
    done = llmrec(*lexical, "--bank", profiles)
    assert done.code == 0
    n_interests = sum(len(profile.interests) for profile in demo_profiles)
    assert done.json["banks"] == {"index": 160, "stored": n_interests}
    entry = ContentIndex("index").manifest.banks["stored"]
    assert entry.source == "interests"
    assert set(entry.reviews) == {s.digest for profile in demo_profiles for s in profile.sources}


@pytest.mark.parametrize("as_csv", [False, True])
def test_reviews_make_a_bank(llmrec: Llmrec, lexical: list[str], demo: Path, as_csv: bool) -> None:
    path = demo / "reviews.jsonl"
    if as_csv:
        path = Path("r.csv")
        path.write_text("user_id,text\nu1,interests in gulls\nu2,boats\n", "utf-8")
    done = llmrec(*lexical, "--bank", path)
    reviews = list(read_reviews(path))
    assert done.json["banks"] == {"index": 160, "stored": len(reviews)}
    entry = ContentIndex("index").manifest.banks["stored"]
    assert entry.source == "reviews"
    assert set(entry.reviews) == {review.digest for review in reviews}


def test_a_split_keeps_held_out_reviews_out_of_the_bank(
    llmrec: Llmrec, lexical: list[str], demo: Path
) -> None:
    reviews = list(read_reviews(demo / "reviews.jsonl"))
    lines = [
        {"user_id": "u01", "target_item": reviews[9].item_id, "target_line": 9,
         "history_lines": list(range(9))},
        {"user_id": "u02", "target_item": reviews[20].item_id, "target_line": 20,
         "history_lines": [10, 12]},
    ]  # fmt: skip
    Path("split.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    done = llmrec(*lexical, "--bank", demo / "reviews.jsonl", "--split", "split.jsonl")
    assert done.json["banks"]["stored"] == 11
    entry = ContentIndex("index").manifest.banks["stored"]
    history = [*reviews[:9], reviews[10], reviews[12]]
    assert set(entry.reviews) == {review.digest for review in history}


def test_a_split_goes_with_a_bank_of_reviews_only(
    llmrec: Llmrec, lexical: list[str], profiles: Path
) -> None:
    Path("split.jsonl").write_text("", "utf-8")
    alone = llmrec(*lexical, "--split", "split.jsonl")
    assert alone.code == 2
    assert "give --bank" in alone.err
    with_profiles = llmrec(*lexical, "--split", "split.jsonl", "--bank", profiles)
    assert with_profiles.code == 2
    assert "profiles have their own" in with_profiles.err
    assert not Path("index").exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "the bank of reviews is empty"),
        ("3\n", "bank.jsonl, line 0"),
        ("not JSON\n", "bank.jsonl, line 0"),
        ('{"interests": []}\n', "bank.jsonl, line 0"),
    ],
)
def test_a_bank_that_is_neither_profiles_nor_reviews_is_refused(
    llmrec: Llmrec, lexical: list[str], content: str, what: str
) -> None:
    Path("bank.jsonl").write_text(content, "utf-8")
    done = llmrec(*lexical, "--bank", "bank.jsonl")
    assert done.code == 2
    assert what in done.err
    assert not Path("index").exists()


def test_the_columns_and_bad_rows_of_a_bank(llmrec: Llmrec, lexical: list[str]) -> None:
    rows = '{"user_id": "u", "body": "gulls"}\n{"user_id": "u", "body": ""}\n'
    Path("r.jsonl").write_text(rows, "utf-8")
    with_bank = [*lexical, "--bank", "r.jsonl", "--column", "text=body"]
    refused = llmrec(*with_bank)
    assert refused.code == 2
    assert "r.jsonl, line 1" in refused.err
    assert llmrec(*with_bank, "--skip-bad-rows").json["banks"]["stored"] == 1


def test_a_bank_does_not_come_from_stdin(llmrec: Llmrec, lexical: list[str]) -> None:
    done = llmrec(*lexical, "--bank", "-")
    assert done.code == 2
    assert "- cannot stand for it" in done.err


def test_an_index_grows(llmrec: Llmrec, lexical: list[str], demo: Path) -> None:
    lines = (demo / "items.jsonl").read_text("utf-8").splitlines(keepends=True)
    assert llmrec(*lexical, "--bank", demo / "reviews.jsonl").code == 0
    new = '{"item_id": "new", "title": "Paper lanterns"}\n'
    Path("items.jsonl").write_text("".join([*lines[10:], new]), "utf-8")
    lexical[1] = "items.jsonl"
    grown = llmrec(*lexical)
    assert grown.json == {
        "index": "index",
        "items": 151,
        "dim": 4096,
        "reused": 150,
        "embedded": 1,
        "removed": 10,
        "banks": {"index": 151, "stored": ContentIndex("index").manifest.banks["stored"].n},
    }
    assert list(ContentIndex("index").titles)[-1] == "new"


def test_a_rating_scale_of_ones_own_holds_for_the_bank(llmrec: Llmrec, lexical: list[str]) -> None:
    Path("r.jsonl").write_text('{"user_id": "u", "text": "gulls", "rating": 9}\n', "utf-8")
    assert llmrec(*lexical, "--bank", "r.jsonl").code == 2
    assert llmrec(*lexical, "--bank", "r.jsonl", "--rating-max", "10").code == 0


def test_bad_rows_and_other_column_names(llmrec: Llmrec, lexical: list[str]) -> None:
    Path("i.jsonl").write_text('{"item_id": "a", "name": "Salt Road"}\n{"item_id": "b"}\n', "utf-8")
    lexical[1] = "i.jsonl"
    refused = llmrec(*lexical, "--item-column", "title=name")
    assert refused.code == 2
    assert "i.jsonl, line 1 (counted from 0): title" in refused.err
    skipped = llmrec(*lexical, "--item-column", "title=name", "--skip-bad-rows")
    assert skipped.json["items"] == 1
    assert ContentIndex("index").titles == {"a": "Salt Road"}


def test_an_older_index_is_replaced_and_other_files_are_not(
    llmrec: Llmrec, lexical: list[str], local: list[str]
) -> None:
    assert llmrec(*local).code == 0
    assert llmrec(*lexical).code == 0
    assert ContentIndex("index").manifest.embedder == "lexical"
    (Path("index") / "manifest.json").rename(Path("index") / "notes.json")
    refused = llmrec(*lexical)
    assert refused.code == 2
    assert "it holds other files" in refused.err


def test_an_unknown_embedder_is_refused(llmrec: Llmrec, lexical: list[str]) -> None:
    done = llmrec(*lexical[:-1], "abacus")
    assert done.code == 2
    assert "no embedder 'abacus': there are local, lexical" in done.err


def test_a_file_in_the_place_of_the_folder_is_an_input_error(
    llmrec: Llmrec, lexical: list[str]
) -> None:
    Path("index").write_text("a file", "utf-8")
    assert llmrec(*lexical).code == 2
