"""Rows to records: columns, bad rows, ids, and files that give back what was written."""

import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import IDS, TEXTS, VISIBLE_TEXTS, csv_text, json_lines

from llmrec.errors import InputError
from llmrec.records.reading import RecordReader, read_items, read_reviews
from llmrec.records.reviews import Item, Review, item_json
from llmrec.records.tables import Table

Write = Callable[[str, str | bytes], str]
Stdin = Callable[[str | bytes], None]

A_TIME = (
    "expected ISO 8601, as 2024-01-31 or 2024-01-31T18:30:00Z, or Unix time in seconds (9 or 10 "
    "digits) or milliseconds (12 or 13)"
)
A_TOP = "the top of the scale (--rating-max, inf if none)"
UNIX = (874724710, 1706659200, 874724710000, 1706659200123)
FIELDS = ("review_id", "user_id", "item_id", "rating", "text", "timestamp")
ROWS: tuple[dict[str, Any], ...] = (
    {
        "review_id": "r1",
        "user_id": "u1",
        "item_id": "film-1",
        "rating": 4.5,
        "text": "结尾太棒了，\n看了两遍 🎬",
        "timestamp": "2024-01-31",
    },
    {"user_id": "u2", "text": 'no stars, "just" words'},
)
REVIEWS = [
    Review("u1", "结尾太棒了，\n看了两遍 🎬", "film-1", 4.5, "2024-01-31", "r1"),
    Review("u2", 'no stars, "just" words', review_id="L1"),
]


def _problem(caught: pytest.ExceptionInfo[InputError], path: str) -> str:
    assert caught.value.path == path
    return f"{caught.value.line}: {caught.value.what}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl", json_lines(*ROWS)),
        ("r.jsonl.gz", json_lines(*ROWS)),
        ("r.csv", csv_text(FIELDS, ROWS)),
        ("r.csv.gz", csv_text(FIELDS, ROWS)),
    ],
)
def test_every_format_gives_the_same_reviews(write: Write, name: str, content: str) -> None:
    assert list(read_reviews(write(name, content))) == REVIEWS


@pytest.mark.parametrize("content", [json_lines(*ROWS), csv_text(FIELDS, ROWS)])
def test_stdin_gives_the_same_reviews(stdin: Stdin, content: str) -> None:
    stdin(content)
    assert list(read_reviews("-")) == REVIEWS


def test_a_path_object_is_a_path(write: Write) -> None:
    assert list(read_reviews(Path(write("r.jsonl", json_lines(*ROWS))))) == REVIEWS


def test_reviews_are_streamed(write: Write) -> None:
    reviews = read_reviews(write("r.jsonl", json_lines(ROWS[0], {"user_id": "u2"})))
    assert next(reviews) == REVIEWS[0]
    with pytest.raises(InputError, match="line 1"):
        next(reviews)


