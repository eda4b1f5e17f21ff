"""Lists of other programs."""

import re
from pathlib import Path

import pytest
from leakage_samples import json_lines

from llmrec.errors import InputError
from llmrec.evaluation.run_files import read_any_run


def test_a_trec_run(tmp_path: Path) -> None:
    path = tmp_path / "theirs.run"
    path.write_text("ann Q0 tea 1 0.5 x\n", "utf-8")
    assert read_any_run(path).user_ids == ("ann",)


def test_of_lists_the_order_counts_and_an_empty_list_is_one(tmp_path: Path) -> None:
    path = tmp_path / "lists.jsonl"
    ranked = [
        {"item_id": "cup", "title": "Cup", "rank": 1, "score": 1.0},
        {"item_id": "tea", "title": "Tea", "rank": 2, "score": 9.0},
    ]
    path.write_text(
        json_lines(
            [
                {"user_id": "ann", "reranked": True, "recommendations": ranked},
                {"user_id": "bob", "recommendations": []},
            ]
        ),
        "utf-8",
    )
    run = read_any_run(path)
    assert [(user, [run.item_ids[n] for n in items]) for user, items, _ in run.lists()] == [
        ("ann", ["cup", "tea"]),
        ("bob", []),
    ]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([{"user_id": "ann"}], "a list of recommendations is expected: recommendations"),
        ([{"like": "tea", "recommendations": []}], "came another for None"),
        ([{"user_id": "ann", "recommendations": []}] * 2, "came another for 'ann'"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, rows: list[object], what: str) -> None:
    path = tmp_path / "lists.jsonl"
    path.write_text(json_lines(rows), "utf-8")
    with pytest.raises(InputError, match=re.escape(what)):
        read_any_run(path)
