"""Splitting: per user, which reviews a profile may see and which are held out to be found."""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Literal

from llmrec.errors import InputError, SettingsError
from llmrec.records.grouping import UserReviews
from llmrec.records.reviews import Review
from llmrec.records.splits import SplitLine

log = logging.getLogger(__name__)

SplitKind = Literal["leave-last-out", "last", "time"]

MIN_REVIEWS = 4
MIN_CHARS = 200


@dataclass(frozen=True, slots=True)
class SplitRule:
    """What is held out of each user's reviews, and who is eligible.

    Held out to be found are *first meetings*: positive reviews on an item that none of the user's
    strictly older reviews is about. The history is what is strictly older than all of them, so a
    tie in time never leaks.

    Attributes:
        by: ``leave-last-out`` holds out the newest first meeting, ``last`` the newest ``last`` of
            them, ``time`` all from ``at`` on.
        last: with ``last``: how many, at least 1.
        at: with ``time``: the moment, with a zone.
        positive_from: a review is positive that has this rating or more, or none; None counts
            every review as positive.
        min_reviews: the history has at least so many reviews.
        min_chars: their raw texts have together at least so many code points.

    Raises:
        SettingsError: ``last`` or ``at`` is missing, or there is one that ``by`` does not take.
    """

    by: SplitKind = "leave-last-out"
    last: int | None = None
    at: datetime | None = None
    positive_from: float | None = None
    min_reviews: int = MIN_REVIEWS
    min_chars: int = MIN_CHARS

    def __post_init__(self) -> None:
        if (self.by == "time") != (self.at is not None):
            raise SettingsError(
                "a split by time, and no other, takes the moment from which on reviews are held "
                "out (--at 2020-01-31)"
            )
        if (self.by == "last") != (self.last is not None):
            raise SettingsError("a split by last, and no other, takes a number (--by last:3)")
        if self.last is not None and self.last < 1:
            raise SettingsError(f"--by last: a number from 1 is expected, came {self.last}")


@dataclass(frozen=True, slots=True)
class _Dated:
    when: datetime
    line: int
    review: Review


@dataclass(slots=True)
class Splitting:
    """Splits the reviews of many users, and counts.

    Attributes:
        rule: what is held out.
        users: number of users so far.
        eligible: of them, those who have a line.
        not_eligible: number of the others, by reason.
        rated: number of held-out reviews that have a rating.
    """

    rule: SplitRule
    users: int = 0
    eligible: int = 0
    not_eligible: Counter[str] = field(default_factory=Counter)
    rated: int = 0

    def lines(self, users: Iterable[UserReviews]) -> Iterator[SplitLine]:
        """Yield the line of each eligible user.

        Args:
            users: as ``read_users`` yields them, with the lines of their reviews.

        Raises:
            InputError: at the end, if nobody is eligible.
        """
        for user in users:
            self.users += 1
            made = self._split(user)
            if isinstance(made, SplitLine):
                self.eligible += 1
                yield made
            else:
                self.not_eligible[made] += 1
        if not self.eligible:
            reasons = "; ".join(f"{n}: {why}" for why, n in sorted(self.not_eligible.items()))
            raise InputError(f"nobody of {self.users} users is eligible ({reasons})")
        if self.rated and self.rule.positive_from is None:
            log.warning(
                "%d held-out reviews have a rating, and a bad one counts as well: "
                "say from which rating on a review is positive (--positive-from)",
                self.rated,
            )

    def _split(self, user: UserReviews) -> SplitLine | str:
        """Return the line of one user, or why there is none."""
        dated = [
            _Dated(when, line, review)
            for line, review in zip(user.lines, user.reviews, strict=True)
            if (when := review.when) is not None
        ]
        if not dated:
            return "no review with a timestamp"
        if all(one.review.item_id is None for one in dated):
            return "no review with a timestamp and an item_id"
        targets = _targets(dated, self.rule)
        if isinstance(targets, str):
            return targets
        cut = self.rule.at or targets[-1].when
        history = [one for one in dated if one.when < cut]
        if len(history) < self.rule.min_reviews:
            return f"fewer than {self.rule.min_reviews} older reviews (--min-reviews)"
        if sum(len(one.review.text) for one in history) < self.rule.min_chars:
            return f"older reviews of less than {self.rule.min_chars} characters (--min-chars)"
        self.rated += sum(one.review.rating is not None for one in targets)
        return _line(user.user_id, targets, history, one_target=self.rule.by == "leave-last-out")


def split_json(line: SplitLine) -> str:
    """Return a line of a split as text, without the line end."""
    keys = ["user_id", "target_item", "target_line", "history_lines"]
    if line.target_lines:
        keys += ["target_lines", "target_items"]
    return json.dumps({key: getattr(line, key) for key in keys})


def _targets(dated: Sequence[_Dated], rule: SplitRule) -> list[_Dated] | str:
    """Return what is held out to be found, newest first, or why there is nothing."""
    wanted = {"leave-last-out": 1, "last": rule.last, "time": None}[rule.by]
    found: dict[str | None, _Dated] = {}
    for one in reversed(_first_meetings(dated, rule.positive_from)):
        if len(found) == wanted or (rule.at is not None and one.when < rule.at):
            break
        found.setdefault(one.review.item_id, one)
    if wanted is not None and len(found) < wanted:
        many = "no positive review" if wanted == 1 else f"fewer than {wanted} positive reviews"
        return f"{many} on a new item"
    return list(found.values()) or "no positive review on a new item from the cut on"


def _first_meetings(dated: Sequence[_Dated], positive_from: float | None) -> list[_Dated]:
    """Return the positive reviews on an item that no strictly older review is about."""
    found: list[_Dated] = []
    met: set[str | None] = {None}  # a post about no item cannot be found in a catalogue
    for _, tied in groupby(dated, key=lambda one: one.when):
        same_moment = list(tied)
        found += [
            one
            for one in same_moment
            if one.review.item_id not in met and _is_positive(one.review, positive_from)
        ]
        met.update(one.review.item_id for one in same_moment)
    return found


def _is_positive(review: Review, positive_from: float | None) -> bool:
    return positive_from is None or review.rating is None or review.rating >= positive_from


def _line(
    user_id: str, targets: Sequence[_Dated], history: Sequence[_Dated], *, one_target: bool
) -> SplitLine:
    in_file_order = () if one_target else sorted(targets, key=lambda one: one.line)
    newest = targets[0]
    return SplitLine(
        user_id=user_id,
        target_item=newest.review.item_id,
        target_line=newest.line,
        history_lines=tuple(sorted(one.line for one in history)),
        target_lines=tuple(one.line for one in in_file_order),
        target_items=tuple(item for one in in_file_order if (item := one.review.item_id)),
    )