def test_items_are_streamed(write: Write) -> None:
    items = read_items(write("i.jsonl", json_lines({"item_id": "a", "title": "夜航"}, {})))
    assert next(items) == Item("a", "夜航")
    with pytest.raises(InputError, match="line 1"):
        next(items)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"text": ""}, "text: at least one visible character is expected, came ''"),
        ({"text": " \u3000"}, r"text: at least one visible character is expected, came ' \u3000'"),
        ({"text": {"body": "x"}}, "text: expected a valid string, came {'body': 'x'}"),
        ({"user_id": ""}, "user_id: expected not to be empty, came ''"),
        ({"user_id": None}, "user_id: expected a valid string, came None"),
        ({"item_id": ""}, "item_id: expected not to be empty, came ''"),
        ({"item_id": ["a"]}, "item_id: expected a valid string, came ['a']"),
        ({"rating": 5.5}, f"rating: expected at most 5, {A_TOP}, came 5.5"),
        ({"rating": -1}, "rating: expected greater than or equal to 0, came -1"),
        ({"rating": "5"}, "rating: expected a valid number, came '5'"),
        ({"rating": True}, "rating: expected a valid number, came True"),
        ({"rating": float("nan")}, "rating: expected a finite number, came nan"),
        ({"timestamp": 17066592000}, f"timestamp: {A_TIME}, came 17066592000"),
        ({"timestamp": 1706659200.5}, f"timestamp: {A_TIME}, came 1706659200.5"),
        ({"timestamp": True}, "timestamp: expected a valid string, came True"),
    ],
)
@pytest.mark.parametrize("columns", [{}, {"text": "body"}], ids=["as they are", "mapped"])
def test_a_bad_row_says_what_was_expected_and_what_came(
    write: Write, changed: dict[str, Any], columns: dict[str, str], problem: str
) -> None:
    row = {"user_id": "u1", "text": "fine", **changed}
    named = {columns.get(name, name): value for name, value in row.items()}
    good = {"user_id": "u1", columns.get("text", "text"): "fine"}
    path = write("r.jsonl", json_lines(good, good, named))
    with pytest.raises(InputError) as caught:
        list(read_reviews(path, columns=columns))
    assert _problem(caught, path) == f"2: {problem}"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"user_id": "u1"}, "text: expected, but not there"),
        ({"text": "fine"}, "user_id: expected, but not there"),
        (
            {"text": "fine", "mood": "good"},
            "user_id: expected, but not there: is it one of 'mood'? Then --column user_id=NAME",
        ),
        ([1, 2], "expected an object, came [1, 2]"),
        ("fine", "expected an object, came 'fine'"),
    ],
)
def test_a_row_that_is_no_review_says_what_is_missing(
    write: Write, row: object, problem: str
) -> None:
    path = write("r.jsonl", json_lines(row))
    with pytest.raises(InputError) as caught:
        list(read_reviews(path))
    assert _problem(caught, path) == f"0: {problem}"


@pytest.mark.parametrize(
    ("name", "content"),
    [("r.csv", "author,body\nann,fine\n"), ("r.jsonl", '{"author": "ann", "body": "fine"}\n')],
)
def test_a_field_that_is_missing_may_have_another_name(
    write: Write, name: str, content: str
) -> None:
    path = write(name, content)
    with pytest.raises(InputError) as caught:
        list(read_reviews(path))
    assert _problem(caught, path) == (
        "0: user_id: expected, but not there: is it one of 'author', 'body'? Then --column "
        "user_id=NAME"
    )
    with pytest.raises(InputError) as caught:
        list(read_items(path, columns={"item_id": "author"}))
    assert _problem(caught, path) == (
        "0: title: expected, but not there: is it one of 'body'? Then --item-column title=NAME"
    )


def test_of_many_columns_that_are_not_read_some_are_named(write: Write) -> None:
    path = write("r.jsonl", json_lines({f"c{n}": n for n in range(9)} | {"user_id": "u"}))
    with pytest.raises(InputError, match=r"one of 'c0', .* 'c7' …\? Then --column text=NAME"):
        list(read_reviews(path))


def test_mapped_columns_are_columns_of_an_object(write: Write) -> None:
    path = write("r.jsonl", json_lines([1, 2]))
    with pytest.raises(InputError) as caught:
        list(read_reviews(path, columns={"text": "body"}))
    assert _problem(caught, path) == "0: expected a JSON object, came [1, 2]"


@pytest.mark.parametrize("timestamp", ["31.1.2024", "", "yesterday", "2024-13-01", "17066592000"])
def test_a_timestamp_is_a_time(write: Write, timestamp: str) -> None:
    row = {"user_id": "u1", "text": "fine", "timestamp": timestamp}
    path = write("r.jsonl", json_lines(row))
    with pytest.raises(InputError, match="timestamp: ") as caught:
        list(read_reviews(path))
    assert _problem(caught, path).endswith(f", came {timestamp!r}")


@pytest.mark.parametrize(
    "timestamp", ["2024-01-31", "2024-01-31T20:15", "2024-01-31 20:15:00.5+08:00", "20240131T2015Z"]
)
def test_a_timestamp_stays_as_written(write: Write, timestamp: str) -> None:
    row = {"user_id": "u1", "text": "fine", "timestamp": timestamp}
    (review,) = read_reviews(write("r.jsonl", json_lines(row)))
    assert review.timestamp == timestamp


