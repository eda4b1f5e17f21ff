"""What is held out is new to the user, and the history is strictly older."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import InputError, SettingsError
from llmrec.evaluation.splitting import SplitRule, Splitting, split_json
from llmrec.records.grouping import UserReviews
from llmrec.records.reviews import Review
from llmrec.records.splits import SplitLine

WORDS = "Sixty characters of text, so that four of them are enough..."


def user(*given: tuple[int | None, str | None, float | None], text: str = WORDS) -> UserReviews:
    """One user's reviews by day, item and rating, on lines 10, 11, 12…"""
    reviews = [
        Review(
            user_id="u",
            text=text,
            item_id=item,
            rating=rating,
            timestamp=None if day is None else f"2024-03-{day:02}",
            review_id=str(n),
        )
        for n, (day, item, rating) in enumerate(given)
    ]
    return UserReviews.of(reviews, range(10, 10 + len(reviews)))


def four(*more: tuple[int | None, str | None, float | None]) -> UserReviews:
    """Four reviews of March 1 to 4 on items a to d, and more."""
    return user((1, "a", 5), (2, "b", 5), (3, "c", 5), (4, "d", 5), *more)


def split(reviews: UserReviews, **rule: Any) -> SplitLine | str:
    """Return the line of one user, or why there is none."""
    run = Splitting(SplitRule(**rule))
    try:
        (line,) = run.lines([reviews])
    except InputError:
        (reason,) = run.not_eligible
        return reason
    return line


def test_the_newest_review_is_held_out() -> None:
    assert split(four((5, "e", 5))) == SplitLine("u", "e", 14, (10, 11, 12, 13))


def test_a_negative_review_is_passed_over_and_is_not_history() -> None:
    reviews = four((5, "e", 4), (6, "f", 3.5))
    assert split(reviews, positive_from=4) == SplitLine("u", "e", 14, (10, 11, 12, 13))
    assert split(reviews) == SplitLine("u", "f", 15, (10, 11, 12, 13, 14))


def test_a_review_without_a_rating_is_positive() -> None:
    assert split(four((5, "e", None)), positive_from=4) == SplitLine("u", "e", 14, (10, 11, 12, 13))


def test_negative_reviews_are_history_when_they_are_older() -> None:
    reviews = user((1, "a", 1), (2, "b", 1), (3, "c", 2), (4, "d", 1), (5, "e", 5))
    assert split(reviews, positive_from=4) == SplitLine("u", "e", 14, (10, 11, 12, 13))


def test_an_item_met_before_is_not_new() -> None:
    reviews = four((5, "e", 5), (6, "a", 5), (7, None, 5))
    assert split(reviews) == SplitLine("u", "e", 14, (10, 11, 12, 13))
    bad_before = four((5, "e", 5), (6, "f", 1), (7, "f", 5))
    assert split(bad_before, positive_from=4) == SplitLine("u", "e", 14, (10, 11, 12, 13))


def test_what_was_written_at_the_same_moment_is_not_history() -> None:
    reviews = four((5, "e", 5), (5, "f", 5), (5, "g", 1))
    assert split(reviews, positive_from=4) == SplitLine("u", "f", 15, (10, 11, 12, 13))


def test_an_item_reviewed_twice_at_one_moment_is_new_both_times() -> None:
    reviews = four((5, "e", 5), (5, "e", 5), (5, None, 5))
    assert split(reviews) == SplitLine("u", "e", 15, (10, 11, 12, 13))


def test_moments_are_compared_not_texts() -> None:
    reviews = [
        Review("u", WORDS, "a", None, "2024-01-01T00:30:00+02:00", "0"),
        Review("u", WORDS, "b", None, "2023-12-31T23:00:00Z", "1"),
        Review("u", WORDS, "c", None, "2023-12-31T22:30:00", "2"),
    ]
    line = split(UserReviews.of(reviews, [0, 1, 2]), min_reviews=1, min_chars=1)
    assert line == SplitLine("u", "b", 1, (0, 2))


