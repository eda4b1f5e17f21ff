"""From reviews to recommendations with a real model server, and once more without it.

The taste of a model this small is worth nothing. What counts is that every user ends with a valid
profile or a named failure, that what was asked once is not asked again, and how a real server says
what it cannot do.
"""

import json
from pathlib import Path

import pytest
from live_runs import Done, logged, run
from serving import real

from llmrec.records.profile import read_profiles

pytest.importorskip("xllamacpp")

TEXTS = {
    "ann": "I love old jazz records.",
    "bo": "I love a tense crime novel.",
    "cy": "I love warm boots in snow.",
}
SYSTEM = (
    'Copy this: {"language":"en","summary":"Likes tea.","interests":[{"name":"tea","polarity":'
    '"like","weight":0.9,"description":"Tea.","evidence":[{"review":"R1","quote":"love"}]}]}'
)
BOUNDED = [  # no second entry in a list, no new lines: it would never end
    *("--sampling", 'logit_bias=[["},", -100], [" },", -100], ["\\n", -100]]'),
    *("--sampling", "max_tokens=150", "--sampling", "temperature=0", "--sampling", "seed=7"),
]


@pytest.fixture
def files() -> None:
    """Three short reviews, four items, and a prompt that a tiny model can follow."""
    Path("prompts").mkdir()
    Path("prompts/extract_profile.system.md").write_text(SYSTEM, "utf-8")
    Path("prompts/extract_profile.user.md").write_text("$reviews", "utf-8")
    rows = [{"user_id": u, "review_id": f"{u}-1", "text": text} for u, text in TEXTS.items()]
    rows = [row | {"item_id": f"i{n}", "rating": 5} for n, row in enumerate(rows)]
    Path("reviews.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    titles = ["Jazz for the evening", "The long night", "Hiking boots", "A pot for tea"]
    items = [{"item_id": f"i{n}", "title": title} for n, title in enumerate(titles)]
    Path("items.jsonl").write_text("".join(json.dumps(i) + "\n" for i in items), "utf-8")


def extraction(url: str, *more: str) -> list[str]:
    files = ["reviews.jsonl", "-o", "p.jsonl", "--calls", "calls.jsonl", "--prompts", "prompts"]
    return ["extract", *files, "--model", "smollm2", "--base-url", url, "--format=json", *more]


def recommended(capsys: pytest.CaptureFixture[str]) -> str:
    done = run(capsys, ["recommend", "p.jsonl", "--index", "index", "--format", "json"])
    assert done.code == 0
    return done.out


@pytest.mark.usefixtures("files")
def test_from_reviews_to_recommendations_and_again_without_the_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with real.llama() as url:
        first = run(capsys, extraction(url, *BOUNDED))
    failed = first.json["failed"]
    profiles = list(read_profiles("p.jsonl"))
    assert first.code == (1 if failed else 0)
    assert {profile.user_id for profile in profiles} | failed.keys() == TEXTS.keys()
    assert first.json["replayed"] == 0
    assert first.json["calls"] == len(logged())

    index = ["index", "items.jsonl", "-o", "index", "--embedder", "lexical", "--format", "json"]
    assert run(capsys, index).code == 0
    lists = recommended(capsys)
    assert len(lists.splitlines()) == len(profiles)
    assert any(json.loads(line)["recommendations"] for line in lists.splitlines())

    content, log = Path("p.jsonl").read_bytes(), Path("calls.jsonl").read_bytes()
    replay = ["--replay"] if failed else []  # by default a failure would be asked for anew
    again = run(capsys, extraction(url, *BOUNDED, *replay))
    assert (again.code, again.json["calls"]) == (first.code, 0)
    assert again.json["failed"] == failed
    assert Path("p.jsonl").read_bytes() == content
    assert Path("calls.jsonl").read_bytes() == log
    assert recommended(capsys) == lists


@pytest.mark.usefixtures("files")
def test_a_reply_without_an_end_is_a_named_failure(
    llama_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done: Done = run(capsys, extraction(llama_url, "--sampling", "max_tokens=3"))
    assert done.code == 1
    assert done.json["failed"].keys() == TEXTS.keys()
    assert all("cut off at the output limit" in why for why in done.json["failed"].values())
    assert done.json["output_tokens"] == 9
    assert Path("p.jsonl").read_bytes() == b""


@pytest.mark.usefixtures("files")
def test_a_field_that_it_refuses_is_said_and_not_tried_again(
    llama_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run(capsys, extraction(llama_url, "--sampling", "repeat_last_n=-1"))
    assert done.code == 1
    assert all("400: " in why for why in done.json["failed"].values())
    assert not Path("calls.jsonl").exists()