@pytest.mark.parametrize(("rating_max", "rating"), [(1, 1), (5, 5), (10, 9.5)])
def test_a_rating_up_to_the_top_of_the_scale_is_taken(
    write: Write, rating_max: float, rating: float
) -> None:
    path = write("r.jsonl", json_lines({"user_id": "u1", "text": "fine", "rating": rating}))
    assert [review.rating for review in read_reviews(path, rating_max=rating_max)] == [rating]


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
def test_a_rating_above_the_top_of_the_scale_is_refused(write: Write, name: str) -> None:
    row = {"user_id": "u1", "text": "fine", "rating": 2}
    content = json_lines(row) if name == "r.jsonl" else csv_text(FIELDS, [row])
    path = write(name, content)
    with pytest.raises(InputError) as caught:
        list(read_reviews(path, rating_max=1))
    assert _problem(caught, path) == (f"0: rating: expected at most 1, {A_TOP}, came 2")


@pytest.mark.parametrize("columns", [{}, {"text": "body"}], ids=["as they are", "mapped"])
def test_bytes_that_are_not_utf_8_are_refused(write: Write, columns: dict[str, str]) -> None:
    good = json_lines({"user_id": "u1", columns.get("text", "text"): "茶"}).encode()
    path = write("r.jsonl", good + good.replace("茶".encode(), "茶".encode("gbk")))
    with pytest.raises(InputError) as caught:
        list(read_reviews(path, columns=columns))
    assert _problem(caught, path) == f"1: not UTF-8 at byte {good.index(0xE8)} of the line"


@pytest.mark.parametrize("bad", [b"u1,\xb2\xe8\n", b"\xff,fine\n", b'u1,"\xed\xa0\x80"\n'])
def test_csv_cells_that_are_not_utf_8_are_refused(write: Write, bad: bytes) -> None:
    path = write("r.csv", "user_id,text\nu1,茶\n".encode() + bad)
    with pytest.raises(InputError) as caught:
        list(read_reviews(path))
    assert _problem(caught, path) == "1: not UTF-8"


@pytest.mark.parametrize("columns", [{}, {"text": "body"}], ids=["as they are", "mapped"])
@pytest.mark.parametrize("escape", [r"\ud83c", r"\udfac", r"\udfac\ud83c"])
def test_a_lone_surrogate_is_refused(write: Write, columns: dict[str, str], escape: str) -> None:
    name = columns.get("text", "text")
    path = write("r.jsonl", f'{{"user_id": "u1", "{name}": "cut {escape}"}}\n')
    with pytest.raises(InputError) as caught:
        list(read_reviews(path, columns=columns))
    assert _problem(caught, path).startswith("0: Invalid JSON: ")


def test_a_pair_of_surrogates_is_one_character(write: Write) -> None:
    path = write("r.jsonl", r'{"user_id": "u1", "text": "whole \ud83c\udfac"}')
    assert [review.text for review in read_reviews(path)] == ["whole 🎬"]


@pytest.mark.parametrize("columns", [{}, {"text": "body"}], ids=["as they are", "mapped"])
def test_a_line_that_is_not_json_is_refused(write: Write, columns: dict[str, str]) -> None:
    path = write("r.jsonl", '{"user_id": "u1", text: "no quotes"}\n')
    with pytest.raises(InputError) as caught:
        list(read_reviews(path, columns=columns))
    assert _problem(caught, path).startswith("0: Invalid JSON: key must be a string at column 19")


def test_a_line_that_is_cut_off_has_one_line_number(write: Write) -> None:
    path = write("r.jsonl", '{"user_id": "u1"\n')
    with pytest.raises(InputError) as caught:
        list(read_reviews(path))
    assert "line 2" not in _problem(caught, path)


@pytest.mark.parametrize("columns", [{}, {"text": "body"}], ids=["as they are", "mapped"])
def test_nested_json_in_another_column_does_no_harm(write: Write, columns: dict[str, str]) -> None:
    name = columns.get("text", "text")
    row = {"user_id": "u1", name: "fine", "meta": {"tags": [["a"], {"b": None}], "text": "inner"}}
    path = write("r.jsonl", json_lines(row))
    assert list(read_reviews(path, columns=columns)) == [Review("u1", "fine", review_id="L0")]


