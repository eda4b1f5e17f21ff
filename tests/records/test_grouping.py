"""Reviews by user: order, and the same answer from memory, from places and in one pass."""

import gc
import gzip
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from operator import length_hint
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import csv_text, json_lines

from llmrec.errors import InputError
from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.reviews import Review

Write = Callable[[str, str | bytes], str]
Stdin = Callable[[str | bytes], None]

Row = dict[str, Any]

FIELDS = ("user_id", "text", "timestamp", "review_id")


def _rows(users: str) -> list[Row]:
    return [{"user_id": user, "text": f"Zeile {n}"} for n, user in enumerate(users)]


def _lines(groups: Iterator[UserReviews]) -> dict[str, tuple[int, ...]]:
    return {group.user_id: group.lines for group in groups}


def test_users_come_in_the_order_of_their_first_reviews(write: Write) -> None:
    path = write("r.jsonl", json_lines(*_rows("bacabb")))
    assert list(_lines(read_users(path)).items()) == [("b", (0, 4, 5)), ("a", (1, 3)), ("c", (2,))]


def test_a_user_has_reviews_and_their_lines(write: Write) -> None:
    path = write("r.jsonl", json_lines(*_rows("a"), {"user_id": "a", "text": "晚", "rating": 4}))
    assert list(read_users(path)) == [
        UserReviews(
            "a",
            (Review("a", "Zeile 0", review_id="L0"), Review("a", "晚", rating=4, review_id="L1")),
            (0, 1),
        )
    ]


def test_reviews_are_in_order_of_time_then_as_in_the_file(write: Write) -> None:
    times = ["2024-03-01", None, "2024-01-31T23:00:00-02:00", "2024-02-01", "2024-02-01", None]
    rows = [{"user_id": "a", "text": "x", "timestamp": time} for time in times]
    path = write("r.jsonl", json_lines(*rows))
    assert _lines(read_users(path)) == {"a": (3, 4, 2, 0, 1, 5)}


def test_unix_time_stands_among_other_times(write: Write) -> None:
    times = [1706659200, "2024-01-30", 1706659199999, "2024-01-31T00:00:01Z", "1706572800000"]
    rows = [{"user_id": "a", "text": "x", "timestamp": time} for time in times]
    path = write("r.jsonl", json_lines(*rows))
    assert _lines(read_users(path)) == {"a": (1, 4, 2, 0, 3)}


def test_undated_reviews_come_after_the_last_possible_moment() -> None:
    dated = Review("a", "far", timestamp="9999-12-31T23:00:00-12:00", review_id="1")
    undated = Review("a", "undated", review_id="2")
    assert UserReviews.of([undated, dated]).reviews == (dated, undated)


@pytest.mark.parametrize("buffer_bytes", [2**20, 0])
def test_undated_reviews_are_said_once(
    write: Write, caplog: pytest.LogCaptureFixture, buffer_bytes: int
) -> None:
    path = write("r.jsonl", json_lines(*_rows("aabbcc")))
    assert len(list(read_users(path, buffer_bytes=buffer_bytes))) == 3
    assert caplog.messages == [f"{path}: reviews without a timestamp count as the newest"]


def test_dated_reviews_need_no_word(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"user_id": "a", "text": "x", "timestamp": f"2024-01-0{n}"} for n in (2, 1)]
    assert _lines(read_users(write("r.jsonl", json_lines(*rows)))) == {"a": (1, 0)}
    assert caplog.messages == []


def test_a_file_without_rows_has_no_users(write: Write) -> None:
    assert list(read_users(write("r.jsonl", "\n\n"))) == []


@pytest.mark.parametrize("buffer_bytes", [2**20, 0])
def test_users_say_how_many_are_left(write: Write, buffer_bytes: int) -> None:
    groups = read_users(write("r.jsonl", json_lines(*_rows("abbc"))), buffer_bytes=buffer_bytes)
    left = [length_hint(groups)]
    left += [length_hint(groups) for _ in groups]
    assert left == [3, 2, 1, 0]


def test_only_the_wanted_users_are_counted(write: Write) -> None:
    path = write("r.jsonl", json_lines(*_rows("abbc")))
    assert length_hint(read_users(path, users={"a", "c", "d"})) == 2


def test_columns_and_the_scale_are_passed_on(write: Write) -> None:
    path = write("r.jsonl", json_lines({"who": "a", "text": "x", "rating": 9}))
    (group,) = read_users(path, columns={"user_id": "who"}, rating_max=10)
    assert group.reviews == (Review("a", "x", rating=9, review_id="L0"),)


def test_the_top_of_the_scale_is_five_unless_said(write: Write) -> None:
    path = write("r.jsonl", json_lines({"user_id": "a", "text": "x", "rating": 5.5}))
    with pytest.raises(InputError, match="rating: expected at most 5,"):
        read_users(path)


def test_several_reviews_of_no_single_user_are_refused() -> None:
    reviews = [Review(user, "x", review_id="1") for user in ("a", "b", "c", "d")]
    with pytest.raises(InputError) as caught:
        UserReviews.of(reviews)
    assert str(caught.value) == "reviews of one user are expected, came 'a', 'b', 'c'"


