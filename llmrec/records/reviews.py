"""Reviews and items: what a person wrote, and what it may be about."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
)
from pydantic.dataclasses import dataclass

from llmrec.digests import digest
from llmrec.records.timestamps import checked_timestamp, moment_of

RECORD: Final = ConfigDict(strict=True, extra="forbid")
"""Configuration of every record: no guessing of types, no unknown fields."""


def _own_or_line(review_id: object, info: ValidationInfo) -> object:
    """Name a review that has no id of its own after its line, which only a reader knows."""
    if review_id not in ("", None):
        return review_id
    if info.context is None:
        raise ValueError("a review needs an id: give review_id=, only a reader knows its line")
    return f"L{info.context['line']}"


Id = Annotated[str, Field(min_length=1, strict=False, coerce_numbers_to_str=True)]
"""Not empty; the whole numbers that many data sets use are taken as text."""

Timestamp = Annotated[
    str, Field(strict=False, coerce_numbers_to_str=True), AfterValidator(checked_timestamp)
]
"""Names a moment; the whole numbers of Unix time are taken as text."""

VisibleText = Annotated[str, Field(pattern=r"\S")]

AnyText = Annotated[str, Field(min_length=0)]
"""May be empty, but holds no half characters: without any bound pydantic does not look."""


@dataclass(frozen=True, slots=True, config=RECORD)
class Review:
    """A text by one user, mostly about one item; a post is a review too.

    Attributes:
        user_id: who wrote it.
        text: what was written, never altered, with at least one visible character.
        item_id: what it is about; None for a post that is about no item.
        rating: finite, 0 or more; its scale is a property of the data set.
        timestamp: ISO 8601 or Unix time (``moment_of``), as written.
        review_id: its own id, else, where it was read, ``L`` and its line number (from 0); made in
            Python it must have one.

    Raises:
        pydantic.ValidationError: a value is missing or wrong; like every record's it is a
            ``ValueError``, where readers raise an InputError with path and line.
    """

    user_id: Id
    text: VisibleText
    item_id: Id | None = None
    rating: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    timestamp: Timestamp | None = None
    review_id: Annotated[
        str,
        Field(strict=False, coerce_numbers_to_str=True),
        BeforeValidator(_own_or_line),
        Field(validate_default=True),
    ] = ""

    @property
    def digest(self) -> str:
        """24 hex digits that identify what was written, whatever id the review has."""
        rating = None if self.rating is None else float(self.rating)
        return digest([self.user_id, self.item_id, self.timestamp, rating, self.text])

    @property
    def when(self) -> datetime | None:
        """The moment (a time without a zone is taken as UTC), or None."""
        if self.timestamp is None:
            return None
        moment = moment_of(self.timestamp)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

    @property
    def date(self) -> str | None:
        """The day as written (of Unix time in UTC), YYYY-MM-DD, or None."""
        return None if self.timestamp is None else moment_of(self.timestamp).date().isoformat()


@dataclass(frozen=True, slots=True, config=RECORD)
class Item:
    """What can be recommended.

    Attributes:
        item_id: unique in its catalogue.
        title: with at least one visible character.
        description: may be empty.
        categories: from general to particular, may be empty.

    Raises:
        pydantic.ValidationError: a value is missing or wrong.
    """

    item_id: Id
    title: VisibleText
    description: Annotated[AnyText, BeforeValidator(lambda text: "" if text is None else text)] = ""
    categories: Annotated[
        tuple[AnyText, ...],
        BeforeValidator(lambda names: () if names is None else names),
        Field(strict=False),
    ] = ()


_ITEM = TypeAdapter(Item)


def item_json(item: Item) -> str:
    """Return an item as one line of a catalogue, without the line end."""
    return _ITEM.dump_json(item).decode("utf-8")


def item_from_json(line: bytes) -> Item:
    """Read an item from one line of a catalogue.

    Raises:
        ValidationError: it is not an item.
    """
    return _ITEM.validate_json(line)