@pytest.mark.parametrize("columns", [{}, {"text": "body"}], ids=["as they are", "mapped"])
def test_json_that_is_nested_too_deep_is_refused(write: Write, columns: dict[str, str]) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    path = write("r.jsonl", f'{{"user_id": "u1", "text": "fine", "meta": {deep}}}\n')
    with pytest.raises(InputError, match="recursion limit exceeded"):
        list(read_reviews(path, columns=columns))


@pytest.mark.parametrize("row", [{}, {"item_id": None, "rating": None, "timestamp": None}])
def test_a_post_need_not_be_about_an_item(write: Write, row: dict[str, Any]) -> None:
    path = write("r.jsonl", json_lines({"user_id": "u1", "text": "今天想看点轻松的", **row}))
    assert list(read_reviews(path)) == [Review("u1", "今天想看点轻松的", review_id="L0")]


def test_an_empty_cell_is_an_absent_one(write: Write) -> None:
    path = write(
        "r.csv", "user_id,text,item_id,rating,timestamp,review_id\nu1,fine,,,,\nu2,short\n"
    )
    assert list(read_reviews(path)) == [
        Review("u1", "fine", review_id="L0"),
        Review("u2", "short", review_id="L1"),
    ]


def test_whole_numbers_become_ids(write: Write) -> None:
    row = {"user_id": 7, "item_id": 0, "review_id": 12345678901234567890, "text": "fine"}
    (review,) = read_reviews(write("r.jsonl", json_lines(row)))
    assert (review.user_id, review.item_id, review.review_id) == ("7", "0", "12345678901234567890")


def test_whole_numbers_become_ids_of_items(write: Write) -> None:
    path = write("i.jsonl", json_lines({"item_id": 42, "title": "夜航"}))
    assert list(read_items(path)) == [Item("42", "夜航")]


def test_cells_that_look_like_numbers_stay_text(write: Write) -> None:
    path = write("r.csv", "user_id,text,item_id,review_id,rating\n007,10,1e3,0,4\n")
    assert list(read_reviews(path)) == [Review("007", "10", "1e3", 4.0, review_id="0")]


def test_a_review_without_id_is_named_after_its_line(write: Write) -> None:
    content = (
        '{"text": ""}\n\n{"user_id": "u1", "text": "three"}\n{"user_id": "u1", "text": "four"}'
    )
    reviews = read_reviews(write("r.jsonl", content), skip_bad_rows=True)
    assert [review.review_id for review in reviews] == ["L2", "L3"]


def test_a_csv_review_without_id_is_named_after_its_record(write: Write) -> None:
    content = 'user_id,text\nu1,"zero\nstill zero"\nu1,\n\nu1,three\n'
    reviews = read_reviews(write("r.csv", content), skip_bad_rows=True)
    assert [review.review_id for review in reviews] == ["L0", "L3"]


def test_line_breaks_in_quotes_are_part_of_the_text(write: Write) -> None:
    path = write("r.csv", 'user_id,text\r\nu1,"one\r\n\r\ntwo, ""three""\n"\r\nu1,four\r\n')
    assert [review.text for review in read_reviews(path)] == ['one\r\n\r\ntwo, "three"\n', "four"]


def test_too_many_cells_are_refused(write: Write) -> None:
    path = write("r.csv", "user_id,text\nu1,fine\nu1,good, but long\n")
    with pytest.raises(InputError) as caught:
        list(read_reviews(path))
    assert _problem(caught, path) == "1: expected 2 cells as in the header, came 3"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("u1,,3", "text: expected, but not there"),
        ("u1,fine,good", "rating: expected a valid number, came 'good'"),
        ("u1,fine,nan", "rating: expected a finite number, came nan"),
        ("u1,fine,-0.5", "rating: expected greater than or equal to 0, came -0.5"),
    ],
)
def test_a_bad_record_says_what_was_expected(write: Write, row: str, problem: str) -> None:
    path = write("r.csv", f"user_id,text,rating\nu1,fine,4\n{row}\n")
    with pytest.raises(InputError) as caught:
        list(read_reviews(path))
    assert _problem(caught, path) == f"1: {problem}"


