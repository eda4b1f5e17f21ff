"""Review and Item: what they accept, and what identifies a review."""

import hashlib
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from llmrec.records.reviews import Item, Review, item_json


def _review(**fields: Any) -> Review:
    return Review(**{"user_id": "u1", "text": "配乐一响就想哭", "review_id": "r1", **fields})


@pytest.mark.parametrize(
    ("fields", "canonical"),
    [
        ({}, '["u1",null,null,null,"配乐一响就想哭"]'),
        (
            {"item_id": "film-1", "timestamp": "2024-01-31", "rating": 5},
            '["u1","film-1","2024-01-31",5.0,"配乐一响就想哭"]',
        ),
        (
            {"timestamp": "2024-01-31T20:15:00Z", "rating": 3.5, "text": 'The "slow" one\n\t🎬'},
            '["u1",null,"2024-01-31T20:15:00Z",3.5,"The \\"slow\\" one\\n\\t🎬"]',
        ),
        ({"rating": 0}, '["u1",null,null,0.0,"配乐一响就想哭"]'),
    ],
)
def test_digest_is_of_the_canonical_json(fields: dict[str, Any], canonical: str) -> None:
    expected = hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:24]
    assert _review(**fields).digest == expected


def test_digest_does_not_depend_on_the_review_id() -> None:
    assert _review(review_id="r1").digest == _review(review_id="L7").digest


@pytest.mark.parametrize(
    "changed",
    [
        {"user_id": "u2"},
        {"text": "配乐一响就想哭 "},
        {"item_id": "i"},
        {"rating": 1},
        {"timestamp": "2024-01-31"},
    ],
)
def test_digest_depends_on_all_that_was_written(changed: dict[str, Any]) -> None:
    assert _review(**changed).digest != _review().digest


@pytest.mark.parametrize(
    ("timestamp", "when", "date"),
    [
        (None, None, None),
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC), "2024-01-31"),
        ("2024-01-31T20:15:00", datetime(2024, 1, 31, 20, 15, tzinfo=UTC), "2024-01-31"),
        (
            "2024-01-31T23:30:00-08:00",
            datetime(2024, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-8))),
            "2024-01-31",
        ),
        ("1706743800", datetime(2024, 1, 31, 23, 30, tzinfo=UTC), "2024-01-31"),
        ("1706743800.0", datetime(2024, 1, 31, 23, 30, tzinfo=UTC), "2024-01-31"),
        ("1706743800123", datetime(2024, 1, 31, 23, 30, 0, 123000, tzinfo=UTC), "2024-01-31"),
    ],
)
def test_a_time_without_zone_is_utc_and_the_day_is_as_written(
    timestamp: str | None, when: datetime | None, date: str | None
) -> None:
    review = _review(timestamp=timestamp)
    assert (review.timestamp, review.when, review.date) == (timestamp, when, date)


def test_whole_numbers_become_ids_and_times() -> None:
    review = _review(user_id=7, item_id=0, review_id=12, timestamp=1706743800)
    assert (review.user_id, review.item_id, review.review_id) == ("7", "0", "12")
    assert review.timestamp == "1706743800"


def test_a_whole_number_is_a_rating() -> None:
    rating = _review(rating=4).rating
    assert isinstance(rating, float)
    assert rating == 4.0


@pytest.mark.parametrize(
    "fields",
    [
        {"user_id": ""},
        {"user_id": True},
        {"text": ""},
        {"text": " \t\u3000\n"},
        {"text": "\ud800"},
        {"text": None},
        {"item_id": ""},
        {"rating": -1},
        {"rating": "5"},
        {"rating": True},
        {"rating": float("nan")},
        {"rating": float("inf")},
        {"timestamp": "31.1.2024"},
        {"timestamp": ""},
        {"timestamp": 1},
        {"timestamp": 1706659200.5},
        {"timestamp": True},
        {"review_id": ""},
        {"likes": 3},
    ],
)
def test_a_review_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _review(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"item_id": ""},
        {"title": ""},
        {"title": " "},
        {"description": 3},
        {"description": "half a goose \ud83e"},
        {"categories": [1]},
        {"categories": ["\ud83e"]},
        {"categories": "drama"},
        {"year": 1999},
    ],
)
def test_an_item_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Item(**{"item_id": "i1", "title": "夜航", **fields})


def test_an_item_without_description_and_categories_has_empty_ones() -> None:
    named: Any = {"description": None, "categories": None}
    assert Item("i1", "夜航", **named) == Item("i1", "夜航", description="", categories=())


def test_records_are_frozen() -> None:
    review, item = _review(), Item("i1", "夜航")
    with pytest.raises(FrozenInstanceError):
        review.text = "other words"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        item.title = "another title"  # type: ignore[misc]


def test_an_item_as_a_line_of_a_catalogue() -> None:
    item = Item("i1", "夜航 ✈️", categories=("剧情", "drama"))
    assert item_json(item) == (
        '{"item_id":"i1","title":"夜航 ✈️","description":"","categories":["剧情","drama"]}'
    )


def test_made_in_python_a_review_must_be_given_its_id() -> None:
    with pytest.raises(ValueError, match="give review_id="):
        Review("u1", "Grand.")
