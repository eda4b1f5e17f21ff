"""Splits: which reviews are history, and the lines that cannot be meant."""

import hashlib
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from record_samples import json_lines

from llmrec.errors import InputError
from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.splits import Split, SplitLine, read_split

Write = Callable[[str, str | bytes], str]
Stdin = Callable[[str | bytes], None]

ANNA = {"user_id": "anna", "target_item": "i3", "target_line": 3, "history_lines": [2, 0]}
BO = {"user_id": "bo", "target_item": "i1", "target_line": 1, "history_lines": []}


@pytest.fixture
def users(write: Write) -> dict[str, UserReviews]:
    """Anna wrote lines 0, 2, 3 and 4 (newest first), Bo line 1."""
    rows = [
        {"user_id": "bo" if n == 1 else "anna", "item_id": f"i{n}", "text": "x", "timestamp": day}
        for n, day in enumerate(
            ["2024-05-05", "2024-04-04", "2024-03-03", "2024-02-02", "2024-01-01"]
        )
    ]
    groups = read_users(write("reviews.jsonl", json_lines(*rows)))
    return {group.user_id: group for group in groups}


def _split(write: Write, *lines: dict[str, Any]) -> Split:
    return read_split(write("split.jsonl", json_lines(*lines)))


def test_a_split_has_the_lines_of_its_users_in_order(write: Write) -> None:
    split = _split(write, BO, ANNA)
    assert list(split.lines.values()) == [
        SplitLine("bo", "i1", 1, ()),
        SplitLine("anna", "i3", 3, (2, 0)),
    ]


def test_history_is_what_the_line_names_oldest_first(
    write: Write, users: dict[str, UserReviews]
) -> None:
    history = _split(write, BO, ANNA).history(users["anna"])
    assert history.user_id == "anna"
    assert history.lines == (2, 0)
    assert [review.item_id for review in history.reviews] == ["i2", "i0"]


def test_a_user_can_have_no_history(write: Write, users: dict[str, UserReviews]) -> None:
    assert _split(write, BO).history(users["bo"]) == UserReviews("bo", (), ())


def test_a_split_can_hold_out_several(write: Write, users: dict[str, UserReviews]) -> None:
    line = {
        "user_id": "anna",
        "target_lines": [3, 4],
        "target_items": ["i3", "i4"],
        "history_lines": [0, 2],
    }
    split = _split(write, line)
    assert split.lines["anna"] == SplitLine("anna", None, None, (0, 2), (3, 4), ("i3", "i4"))
    assert split.history(users["anna"]).lines == (2, 0)


@pytest.mark.parametrize(
    "changed", [{"history_lines": [0, 1]}, {"target_line": 1}, {"target_lines": [3, 1]}]
)
def test_a_line_of_another_user_is_refused(
    write: Write, users: dict[str, UserReviews], changed: dict[str, Any]
) -> None:
    split = _split(write, BO, {**ANNA, **changed})
    with pytest.raises(InputError) as caught:
        split.history(users["anna"])
    assert str(caught.value) == (
        f"{split.path}, line 1 (counted from 0): user 'anna': line 1 of the reviews is not a "
        "review of this user; was the split made for this file?"
    )


def test_a_user_without_a_line_has_no_history(write: Write, users: dict[str, UserReviews]) -> None:
    split = _split(write, ANNA)
    with pytest.raises(InputError) as caught:
        split.history(users["bo"])
    assert str(caught.value) == f"{split.path}: no line for user 'bo'"


def test_a_line_beyond_the_file_is_refused(write: Write, users: dict[str, UserReviews]) -> None:
    split = _split(write, {**ANNA, "history_lines": [99]})
    with pytest.raises(InputError, match="line 99 of the reviews is not a review of this user"):
        split.history(users["anna"])


