"""Splits: per user which reviews are history, and which are held out."""

from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import pydantic
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from llmrec.digests import digest
from llmrec.errors import InputError
from llmrec.records.grouping import UserReviews
from llmrec.records.messages import first_problem
from llmrec.records.reviews import RECORD, Id
from llmrec.records.tables import read_lines

Line = Annotated[int, Field(ge=0)]


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=RECORD)
class SplitLine:
    """Which reviews of one user are history, and what is held out.

    Attributes:
        user_id: whose.
        target_item: the held-out item.
        target_line: the line of its review.
        history_lines: the lines of the reviews that a profile may see.
        target_lines, target_items: for splits that hold out several.
    """

    user_id: Id
    target_item: Id | None = None
    target_line: Line | None = None
    history_lines: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    target_lines: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    target_items: Annotated[tuple[Id, ...], Field(strict=False)] = ()

    @property
    def targets(self) -> frozenset[int]:
        """The lines of all reviews that are to be found."""
        one = () if self.target_line is None else (self.target_line,)
        return frozenset((*one, *self.target_lines))


@dataclass(frozen=True, slots=True)
class Split:
    """A file of split lines.

    Attributes:
        path: where it was read.
        lines: by user, in the order of the file.
        digests: of each user's line.
    """

    path: str
    lines: dict[str, SplitLine]
    digests: dict[str, str]
    places: dict[str, int]

    def of(self, user_id: str) -> "Split":
        """Return the split of one user alone.

        Raises:
            InputError: the user has no line.
        """
        if user_id not in self.lines:
            raise self._no_line(user_id)
        return replace(self, lines={user_id: self.lines[user_id]})

    def history(self, user: UserReviews) -> UserReviews:
        """Return the reviews of a user that are history.

        Raises:
            InputError: the line names a review of another user, a target review that is not about
                the target item, or a target as history.
        """
        line = self.lines.get(user.user_id)
        if line is None:
            raise self._no_line(user.user_id)
        at = dict(zip(user.lines, user.reviews, strict=True))
        self._check(line, at)
        if line.target_line is not None and at[line.target_line].item_id != line.target_item:
            raise self._wrong(
                line,
                f"line {line.target_line} of the reviews is about "
                f"{at[line.target_line].item_id!r}, not about target_item {line.target_item!r}",
            )
        wanted = set(line.history_lines)
        both = wanted & line.targets
        if both:
            raise InputError(
                f"user {line.user_id!r}: line {min(both)} is both history and held out, one of "
                "them is expected",
                path=self.path,
                line=self.places[line.user_id],
            )
        kept = [n for n, place in enumerate(user.lines) if place in wanted]
        return UserReviews(
            user_id=user.user_id,
            reviews=tuple(user.reviews[n] for n in kept),
            lines=tuple(user.lines[n] for n in kept),
        )

    def require(self, found: set[str]) -> None:
        """Check that every user of the split has reviews.

        Raises:
            InputError: a user has none: the split belongs to another file.
        """
        for user_id, line in self.lines.items():
            if user_id not in found:
                raise self._wrong(line, "the reviews have none of this user")

    def _check(self, line: SplitLine, own: Container[int]) -> None:
        for place in (*line.history_lines, *sorted(line.targets)):
            if place not in own:
                raise self._wrong(line, f"line {place} of the reviews is not a review of this user")

    def _no_line(self, user_id: str) -> InputError:
        return InputError(f"no line for user {user_id!r}", path=self.path)

    def _wrong(self, line: SplitLine, what: str) -> InputError:
        return InputError(
            f"user {line.user_id!r}: {what}; was the split made for this file?",
            path=self.path,
            line=self.places[line.user_id],
        )


def read_split(path: str | Path) -> Split:
    """Read a split: JSON Lines, one user a line.

    Raises:
        InputError: a line is not of this format, or a user stands in two lines.
    """
    split = Split(str(path), {}, {}, {})
    for place, raw in read_lines(path):
        try:
            line = _SPLIT_LINE.validate_json(raw, extra="ignore")
        except ValidationError as error:
            raise InputError(first_problem(error), path=path, line=place) from None
        if line.user_id in split.lines:
            raise InputError(f"a second line for user {line.user_id!r}", path=path, line=place)
        split.lines[line.user_id] = line
        split.digests[line.user_id] = digest(from_json(raw))
        split.places[line.user_id] = place
    return split


_SPLIT_LINE = TypeAdapter(SplitLine)
