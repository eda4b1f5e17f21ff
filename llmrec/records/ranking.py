"""Ranked lists: which items, in what order, which interest brought each, and why it was chosen."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from llmrec.errors import InputError
from llmrec.records.html import recommendation_html
from llmrec.records.messages import first_problem
from llmrec.records.reviews import RECORD, Id
from llmrec.records.tables import read_lines


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class Because:
    """How much of an item's score one interest brought, or another part of the score.

    Attributes:
        interest: its name; None for another part.
        part: the part's name (``popularity``, ``item-mean-hub``…); None for an interest.
        share: of the score, in (0, 1].
    """

    interest: str | None = None
    part: str | None = None
    share: Annotated[float, Field(gt=0, le=1)]

    def __post_init__(self) -> None:
        if (self.interest is None) == (self.part is None):
            raise ValueError("expected an interest or a part, one of them")

    @property
    def name(self) -> str:
        """What brought this share: the interest, or the part."""
        return self.interest or self.part or ""


@dataclass(frozen=True, slots=True, config=RECORD)
class Quote:
    """Words of the person that an explanation rests on.

    Attributes:
        review_id: the review they are from.
        quote: its words, as the model saw them.
        start: first code point in the review's text; None where rendering changed the characters,
            so that no exact place exists.
        end: one past the last code point, or None.
    """

    review_id: Id
    quote: Annotated[str, Field(min_length=1)]
    start: Annotated[int, Field(ge=0)] | None = None
    end: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True, slots=True, config=RECORD)
class Explanation:
    """Why an item was chosen, said to the person.

    Attributes:
        text: in the profile's language.
        source: ``model`` where a chat model wrote it and every check passed, ``composed`` where
            it is put together from the profile and the item's entry.
        interests: names of the interests it rests on; empty where it rests on none.
        quotes: what the person wrote.
    """

    text: Annotated[str, Field(pattern=r"\S")]
    source: Literal["model", "composed"]
    interests: Annotated[tuple[str, ...], Field(strict=False)] = ()
    quotes: Annotated[tuple[Quote, ...], Field(strict=False)] = ()


@dataclass(frozen=True, slots=True, config=RECORD)
class ScoredItem:
    """One item of a ranked list.

    Attributes:
        item_id: which item.
        title: its title.
        rank: from 1.
        score: of the matching, higher is better; None where nothing was matched. A reranked list
            is not in its order.
        because: the likes and other parts that brought it, largest share first; at most three,
            each .05 or more.
        penalty: what dislikes took from the score, 0 or more; None where nothing was matched.
        explanation: why it was chosen, or None where nobody was asked.
    """

    item_id: Id
    title: str
    rank: Annotated[int, Field(ge=1)]
    score: Annotated[float, Field(allow_inf_nan=False)] | None = None
    because: Annotated[
        tuple[Because, ...], Field(strict=False, exclude_if=lambda because: not because)
    ] = ()
    penalty: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True, config=RECORD)
class Repairs:
    """What a reranker's replies had wrong, put right without guessing.

    Attributes:
        unknown: ids that were not in the list, dropped.
        repeated: ids that came again, dropped.
        missing: items that were left out, put at the end in the order that they came in.
    """

    unknown: Annotated[int, Field(ge=0)] = 0
    repeated: Annotated[int, Field(ge=0)] = 0
    missing: Annotated[int, Field(ge=0)] = 0

    def __add__(self, other: "Repairs") -> "Repairs":
        return Repairs(
            self.unknown + other.unknown,
            self.repeated + other.repeated,
            self.missing + other.missing,
        )


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class Recommendation:
    """A ranked list for one user or one typed sentence; iterate over it for the items.

    Attributes:
        user_id: for whom; None for a typed sentence.
        like: the typed sentence, or None.
        bank: which bank corrected for hubs: ``stored``, ``run`` or ``index``; None for plain
            cosine.
        reason: what is unusual about this list, or None.
        reranked: whether a chat model put it in order; None where none was asked.
        repairs: what was put right in the model's replies; None where none was used.
        recommendations: best first.
    """

    user_id: Id | None = None
    like: str | None = None
    bank: str | None = None
    reason: str | None = None
    reranked: bool | None = None
    repairs: Repairs | None = None
    recommendations: Annotated[tuple[ScoredItem, ...], Field(strict=False)]

    def __iter__(self) -> Iterator[ScoredItem]:
        return iter(self.recommendations)

    def __len__(self) -> int:
        return len(self.recommendations)

    def __getitem__(self, place: int) -> ScoredItem:
        return self.recommendations[place]

    def first(self, k: int) -> "Recommendation":
        """Return the list cut after k items."""
        return replace(self, recommendations=self.recommendations[:k])

    def to_json(self) -> str:
        """Return the list as one JSON line, without the keys that say nothing."""
        return _RECOMMENDATION.dump_json(self, exclude_none=True).decode("utf-8")

    @classmethod
    def from_json(cls, line: str | bytes) -> "Recommendation":
        """Read what ``to_json`` wrote.

        Raises:
            InputError: it is not such a line.
        """
        try:
            return _RECOMMENDATION.validate_json(line)
        except ValidationError as error:
            raise InputError(first_problem(error)) from None

    def _repr_html_(self) -> str:
        return recommendation_html(self)


_RECOMMENDATION = TypeAdapter(Recommendation)


def read_lists(path: str | Path) -> Iterator[Recommendation]:
    """Read the lists of users that a command printed as JSON (``-`` for stdin), line by line.

    Raises:
        InputError: a line is not a list, is for nobody, or a user has two.
    """
    seen: set[str] = set()
    for line, raw in read_lines(path):
        try:
            listed = Recommendation.from_json(raw)
        except InputError as error:
            raise InputError(error.what, path=path, line=line) from None
        if listed.user_id is None:
            raise InputError("expected the list of a user, came one without", path=path, line=line)
        if listed.user_id in seen:
            raise InputError(f"a second list of user {listed.user_id!r}", path=path, line=line)
        seen.add(listed.user_id)
        yield listed
