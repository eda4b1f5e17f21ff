"""Candidates: their lines, and what they refuse."""

import re
from pathlib import Path

import pytest

from llmrec.errors import InputError
from llmrec.records.candidates import read_candidates

CATALOGUE = {"film-1", "film-2", "3"}


def read(tmp_path: Path, *lines: str) -> dict[str, tuple[str, ...]]:
    path = tmp_path / "candidates.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return read_candidates(path, CATALOGUE)


def test_candidates_stay_in_their_order_and_other_keys_are_ignored(tmp_path: Path) -> None:
    lines = [
        '{"user_id": "ann", "candidates": ["film-2", "film-1"], "target_item": "film-1"}',
        '{"user_id": 7, "candidates": [3]}',
        '{"user_id": "bo", "candidates": []}',
    ]
    assert read(tmp_path, *lines) == {"ann": ("film-2", "film-1"), "7": ("3",), "bo": ()}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"user_id": "bo"}', "candidates: expected, but not there"),
        ('{"user_id": "bo", "candidates": "film-1"}', "candidates: expected a valid array"),
        ('{"user_id": "bo", "candidates": ["film-9"]}', "'film-9' is not in the catalogue"),
        ('{"user_id": "bo", "candidates": ["film-1", "film-1"]}', "'film-1' is there twice"),
        ('{"user_id": "ann", "candidates": []}', "a second line for user 'ann'"),
        ("nonsense", "Invalid JSON"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, what: str) -> None:
    with pytest.raises(InputError, match=re.escape(what)) as wrong:
        read(tmp_path, '{"user_id": "ann", "candidates": []}', line)
    assert wrong.value.line == 1
