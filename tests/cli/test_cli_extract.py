"""``llmrec extract``: what it writes, what it says, and what it does where something is missing."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.profile import InterestProfile, read_profiles
from llmrec.records.splits import read_split

Llmrec = Callable[..., Any]
Record = Callable[[Path, UserReviews, str], None]


@pytest.fixture
def of_demo(demo: Path) -> list[str]:
    """The command on the demo's files; a call log and a way to use it have to be added."""
    return [
        *("extract", str(demo / "reviews.jsonl"), "--items", str(demo / "items.jsonl")),
        *("--model", "claude", "-o", "p.jsonl"),
    ]


@pytest.fixture
def replay(demo: Path, of_demo: list[str]) -> list[str]:
    return [*of_demo, "--calls", str(demo / "extract_profile.jsonl"), "--replay"]


def with_option(arguments: list[str], option: str, value: object) -> list[str]:
    """Give an option that is there another value."""
    place = arguments.index(option) + 1
    return [*arguments[:place], str(value), *arguments[place + 1 :]]


def log_without(demo: Path, *users: str) -> Path:
    """A copy of the demo's call log without the calls of some users."""
    lines = (demo / "extract_profile.jsonl").read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["label"].split("/")[1] not in users]
    log = Path("calls.jsonl")
    log.write_text("".join(kept), "utf-8")
    return log


def one_user(demo: Path, user_id: str) -> UserReviews:
    return next(read_users(demo / "reviews.jsonl", users={user_id}))


def write_split(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def interest(name: str, quote: str, **changes: object) -> dict[str, object]:
    """An interest as a model replies it."""
    return {
        "name": name,
        "polarity": "like",
        "weight": 0.5,
        "description": f"About {name}.",
        "evidence": [{"review": "R1", "quote": quote}],
    } | changes


def reply(*interests: dict[str, object]) -> str:
    return json.dumps({"language": "en", "summary": "Said so.", "interests": interests})


def test_replaying_the_demo_makes_twelve_profiles(
    llmrec: Llmrec, replay: list[str], demo_profiles: list[InterestProfile]
) -> None:
    done = llmrec(*replay)
    assert (done.code, done.err) == (0, "")
    assert done.json == {
        "users": 12,
        "profiles": 12,
        "calls": 0,
        "replayed": 12,
        "input_tokens": 14960,
        "output_tokens": 14006,
        "tokens_estimated": False,
        "dropped": {},
        "failed": {},
    }
    made = list(read_profiles("p.jsonl"))
    assert [profile.user_id for profile in made] == [f"u{n:02}" for n in range(1, 13)]
    assert made == demo_profiles
    assert sorted(file.name for file in Path().iterdir()) == ["p.jsonl"]


def test_every_quote_stands_in_its_review(llmrec: Llmrec, replay: list[str], demo: Path) -> None:
    llmrec(*replay)
    texts = {
        review.review_id: review.text
        for user in read_users(demo / "reviews.jsonl")
        for review in user.reviews
    }
    placed = [
        (texts[evidence.review_id][evidence.start : evidence.end], evidence.quote)
        for profile in read_profiles("p.jsonl")
        for interest in profile.interests
        for evidence in interest.evidence
        if evidence.field == "text" and evidence.start is not None
    ]
    assert len(placed) > 100
    assert all(found == quote for found, quote in placed)


def test_what_a_person_mentions_in_passing_is_in_no_profile(
    llmrec: Llmrec, replay: list[str], demo: Path
) -> None:
    passing = ("chemo", "lymphoma", "mosque", "cancer", "muslim", "islam")
    reviews = (demo / "reviews.jsonl").read_text("utf-8").lower()
    assert all(word in reviews for word in passing[:3])
    llmrec(*replay)
    profiles = Path("p.jsonl").read_text("utf-8").lower().replace("chemistry", "")
    assert [word for word in passing if word in profiles] == []


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["hash seed and time zone", "locale"],
)
def test_the_same_bytes_in_every_environment(
    llmrec: Llmrec, replay: list[str], environment: dict[str, str]
) -> None:
    llmrec(*replay)
    again = with_option(replay, "-o", "again.jsonl")
    subprocess.run(
        [sys.executable, "-m", "llmrec", *again],
        env=os.environ | environment,
        capture_output=True,
        check=True,
    )
    assert Path("again.jsonl").read_bytes() == Path("p.jsonl").read_bytes()