@pytest.mark.parametrize(
    ("cell", "categories"),
    [
        ("剧情|family|drama", ("剧情", "family", "drama")),
        ("drama", ("drama",)),
        ('"[""剧情"", ""a|b""]"', ("剧情", "a|b")),
        ("[]", ()),
        ("", ()),
    ],
)
def test_category_lists_in_csv(write: Write, cell: str, categories: tuple[str, ...]) -> None:
    path = write("i.csv", f"item_id,title,categories\ni1,夜航,{cell}\n")
    assert list(read_items(path)) == [Item("i1", "夜航", categories=categories)]


@pytest.mark.parametrize("cell", ["[drama]", "[1]", '"[""a"", null]"'])
def test_a_category_list_that_is_no_list_of_texts_is_refused(write: Write, cell: str) -> None:
    path = write("i.csv", f"item_id,title,categories\ni1,夜航,{cell}\n")
    with pytest.raises(InputError, match="line 0") as caught:
        list(read_items(path))
    assert caught.value.path == path


def test_a_category_list_that_is_nested_too_deep_is_refused(write: Write) -> None:
    path = write("i.csv", f"item_id,title,categories\ni1,夜航,{'[' * 100_000}\n")
    with pytest.raises(InputError, match="line 0"):
        list(read_items(path))


def test_an_item_with_all_its_fields(write: Write) -> None:
    row = {"item_id": "i1", "title": "夜航", "description": "飞过群山", "categories": ["剧情"]}
    assert list(read_items(write("i.jsonl", json_lines(row)))) == [
        Item("i1", "夜航", "飞过群山", ("剧情",))
    ]


@pytest.mark.parametrize("name", ["i.jsonl", "i.csv"])
def test_a_second_use_of_an_item_id_is_refused(write: Write, name: str) -> None:
    rows = [{"item_id": i, "title": f"title {i}"} for i in "aba"]
    content = json_lines(*rows) if name == "i.jsonl" else csv_text(("item_id", "title"), rows)
    path = write(name, content)
    with pytest.raises(InputError) as caught:
        list(read_items(path))
    assert _problem(caught, path) == "2: item_id: 'a' stands in the file twice"