def test_no_reviews_are_refused() -> None:
    with pytest.raises(InputError, match="reviews of one user are expected, came none"):
        UserReviews.of([])


def test_two_reviews_with_one_id_are_refused() -> None:
    reviews = [Review("a", "x", review_id=name) for name in ("1", "2", "2")]
    with pytest.raises(InputError, match="review_id: user 'a' has a second review '2'"):
        UserReviews.of(reviews)


def test_lines_follow_their_reviews() -> None:
    times = ["2024-02-01", None, "2024-01-01"]
    reviews = [Review("a", "x", timestamp=t, review_id=str(n)) for n, t in enumerate(times)]
    group = UserReviews.of(iter(reviews), iter([7, 8, 9]))
    assert group == UserReviews("a", (reviews[2], reviews[0], reviews[1]), (9, 7, 8))
    assert UserReviews.of(reviews).lines == ()


def test_reviews_of_a_user_are_frozen() -> None:
    group = UserReviews.of([Review("a", "x", review_id="1")])
    with pytest.raises(FrozenInstanceError):
        group.user_id = "b"  # type: ignore[misc]


IN_MEMORY = [(name, 2**20) for name in ("r.jsonl", "r.csv", "r.jsonl.gz", "r.csv.gz")]
FROM_PLACES = [(name, size) for name in ("r.jsonl", "r.csv") for size in (0, 100)]
IN_ONE_PASS = [(name, size) for name in ("r.jsonl.gz", "r.csv.gz") for size in (0, 100)]
WAY = ("name", "buffer_bytes")