def test_all_recordings_that_are_missing_are_named_and_nothing_is_written(
    llmrec: Llmrec, of_demo: list[str], demo: Path
) -> None:
    log = log_without(demo, "u04", "u11")
    done = llmrec(*of_demo, "--calls", log, "--replay")
    assert (done.code, done.out) == (4, "")
    assert done.err.count(": no call ") == 2
    assert "extract_profile/u04: no call" in done.err
    assert "extract_profile/u11: no call" in done.err
    assert "run again without replaying" in done.err
    assert sorted(file.name for file in Path().iterdir()) == ["calls.jsonl"]


def test_an_older_file_of_profiles_stays_where_a_recording_is_missing(
    llmrec: Llmrec, of_demo: list[str], demo: Path
) -> None:
    Path("p.jsonl").write_text("older", "utf-8")
    assert llmrec(*of_demo, "--calls", log_without(demo, "u04"), "--replay").code == 4
    assert Path("p.jsonl").read_text("utf-8") == "older"


def test_without_replay_what_is_recorded_needs_no_model(
    llmrec: Llmrec, of_demo: list[str], demo: Path
) -> None:
    done = llmrec(*of_demo, "--calls", demo / "extract_profile.jsonl")
    assert done.code == 0
    assert (done.json["replayed"], done.json["calls"]) == (12, 0)


def test_without_replay_what_is_not_recorded_needs_a_model(
    llmrec: Llmrec, of_demo: list[str], demo: Path
) -> None:
    done = llmrec(*of_demo, "--calls", log_without(demo, "u04"))
    assert (done.code, done.out) == (2, "")
    assert "extract_profile/u04 is not in calls.jsonl" in done.err
    assert not Path("p.jsonl").exists()


def test_replay_and_fresh_contradict_each_other(llmrec: Llmrec, replay: list[str]) -> None:
    done = llmrec(*replay, "--fresh")
    assert done.code == 2
    assert "--replay and --fresh contradict each other" in done.err


def test_fresh_needs_a_model_whatever_is_recorded(
    llmrec: Llmrec, of_demo: list[str], demo: Path
) -> None:
    done = llmrec(*of_demo, "--calls", demo / "extract_profile.jsonl", "--fresh")
    assert done.code == 2
    assert "nothing says which server to call" in done.err


@pytest.mark.parametrize("missing", ["--calls", "--model"])
def test_a_call_log_and_a_models_name_are_needed(
    llmrec: Llmrec, replay: list[str], missing: str
) -> None:
    place = replay.index(missing)
    done = llmrec(*replay[:place], *replay[place + 2 :])
    assert done.code == 2
    assert "extract needs --calls LOG" in done.err


def test_a_log_to_replay_must_be_there(llmrec: Llmrec, of_demo: list[str]) -> None:
    done = llmrec(*of_demo, "--calls", "no.jsonl", "--replay")
    assert done.code == 2
    assert "no.jsonl: cannot be read" in done.err


def test_a_split_leaves_other_users_out(llmrec: Llmrec, replay: list[str]) -> None:
    split = write_split(
        Path("split.jsonl"),
        {"user_id": "u02", "history_lines": list(range(10, 21))},
        {"user_id": "u01", "history_lines": list(range(10))},
    )
    done = llmrec(*replay, "--split", split)
    assert done.code == 0
    assert done.json["users"] == 2
    made = list(read_profiles("p.jsonl"))
    assert [profile.user_id for profile in made] == ["u01", "u02"]
    digests = read_split(split).digests
    assert [profile.split for profile in made] == [digests["u01"], digests["u02"]]


def test_one_user_is_asked_about_alone(llmrec: Llmrec, replay: list[str]) -> None:
    assert llmrec(*replay).code == 0
    whole = {profile.user_id: profile for profile in read_profiles("p.jsonl")}
    assert llmrec(*replay, "--user", "u02").json["users"] == 1
    assert list(read_profiles("p.jsonl")) == [whole["u02"]]
    nobody = llmrec(*replay, "--user", "u77")
    assert nobody.code == 2
    assert "reviews.jsonl: --user: no review of 'u77'" in nobody.err


def test_one_user_of_a_split_is_asked_about_alone(llmrec: Llmrec, replay: list[str]) -> None:
    lines = ({"user_id": "u01", "history_lines": [0]}, {"user_id": "u02", "history_lines": [10]})
    of_split = [*replay, "--split", str(write_split(Path("split.jsonl"), *lines))]
    done = llmrec(*of_split, "--user", "u02")
    assert done.code == 4
    assert "extract_profile/u02" in done.err
    assert "extract_profile/u01: no call" not in done.err
    nobody = llmrec(*of_split, "--user", "u77")
    assert (nobody.code, nobody.err) == (2, "error: split.jsonl: no line for user 'u77'\n")