def test_a_target_line_about_another_item_is_refused(
    write: Write, users: dict[str, UserReviews]
) -> None:
    split = _split(write, {**ANNA, "target_item": "i4"})
    with pytest.raises(InputError) as caught:
        split.history(users["anna"])
    assert str(caught.value) == (
        f"{split.path}, line 0 (counted from 0): user 'anna': line 3 of the reviews is about "
        "'i3', not about target_item 'i4'; was the split made for this file?"
    )


@pytest.mark.parametrize("held_out", [{"target_line": 3}, {"target_lines": [4, 3]}])
def test_a_target_that_stands_in_the_history_is_refused(
    write: Write, users: dict[str, UserReviews], held_out: dict[str, object]
) -> None:
    split = _split(write, {**ANNA, "history_lines": [3, 0], **held_out})
    with pytest.raises(InputError, match=r"'anna': line 3 is both history and held out"):
        split.history(users["anna"])


def test_a_user_without_reviews_is_refused(write: Write, users: dict[str, UserReviews]) -> None:
    split = _split(write, ANNA, {**BO, "user_id": "chen"})
    with pytest.raises(InputError) as caught:
        split.require(set(users))
    assert str(caught.value) == (
        f"{split.path}, line 1 (counted from 0): user 'chen': the reviews have none of this "
        "user; was the split made for this file?"
    )


def test_users_that_are_not_in_the_split_do_no_harm(
    write: Write, users: dict[str, UserReviews]
) -> None:
    split = _split(write, ANNA)
    split.require(set(users))
    assert list(split.lines) == ["anna"]


def test_two_lines_for_one_user_are_refused(write: Write) -> None:
    with pytest.raises(InputError) as caught:
        _split(write, ANNA, BO, ANNA)
    assert caught.value.line == 2
    assert caught.value.what == "a second line for user 'anna'"


@pytest.mark.parametrize(
    ("line", "canonical"),
    [
        (
            '{"user_id": "anna", "target_item": "i3", "target_line": 3, "history_lines": [2, 0]}',
            '{"history_lines":[2,0],"target_item":"i3","target_line":3,"user_id":"anna"}',
        ),
        (
            '{"user_id": 7, "fold": 1.0, "note": "\\u665a", "history_lines": []}',
            '{"fold":1.0,"history_lines":[],"note":"晚","user_id":7}',
        ),
    ],
)
def test_the_digest_is_of_the_line_as_given(write: Write, line: str, canonical: str) -> None:
    split = read_split(write("split.jsonl", f"\ufeff\n{line}\r\n"))
    expected = hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:24]
    assert list(split.digests.values()) == [expected]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"target_item": "i1"}, "user_id: expected, but not there"),
        ({**BO, "target_line": -1}, "target_line: expected greater than or equal to 0, came -1"),
        ({**BO, "target_line": "1"}, "target_line: expected a valid integer, came '1'"),
        ({**BO, "history_lines": [0.5]}, "history_lines.0: "),
        ({**BO, "target_items": [""]}, "target_items.0: expected not to be empty, came ''"),
        ([1], "expected an object, came [1]"),
    ],
)
def test_a_bad_line_is_named(write: Write, line: Any, problem: str) -> None:
    path = write("split.jsonl", json_lines(ANNA, line))
    with pytest.raises(InputError) as caught:
        read_split(path)
    assert (caught.value.path, caught.value.line) == (path, 1)
    assert caught.value.what.startswith(problem)


def test_a_split_comes_from_stdin_too(stdin: Stdin) -> None:
    stdin(json_lines(BO))
    split = read_split("-")
    assert (split.path, list(split.lines)) == ("-", ["bo"])


def test_a_compressed_split_is_the_same(write: Write) -> None:
    plain = read_split(write("split.jsonl", json_lines(ANNA, BO)))
    packed = read_split(write("split.jsonl.gz", json_lines(ANNA, BO)))
    assert (packed.lines, packed.digests) == (plain.lines, plain.digests)


def test_split_lines_are_frozen() -> None:
    line = SplitLine("anna")
    with pytest.raises(FrozenInstanceError):
        line.target_item = "i1"  # type: ignore[misc]