def _read(name: str, rows: Iterable[Row | None], **options: Any) -> Iterator[UserReviews]:
    """Write rows (None for a blank line) into a file of that name, and read its users."""
    header = csv_text(FIELDS, []) if "csv" in name else ""
    text = header
    for row in rows:
        if row is None:
            text += "\n"
        else:
            text += csv_text(FIELDS, [row]).removeprefix(header) if header else json_lines(row)
    raw = text.encode("utf-8")
    Path(name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    return read_users(name, **options)


def _expected(rows: list[Row | None], users: Container[str] | None) -> list[Any]:
    """Group in the plainest way: the user, the lines and the texts."""
    kept: dict[str, list[tuple[bool, datetime, int, str]]] = {}
    seen = set()
    for line, row in enumerate(rows):
        if row is None:
            continue
        own = (row["user_id"], row.get("review_id", f"L{line}"))
        if row["text"].strip() and own not in seen and (users is None or own[0] in users):
            seen.add(own)
            time = row.get("timestamp")
            moment = datetime.fromisoformat(time or "2000-01-01").replace(tzinfo=UTC)
            kept.setdefault(own[0], []).append((time is None, moment, line, row["text"]))
    return [
        (user, [(line, text) for _, _, line, text in sorted(entries)])
        for user, entries in kept.items()
    ]


def _found(groups: Iterator[UserReviews]) -> list[Any]:
    return [
        (
            group.user_id,
            [(line, review.text) for line, review in zip(group.lines, group.reviews, strict=True)],
        )
        for group in groups
    ]


ROW = st.fixed_dictionaries(
    {"user_id": st.sampled_from("abc"), "text": st.sampled_from(["fein", "两行\n字", " ", "\r\n"])},
    optional={
        "timestamp": st.sampled_from(["2024-01-01", "2024-01-02T10:00", "1999-12-31"]),
        "review_id": st.sampled_from(["r1", "r2", "r3"]),
    },
)
USERS = st.none() | st.sets(st.sampled_from("abcd"))


@settings(deadline=None, max_examples=50)
@pytest.mark.parametrize(WAY, IN_MEMORY + FROM_PLACES)
@given(rows=st.lists(st.none() | ROW, max_size=12), users=USERS)
def test_scattered_rows_are_gathered(
    name: str, buffer_bytes: int, rows: list[Row | None], users: set[str] | None
) -> None:
    groups = _read(name, rows, users=users, skip_bad_rows=True, buffer_bytes=buffer_bytes)
    assert _found(groups) == _expected(rows, users)


@settings(deadline=None, max_examples=50)
@pytest.mark.parametrize(WAY, IN_ONE_PASS)
@given(
    rows=st.lists(ROW, max_size=12).map(lambda rows: sorted(rows, key=lambda row: row["user_id"])),
    users=USERS,
)
def test_adjacent_rows_are_gathered_in_one_pass(
    name: str, buffer_bytes: int, rows: list[Row | None], users: set[str] | None
) -> None:
    groups = _read(name, rows, users=users, skip_bad_rows=True, buffer_bytes=buffer_bytes)
    assert _found(groups) == _expected(rows, users)


@pytest.mark.parametrize(WAY, IN_MEMORY + FROM_PLACES + IN_ONE_PASS)
def test_each_row_that_is_left_out_is_said_once(
    name: str, buffer_bytes: int, caplog: pytest.LogCaptureFixture
) -> None:
    good: Row = {"text": "fein", "timestamp": "2024-01-01"}
    rows = [
        {"user_id": "a", **good, "text": "\t"},
        {"user_id": "a", **good, "review_id": "1"},
        {"user_id": "b", **good, "text": "\t"},
        {"user_id": "a", **good, "review_id": "1"},
        {"user_id": "b", **good, "review_id": "1"},
        {"user_id": "b", **good, "timestamp": "gestern"},
    ]
    groups = _lines(_read(name, rows, skip_bad_rows=True, buffer_bytes=buffer_bytes))
    assert groups == {"a": (1,), "b": (4,)}
    said = [message.split(" (counted")[0] for message in caplog.messages]
    assert sorted(said) == [f"left out: {name}, line {line}" for line in (0, 2, 3, 5)]


@pytest.mark.parametrize(WAY, IN_MEMORY + FROM_PLACES + IN_ONE_PASS)
def test_a_bad_row_is_an_error_before_any_user(name: str, buffer_bytes: int) -> None:
    rows = [*_rows("ab"), {"user_id": "b", "text": ""}]
    with pytest.raises(InputError, match=r"line 2 \(counted from 0\): text: "):
        _read(name, rows, buffer_bytes=buffer_bytes)


@pytest.mark.parametrize(WAY, IN_MEMORY + FROM_PLACES + IN_ONE_PASS)
def test_a_second_review_with_one_id_is_refused(name: str, buffer_bytes: int) -> None:
    rows = [{**row, "review_id": "r1"} for row in _rows("aa")]
    with pytest.raises(InputError) as caught:
        list(_read(name, rows, buffer_bytes=buffer_bytes))
    assert str(caught.value) == (
        f"{name}, line 1 (counted from 0): review_id: user 'a' has a second review 'r1'"
    )


def test_a_second_review_with_one_id_in_memory_is_an_error_before_any_user() -> None:
    rows = [{**row, "review_id": "r1"} for row in _rows("abb")]
    with pytest.raises(InputError, match="line 2"):
        _read("r.jsonl", rows)


def test_two_users_can_have_reviews_with_one_id(write: Write) -> None:
    rows = [{**row, "review_id": "r1"} for row in _rows("ab")]
    groups = read_users(write("r.jsonl", json_lines(*rows)))
    assert [group.reviews[0].review_id for group in groups] == ["r1", "r1"]


@pytest.mark.parametrize(WAY, IN_ONE_PASS)
def test_scattered_rows_that_cannot_be_read_again_are_refused(name: str, buffer_bytes: int) -> None:
    groups = _read(name, _rows("abcaaaacaaa"), buffer_bytes=buffer_bytes)
    with pytest.raises(InputError) as caught:
        next(groups)
    assert str(caught.value) == (
        f"{name}: too large to be kept in memory, and the rows of 2 users, 'a' the first, "
        "are not adjacent: sort the rows by user, or give an uncompressed file"
    )


def test_a_file_of_exactly_the_buffer_is_kept_in_memory() -> None:
    rows = _rows("aba")
    size = len(json_lines(*rows))
    assert _lines(_read("r.jsonl.gz", rows, buffer_bytes=size)) == {"a": (0, 2), "b": (1,)}
    with pytest.raises(InputError, match="too large to be kept in memory"):
        next(_read("r.jsonl.gz", rows, buffer_bytes=size - 1))


@pytest.mark.parametrize("as_csv", [False, True])
def test_stdin_beyond_the_buffer_is_read_in_one_pass(stdin: Stdin, as_csv: bool) -> None:
    rows = _rows("bbaac")
    stdin(csv_text(FIELDS, rows) if as_csv else json_lines(*rows))
    assert _lines(read_users("-", buffer_bytes=0)) == {"b": (0, 1), "a": (2, 3), "c": (4,)}


def test_scattered_rows_of_stdin_are_gathered_while_they_fit(stdin: Stdin) -> None:
    stdin(json_lines(*_rows("aba")))
    assert _lines(read_users("-")) == {"a": (0, 2), "b": (1,)}


def test_scattered_rows_of_stdin_beyond_the_buffer_are_refused(stdin: Stdin) -> None:
    stdin(json_lines(*_rows("aba")))
    with pytest.raises(InputError, match="sort the rows by user"):
        next(read_users("-", buffer_bytes=0))


class _Watching:
    """A container of all users that notes whether the garbage collector was on."""

    def __init__(self) -> None:
        self.enabled: list[bool] = []

    def __contains__(self, user: object) -> bool:
        self.enabled.append(gc.isenabled())
        return True


@pytest.fixture(params=[True, False], ids=["on", "off"])
def collector_on(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the garbage collector is on before the test."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


def test_the_garbage_collector_rests_while_the_file_is_read(
    write: Write, collector_on: bool
) -> None:
    users = _Watching()
    next(read_users(write("r.jsonl", json_lines(*_rows("ab"))), users=users))
    assert users.enabled == [False, False]
    assert gc.isenabled() is collector_on


def test_the_garbage_collector_is_left_as_it_was_after_an_error(
    write: Write, collector_on: bool
) -> None:
    with pytest.raises(InputError):
        next(read_users(write("r.jsonl", "{}")))
    assert gc.isenabled() is collector_on