def test_who_has_no_history_is_named_and_not_asked_about(llmrec: Llmrec, replay: list[str]) -> None:
    split = write_split(
        Path("split.jsonl"),
        {"user_id": "u01", "history_lines": list(range(10))},
        {"user_id": "u02", "history_lines": []},
    )
    done = llmrec(*replay, "--split", split)
    assert (done.code, done.json["users"], done.json["replayed"]) == (1, 2, 1)
    why = "a profile needs a review, and this user's history has none"
    assert done.json["failed"] == {"u02": why}
    assert f"user u02: no profile: {why}" in done.err
    assert [profile.user_id for profile in read_profiles("p.jsonl")] == ["u01"]


def test_a_split_shows_history_lines_only(
    llmrec: Llmrec, of_demo: list[str], demo: Path, record: Record
) -> None:
    whole = one_user(demo, "u01")
    split = write_split(
        Path("split.jsonl"),
        {
            "user_id": "u01",
            "target_item": whole.reviews[9].item_id,
            "target_line": 9,
            "history_lines": [0, 1, 2],
        },
    )
    seen = UserReviews.of(whole.reviews[:3], whole.lines[:3])
    record(Path("calls.jsonl"), seen, reply(interest("doing the sums", "Duct tape, potatoes")))
    done = llmrec(*of_demo, "--calls", "calls.jsonl", "--replay", "--split", split)
    assert done.code == 0
    (made,) = read_profiles("p.jsonl")
    assert [source.review_id for source in made.sources] == ["u01-r01", "u01-r02", "u01-r03"]
    assert [i.name for i in made.interests] == ["doing the sums"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"user_id": "u01", "history_lines": [0, 10]}, "line 10 of the reviews is not a review"),
        ({"user_id": "nobody", "history_lines": []}, "the reviews have none of this user"),
        (
            {"user_id": "u01", "target_item": "film-contact", "target_line": 9},
            "not about target_item 'film-contact'",
        ),
    ],
)
def test_a_split_of_another_file_is_refused(
    llmrec: Llmrec, replay: list[str], line: dict[str, Any], what: str
) -> None:
    done = llmrec(*replay, "--split", write_split(Path("split.jsonl"), line))
    assert done.code == 2
    assert what in done.err
    assert not Path("p.jsonl").exists()


def test_a_bad_row_is_refused_or_left_out(llmrec: Llmrec, replay: list[str], demo: Path) -> None:
    reviews = (demo / "reviews.jsonl").read_text("utf-8")
    Path("r.jsonl").write_text(f'{{"user_id": "u99", "text": " "}}\n{reviews}', "utf-8")
    replay[1] = "r.jsonl"
    refused = llmrec(*replay)
    assert refused.code == 2
    assert "r.jsonl, line 0 (counted from 0): text" in refused.err
    skipped = llmrec(*replay, "--skip-bad-rows")
    assert skipped.code == 0
    assert skipped.json["profiles"] == 12
    assert "left out: r.jsonl, line 0" in skipped.err


def test_columns_may_have_other_names(
    llmrec: Llmrec, replay: list[str], demo: Path, demo_profiles: list[InterestProfile]
) -> None:
    for name, renamed in (("reviews", ("text", "body")), ("items", ("title", "name"))):
        rows = map(json.loads, (demo / f"{name}.jsonl").read_text("utf-8").splitlines())
        changed = [{renamed[1] if k == renamed[0] else k: v for k, v in r.items()} for r in rows]
        Path(f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in changed), "utf-8")
    replay[1] = "reviews.jsonl"
    renamed_items = with_option(replay, "--items", "items.jsonl")
    done = llmrec(*renamed_items, "--column", "text=body", "--item-column", "title=name")
    assert done.code == 0
    assert list(read_profiles("p.jsonl")) == demo_profiles


def test_reviews_may_come_as_csv_from_stdin(
    replay: list[str], demo: Path, demo_profiles: list[InterestProfile]
) -> None:
    rows = [json.loads(x) for x in (demo / "reviews.jsonl").read_text("utf-8").splitlines()]
    with Path("r.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    replay[1] = "-"
    with Path("r.csv").open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, "-m", "llmrec", *replay], stdin=stdin, capture_output=True, text=True
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(read_profiles("p.jsonl")) == demo_profiles