def test_a_second_use_of_an_item_id_can_be_left_out(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"item_id": i, "title": f"{n}"} for n, i in enumerate("aba")]
    path = write("i.jsonl", json_lines(*rows))
    assert list(read_items(path, skip_bad_rows=True)) == [Item("a", "0"), Item("b", "1")]
    assert caplog.messages == [
        f"left out: {path}, line 2 (counted from 0): item_id: 'a' stands in the file twice"
    ]


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
def test_bad_rows_that_are_left_out_are_listed(
    write: Write, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    rows = [{"user_id": "u1", "text": text} for text in ("one", " ", "three", "\t")]
    content = json_lines(*rows) if name == "r.jsonl" else csv_text(("user_id", "text"), rows)
    table = Table(write(name, content))
    reader = RecordReader(Review, table, skip_bad_rows=True)
    found = [(line, review.text) for line, _, review in reader.records(table.rows())]
    assert found == [(0, "one"), (2, "three")]
    expected = "text: at least one visible character is expected, came"
    assert caplog.messages == [
        f"left out: {table.path}, line 1 (counted from 0): {expected} ' '",
        f"left out: {table.path}, line 3 (counted from 0): {expected} '\\t'",
    ]


def test_a_bad_row_is_an_error_unless_said(write: Write) -> None:
    table = Table(write("r.jsonl", "{}\n"))
    reader = RecordReader(Review, table)
    with pytest.raises(InputError, match="line 0"):
        next(reader.records(table.rows()))


def test_a_review_id_of_null_is_as_good_as_none(write: Write) -> None:
    path = write("r.jsonl", json_lines({"user_id": "u1", "text": "one", "review_id": None}))
    assert [review.review_id for review in read_reviews(path)] == ["L0"]


def test_a_time_that_is_none_says_what_is_expected(write: Write) -> None:
    path = write("r.jsonl", json_lines({"user_id": "u1", "text": "one", "timestamp": "gestern"}))
    with pytest.raises(InputError) as caught:
        list(read_reviews(path))
    assert _problem(caught, path) == f"0: timestamp: {A_TIME}, came 'gestern'"


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
def test_unix_time_stays_as_written_and_has_one_digest(write: Write, name: str) -> None:
    rows = {
        "r.jsonl": json_lines(*({"user_id": 1, "text": "a", "timestamp": t} for t in UNIX)),
        "r.csv": "user_id,text,timestamp\n" + "".join(f"1,a,{t}\n" for t in UNIX),
    }
    read = list(read_reviews(write(name, rows[name])))
    assert [review.timestamp for review in read] == list(map(str, UNIX))
    assert [review.digest for review in read] == [
        Review("1", "a", timestamp=str(time), review_id="1").digest for time in UNIX
    ]


def test_categories_that_are_no_array_are_named(write: Write) -> None:
    path = write("i.csv", csv_text(("item_id", "title", "categories"), [
        {"item_id": "a", "title": "A", "categories": "[film"},
    ]))  # fmt: skip
    with pytest.raises(InputError, match=r"line 0.*categories: not a JSON array"):
        list(read_items(path))


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
def test_a_column_that_no_row_has_is_said(
    write: Write, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    rows = [{"user_id": "u1", "body": "one"}, {"user_id": "u1", "body": "two"}]
    content = json_lines(*rows) if name == "r.jsonl" else csv_text(("user_id", "body"), rows)
    path = write(name, content)
    columns = {"text": "body", "rating": "stars", "timestamp": ""}
    assert len(list(read_reviews(path, columns=columns))) == 2
    assert caplog.messages == [f"{path}: no row has the columns named for it: 'stars'"]


def test_a_file_that_cannot_be_read_is_not_left_out(write: Write) -> None:
    with pytest.raises(InputError, match="not CSV"):
        list(read_reviews(write("r.csv", 'user_id,text\nu1,"open\n'), skip_bad_rows=True))


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
def test_columns_can_have_other_names(write: Write, name: str) -> None:
    rows = [{"who": "u1", "stars": 4, "body": "fine", "day": "2024-01-31"}]
    content = json_lines(*rows) if name == "r.jsonl" else csv_text(tuple(rows[0]), rows)
    columns = {"user_id": "who", "rating": "stars", "text": "body", "timestamp": "day"}
    expected = Review("u1", "fine", None, 4.0, "2024-01-31", "L0")
    assert list(read_reviews(write(name, content), columns=columns)) == [expected]


def test_columns_of_items_can_have_other_names(write: Write) -> None:
    path = write("i.csv", "asin,name,tags\nb1,夜航,剧情|drama\n")
    columns = {"item_id": "asin", "title": "name", "categories": "tags"}
    assert list(read_items(path, columns=columns)) == [Item("b1", "夜航", "", ("剧情", "drama"))]


def test_two_fields_can_come_from_one_column(write: Write) -> None:
    path = write("i.jsonl", json_lines({"title": "夜航"}))
    assert list(read_items(path, columns={"item_id": "title"})) == [Item("夜航", "夜航")]


def test_a_mapped_field_is_not_read_from_its_own_name(write: Write) -> None:
    row = {"user_id": "u1", "text": "the title", "body": "the review"}
    (review,) = read_reviews(write("r.jsonl", json_lines(row)), columns={"text": "body"})
    assert review.text == "the review"


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
def test_a_field_mapped_to_nothing_is_not_read(write: Write, name: str) -> None:
    rows = [{"user_id": "u1", "text": "fine", "timestamp": "long ago", "rating": 4}]
    content = json_lines(*rows) if name == "r.jsonl" else csv_text(FIELDS, rows)
    (review,) = read_reviews(write(name, content), columns={"timestamp": ""})
    assert review == Review("u1", "fine", rating=4.0, review_id="L0")


def test_a_column_without_a_name_is_not_read(write: Write) -> None:
    path = write("r.csv", ",user_id,text\n0,u1,fine\n")
    assert list(read_reviews(path, columns={"item_id": ""})) == [
        Review("u1", "fine", review_id="L0")
    ]


def test_a_mapping_of_an_unknown_field_is_refused(write: Write) -> None:
    path = write("r.jsonl", json_lines(*ROWS))
    with pytest.raises(InputError) as caught:
        list(read_reviews(path, columns={"body": "text"}))
    assert str(caught.value) == (
        "no field 'body' to map a column to: there are user_id, text, item_id, rating, "
        "timestamp, review_id"
    )


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
@pytest.mark.parametrize("columns", [{}, {"text": "body"}], ids=["as they are", "mapped"])
def test_unknown_columns_are_left_out_and_said_once(
    write: Write, caplog: pytest.LogCaptureFixture, name: str, columns: dict[str, str]
) -> None:
    text = columns.get("text", "text")
    rows = [{"user_id": "u1", text: t, "mood": "good", "likes": 3} for t in ("a", "b", "c")]
    content = json_lines(*rows) if name == "r.jsonl" else csv_text(tuple(rows[0]), rows)
    path = write(name, content)
    assert [review.text for review in read_reviews(path, columns=columns)] == ["a", "b", "c"]
    assert caplog.messages == [f"{path}: columns that are not used: 'mood', 'likes'"]


def test_a_field_of_the_wrong_type_is_not_an_unknown_column(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    path = write("r.jsonl", json_lines({"user_id": "u1", "text": "a", "mood": "", "rating": "x"}))
    with pytest.raises(InputError, match="rating: expected a valid number, came 'x'"):
        list(read_reviews(path))
    assert caplog.messages == []


def test_blank_lines_before_the_header_do_no_harm(write: Write) -> None:
    path = write("r.csv", "\nuser_id,text\nu1,fine\n")
    assert [review.text for review in read_reviews(path)] == ["fine"]


TIMESTAMPS = st.dates().map(str) | st.datetimes().map(str)
ANY_REVIEWS = st.lists(
    st.builds(
        Review,
        user_id=IDS,
        text=VISIBLE_TEXTS,
        item_id=st.none() | IDS,
        rating=st.none() | st.floats(min_value=0, max_value=5),
        timestamp=st.none() | TIMESTAMPS,
        review_id=IDS,
    ),
    max_size=4,
)
ANY_ITEMS = st.lists(
    st.builds(
        Item,
        item_id=IDS,
        title=VISIBLE_TEXTS,
        description=TEXTS,
        categories=st.lists(TEXTS, max_size=3).map(tuple),
    ),
    max_size=4,
    unique_by=lambda item: item.item_id,
)


@settings(deadline=None)
@given(ANY_REVIEWS)
def test_reviews_survive_json_lines(reviews: list[Review]) -> None:
    path = Path("reviews.jsonl")
    path.write_text(json_lines(*map(asdict, reviews)), encoding="utf-8", newline="")
    assert list(read_reviews(path)) == reviews


@settings(deadline=None)
@given(ANY_REVIEWS)
def test_reviews_survive_csv(reviews: list[Review]) -> None:
    with Path("reviews.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(map(asdict, reviews))
    assert list(read_reviews("reviews.csv")) == reviews


@settings(deadline=None)
@given(ANY_ITEMS)
def test_items_survive_json_lines(items: list[Item]) -> None:
    lines = "".join(f"{item_json(item)}\n" for item in items)
    Path("items.jsonl").write_text(lines, encoding="utf-8", newline="")
    assert list(read_items("items.jsonl")) == items


@settings(deadline=None)
@given(ANY_ITEMS)
def test_items_survive_csv(items: list[Item]) -> None:
    with Path("items.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["item_id", "title", "description", "categories"])
        for item in items:
            writer.writerow(
                [item.item_id, item.title, item.description, json.dumps(item.categories)]
            )
    assert list(read_items("items.csv")) == items