def test_lines_stand_in_file_order() -> None:
    reviews = user((4, "a", 5), (3, "b", 5), (5, "e", 5), (2, "c", 5), (1, "d", 5))
    assert split(reviews) == SplitLine("u", "e", 12, (10, 11, 13, 14))


def test_undated_reviews_are_neither_history_nor_to_be_found() -> None:
    assert split(four((5, "e", 5), (None, "f", 5))) == SplitLine("u", "e", 14, (10, 11, 12, 13))
    assert split(user((None, "a", 5), (None, "b", 5))) == "no review with a timestamp"
    assert (
        split(user((1, None, 5), (2, None, 5), (None, "b", 5)))
        == "no review with a timestamp and an item_id"
    )


def test_eligible_from_so_many_reviews_and_characters_on() -> None:
    assert split(user((1, "a", 5), (2, "b", 5), (3, "c", 5), (4, "d", 5))) == (
        "fewer than 4 older reviews (--min-reviews)"
    )
    ends = four((5, "e", 5))
    assert isinstance(split(ends, min_chars=4 * len(WORDS)), SplitLine)
    assert (
        split(ends, min_chars=4 * len(WORDS) + 1)
        == "older reviews of less than 241 characters (--min-chars)"
    )
    assert split(ends, min_reviews=5) == "fewer than 5 older reviews (--min-reviews)"


def test_characters_are_code_points_of_the_raw_texts() -> None:
    rows = ((day, str(day), None) for day in range(1, 6))
    assert isinstance(split(user(*rows, text="🏕" * 50)), SplitLine)
    rows = ((day, str(day), None) for day in range(1, 6))
    assert isinstance(split(user(*rows, text="&amp;" * 10)), SplitLine)


def test_nothing_positive_and_new() -> None:
    assert split(four((5, "e", 1)), positive_from=6) == "no positive review on a new item"


def test_the_newest_n() -> None:
    reviews = four((5, "e", 5), (6, "f", 1), (7, "a", 5), (8, "g", 5))
    line = split(reviews, by="last", last=2, positive_from=4)
    assert line == SplitLine("u", "g", 17, (10, 11, 12, 13), (14, 17), ("e", "g"))
    assert split(reviews, by="last", last=8) == "fewer than 8 positive reviews on a new item"


def test_the_newest_n_are_n_items_and_a_tie_is_cut_as_a_whole() -> None:
    reviews = four((5, "e", 5), (6, "f", 5), (6, "f", 5), (6, "g", 5))
    line = split(reviews, by="last", last=2)
    assert line == SplitLine("u", "g", 17, (10, 11, 12, 13, 14), (16, 17), ("f", "g"))


def test_the_last_one_is_leave_last_out_with_lists() -> None:
    assert split(four((5, "e", 5)), by="last", last=1) == SplitLine(
        "u", "e", 14, (10, 11, 12, 13), (14,), ("e",)
    )


def test_a_cut_in_time() -> None:
    reviews = four((5, "e", 5), (6, "a", 5), (7, "f", 5), (8, "g", 2))
    cut = datetime(2024, 3, 5, tzinfo=UTC)
    line = split(reviews, by="time", at=cut, positive_from=4)
    assert line == SplitLine("u", "f", 16, (10, 11, 12, 13), (14, 16), ("e", "f"))
    late = datetime(2024, 3, 9, tzinfo=UTC)
    why = "no positive review on a new item from the cut on"
    assert split(reviews, by="time", at=late) == why
    early = datetime(2024, 3, 4, tzinfo=UTC)
    assert split(reviews, by="time", at=early) == "fewer than 4 older reviews (--min-reviews)"