def test_how_many_reviews_are_of_items_without_a_title_is_said(
    llmrec: Llmrec, of_demo: list[str], record: Record
) -> None:
    row = {"user_id": "v", "text": "Duct tape, potatoes.", "item_id": "nowhere"}
    reviews = Path("strange.jsonl")
    reviews.write_text(json.dumps(row), "utf-8")
    (user,) = read_users(reviews)
    record(Path("calls.jsonl"), user, reply(interest("doing the sums", "Duct tape, potatoes")))
    done = llmrec(of_demo[0], reviews, *of_demo[2:], "--calls", "calls.jsonl", "--replay")
    assert done.code == 0
    assert "items.jsonl: 1 reviews are about items that are not there" in done.err


def test_a_user_whose_reply_is_no_profile_is_named_and_left_out(
    llmrec: Llmrec, of_demo: list[str], demo: Path, record: Record
) -> None:
    log = log_without(demo)
    record(log, one_user(demo, "u03"), "I would rather not.")
    done = llmrec(*of_demo, "--calls", log, "--replay")
    assert done.code == 1
    assert (done.json["users"], done.json["profiles"]) == (12, 11)
    assert done.json["failed"].keys() == {"u03"}
    assert "no whole JSON object" in done.json["failed"]["u03"]
    assert "user u03: no profile: no whole JSON object" in done.err
    made = [profile.user_id for profile in read_profiles("p.jsonl")]
    assert made == [f"u{n:02}" for n in range(1, 13) if n != 3]


def test_interests_that_are_wrong_are_dropped_and_counted(
    llmrec: Llmrec, of_demo: list[str], demo: Path, record: Record
) -> None:
    log = log_without(demo)
    good = interest("doing the sums", "Duct tape, potatoes")
    wrong = [
        interest("made up", "never said"),
        interest("made up too", "never said either"),
        interest("too much", "Duct tape", weight=7),
        interest("no words", "Duct tape", evidence=[]),
    ]
    record(log, one_user(demo, "u01"), reply(good, *wrong))
    arguments = [*of_demo, "--calls", log, "--replay"]
    done = llmrec(*arguments)
    assert done.code == 0
    assert done.json["dropped"] == {"no quote": 1, "quote not found": 2, "weight not as asked": 1}
    assert [i.name for i in next(read_profiles("p.jsonl")).interests] == ["doing the sums"]
    table = llmrec(*arguments, "--format", "table")
    assert "dropped: quote not found: 2 interests" in table.err


def test_a_table_is_said_on_stderr_and_stdout_stays_empty(
    llmrec: Llmrec, replay: list[str]
) -> None:
    done = llmrec(*replay, "--format", "table")
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "12 users: 12 profiles, 0 failed; 0 calls, 12 replayed; 14,960 tokens in, 14,006 out\n"
    )


@pytest.mark.parametrize(("option", "heard"), [("--verbose", True), ("--quiet", False)])
def test_quiet_says_only_what_went_wrong(
    llmrec: Llmrec, replay: list[str], demo: Path, option: str, heard: bool
) -> None:
    rows = map(json.loads, (demo / "reviews.jsonl").read_text("utf-8").splitlines())
    undated = [{k: v for k, v in row.items() if k != "timestamp"} | {"page": 3} for row in rows]
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in undated), "utf-8")
    replay[1] = "r.jsonl"
    done = llmrec(*replay, option)
    assert done.code == 4
    assert ("columns that are not used: 'page'" in done.err) == heard
    assert ("without a timestamp" in done.err) == heard
    assert "extract_profile/u01: no call" in done.err


def test_ones_own_prompts_are_used(llmrec: Llmrec, replay: list[str]) -> None:
    Path("prompts").mkdir()
    done = llmrec(*replay, "--prompts", "prompts")
    assert done.code == 2
    assert "extract_profile.system.md: the prompt cannot be read" in done.err
    Path("prompts/extract_profile.system.md").write_text("Describe this person.", "utf-8")
    Path("prompts/extract_profile.user.md").write_text("$reviews", "utf-8")
    other = llmrec(*replay, "--prompts", "prompts")
    assert other.code == 4
    assert other.err.count(": no call ") == 12


def test_profiles_that_cannot_be_written_are_an_input_error(
    llmrec: Llmrec, replay: list[str]
) -> None:
    done = llmrec(*with_option(replay, "-o", "no such folder/p.jsonl"))
    assert done.code == 2
    assert "no such folder/p.jsonl: cannot be written" in done.err


def test_a_folder_in_the_place_of_profiles_is_an_input_error(
    llmrec: Llmrec, replay: list[str]
) -> None:
    assert llmrec(*with_option(replay, "-o", ".")).code == 2
