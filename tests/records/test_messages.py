"""One clear line out of a failed validation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from llmrec.records.messages import first_problem, shortened, unknown_fields, without_line
from llmrec.records.profile import FORMAT, Format
from llmrec.records.reviews import Item

ITEM = TypeAdapter(Item)


def _error(line: str) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        ITEM.validate_json(line)
    return caught.value


@settings(deadline=None)
@given(st.text(), st.integers(min_value=1, max_value=100))
def test_a_shortened_value_fits_and_begins_like_the_value(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short) <= limit
    assert repr(text).startswith(short.removesuffix("…"))
    assert (short == repr(text)) is (len(repr(text)) <= limit)


def test_a_value_of_any_kind_can_be_shortened() -> None:
    assert shortened({"a": [1]}) == "{'a': [1]}"
    assert shortened("x" * 78) == "'" + "x" * 78 + "'"
    assert shortened("x" * 100) == "'" + "x" * 78 + "…"


def test_a_parser_counts_no_lines() -> None:
    assert without_line("expected value at line 1 column 9") == "expected value at column 9"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"item_id": "i1"}', "title: expected, but not there"),
        ('{"item_id": "", "title": "夜航"}', "item_id: expected not to be empty, came ''"),
        (
            '{"item_id": "i1", "title": " "}',
            "title: at least one visible character is expected, came ' '",
        ),
        (
            '{"item_id": "i1", "title": "夜航", "categories": ["a", 2]}',
            "categories.1: expected a valid string, came 2",
        ),
        ('{"year": 1999, "item_id": "i1"}', "title: expected, but not there"),
        ("7", "expected an object, came 7"),
    ],
)
def test_the_first_problem_says_where_what_and_what_came(line: str, problem: str) -> None:
    assert first_problem(_error(line)) == problem


def test_a_validator_speaks_for_itself() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Format).validate_python(FORMAT + 1)
    assert first_problem(caught.value).startswith(f"format {FORMAT + 1} was written by a later")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('{"item_id": "i1", "title": "夜航", "year": 1999, "mood": "good"}', ["year", "mood"]),
        ('{"item_id": "i1", "year": 1999}', []),
        ("7", []),
    ],
)
def test_unknown_fields_are_named_if_nothing_else_is_wrong(line: str, names: list[str]) -> None:
    assert unknown_fields(_error(line)) == names


def test_an_unknown_field_is_a_problem_where_it_is_the_only_one() -> None:
    error = _error('{"item_id": "i1", "title": "夜航", "year": 1999}')
    assert first_problem(error).startswith("year: ")