def test_the_history_of_a_cut_ends_at_the_cut_not_at_the_first_review_after_it() -> None:
    reviews = four((6, "a", 5), (8, "e", 5))
    line = split(reviews, by="time", at=datetime(2024, 3, 5, tzinfo=UTC))
    assert isinstance(line, SplitLine)
    assert line.history_lines == (10, 11, 12, 13)


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ({"by": "time"}, "--at"),
        ({"at": datetime(2024, 1, 1, tzinfo=UTC)}, "--at"),
        ({"by": "last"}, "--by last:3"),
        ({"by": "leave-last-out", "last": 2}, "--by last:3"),
        ({"by": "last", "last": 0}, "from 1 is expected, came 0"),
    ],
)
def test_a_rule_has_what_it_needs_and_nothing_else(rule: dict[str, Any], what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        SplitRule(**rule)


def test_users_are_counted_by_reason() -> None:
    run = Splitting(SplitRule())
    lines = list(run.lines([four((5, "e", 5)), four(), user((None, "a", None))]))
    assert len(lines) == run.eligible == 1
    assert run.users == 3
    assert run.not_eligible == {
        "fewer than 4 older reviews (--min-reviews)": 1,
        "no review with a timestamp": 1,
    }


def test_nobody_eligible_is_an_error() -> None:
    with pytest.raises(
        InputError, match=r"nobody of 2 users .*2: fewer than 4 older reviews \(--min-reviews"
    ):
        list(Splitting(SplitRule()).lines([four(), four()]))


def test_ratings_without_a_threshold_are_noted(caplog: pytest.LogCaptureFixture) -> None:
    list(Splitting(SplitRule()).lines([four((5, "e", 1))]))
    assert "1 held-out reviews have a rating" in caplog.text
    caplog.clear()
    list(Splitting(SplitRule(positive_from=4)).lines([four((5, "e", 5))]))
    list(Splitting(SplitRule()).lines([four((5, "e", None))]))
    assert not caplog.text


def test_a_line_as_text() -> None:
    one = split(four((5, "é", 5)))
    assert isinstance(one, SplitLine)
    assert split_json(one) == (
        '{"user_id": "u", "target_item": "\\u00e9", "target_line": 14, '
        '"history_lines": [10, 11, 12, 13]}'
    )
    several = split(four((5, "e", 5)), by="last", last=1)
    assert isinstance(several, SplitLine)
    assert list(json.loads(split_json(several))) == [
        "user_id", "target_item", "target_line", "history_lines", "target_lines", "target_items",
    ]  # fmt: skip


ROWS = st.tuples(
    st.none() | st.integers(1, 6),
    st.none() | st.sampled_from("abcdef"),
    st.none() | st.sampled_from([1.0, 3.0, 5.0]),
)
RULES = st.one_of(
    st.just({"by": "leave-last-out"}),
    st.integers(1, 3).map(lambda n: {"by": "last", "last": n}),
    st.integers(1, 6).map(lambda d: {"by": "time", "at": datetime(2024, 3, d, tzinfo=UTC)}),
)


@settings(deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=12), RULES, st.none() | st.just(3.0))
def test_nothing_leaks_whatever_the_reviews(
    rows: list[tuple[int | None, str | None, float | None]],
    rule: dict[str, Any],
    positive_from: float | None,
) -> None:
    reviews = user(*rows)
    line = split(reviews, **rule, positive_from=positive_from, min_reviews=1, min_chars=1)
    if isinstance(line, str):
        return
    at = dict(zip(reviews.lines, reviews.reviews, strict=True))
    history = [at[n] for n in line.history_lines]
    targets = [at[n] for n in line.target_lines or (line.target_line,) if n is not None]
    assert line.target_line in (line.target_lines or (line.target_line,))
    assert list(line.history_lines) == sorted(line.history_lines)
    assert list(line.target_lines) == sorted(line.target_lines)
    for target in targets:
        assert target.when is not None
        assert target.item_id not in {review.item_id for review in history}
        assert all(review.when is not None and review.when < target.when for review in history)
        assert positive_from is None or target.rating is None or target.rating >= positive_from
    if line.target_lines:
        assert [at[n].item_id for n in line.target_lines] == list(line.target_items)
        assert len(set(line.target_items)) == len(line.target_items)
    cut = rule.get("at") or min(t.when for t in targets if t.when)
    older = {n for n, review in at.items() if review.when is not None and review.when < cut}
    assert set(line.history_lines) == older
