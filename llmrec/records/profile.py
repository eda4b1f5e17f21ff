"""Interest profiles: what a person likes and dislikes, each resting on the person's own words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from llmrec.errors import InputError
from llmrec.records.html import profile_html
from llmrec.records.messages import first_problem
from llmrec.records.reviews import RECORD, Id
from llmrec.records.tables import read_lines

FORMAT = 1
"""Version of the files this package writes; a higher one is refused."""


def known_format(version: int, newest: int = FORMAT) -> int:
    """Refuse a file that a later version wrote."""
    if version > newest:
        raise ValueError(
            f"format {version} was written by a later version: this one reads up to {newest}, "
            "upgrade llmrec"
        )
    return version


Format = Annotated[int, Field(ge=1), AfterValidator(known_format)]


@dataclass(frozen=True, slots=True, config=RECORD)
class Evidence:
    """A verbatim quote that an interest rests on.

    Attributes:
        review_id: the review it is from.
        field: ``text`` of the review, or ``title`` of the item it is about.
        quote: characters as the model saw them (white space folded, markup removed).
        start: first code point in the original field; None where rendering changed the
            characters, so that no exact place exists.
        end: one past the last code point, or None.
    """

    review_id: Id
    field: Literal["text", "title"]
    quote: Annotated[str, Field(min_length=1)]
    start: Annotated[int, Field(ge=0)] | None = None
    end: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True, slots=True, config=RECORD)
class Interest:
    """One thing that a person wants more of, or wants to avoid.

    Attributes:
        name: a few words.
        polarity: ``like`` or ``dislike``.
        weight: strength in (0, 1]; the sign is in ``polarity``.
        description: a sentence that could stand in the entry of an item it points to.
        evidence: one or more quotes.
    """

    name: str
    polarity: Literal["like", "dislike"]
    weight: Annotated[float, Field(gt=0, le=1)]
    description: str
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1, strict=False)]

    @property
    def query(self) -> str:
        """The text that is embedded for this interest, in query role."""
        return f"{self.name}. {self.description}"


@dataclass(frozen=True, slots=True, config=RECORD)
class Source:
    """A review that a profile was made from.

    Attributes:
        review_id: its id at that time.
        item_id: what it is about, or None.
        date: YYYY-MM-DD, or None.
        digest: identity of the review (see ``Review.digest``).
        shown: its label in the request (``R3``), or None where the token budget left it out.
    """

    review_id: Id
    item_id: Id | None
    date: str | None
    digest: str
    shown: str | None


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class InterestProfile:
    """What one person is interested in.

    Attributes:
        format: version of the file format.
        user_id: whose profile.
        language: BCP 47 tag of the language that names and descriptions are in.
        summary: a sentence or two.
        interests: in the order of the model's reply, strongest first.
        sources: every review given, oldest first; empty for profiles made elsewhere.
        split: digest of the split's line it was made under, or None.
        model: the chat model's name.
        prompt: digest of the prompt files.
        request: ``custom_id`` of the call that made it.
    """

    format: Format = FORMAT
    user_id: Id
    language: str
    summary: str
    interests: Annotated[tuple[Interest, ...], Field(strict=False)]
    sources: Annotated[tuple[Source, ...], Field(strict=False)] = ()
    split: str | None = None
    model: str | None = None
    prompt: str | None = None
    request: str | None = None

    @property
    def likes(self) -> tuple[Interest, ...]:
        """The interests with polarity ``like``."""
        return tuple(interest for interest in self.interests if interest.polarity == "like")

    @property
    def dislikes(self) -> tuple[Interest, ...]:
        """The interests with polarity ``dislike``."""
        return tuple(interest for interest in self.interests if interest.polarity == "dislike")

    @property
    def reviewed(self) -> tuple[str, ...]:
        """Ids of the items that its sources are about, each where it came first."""
        items = (source.item_id for source in self.sources if source.item_id is not None)
        return tuple(dict.fromkeys(items))

    def to_json(self) -> str:
        """Return the profile as one line of a PROFILES file, without the line end."""
        return _PROFILE.dump_json(self).decode("utf-8")

    @classmethod
    def from_json(cls, line: str | bytes) -> "InterestProfile":
        """Read one line of a PROFILES file.

        Raises:
            InputError: it is not a profile, or a later version wrote it.
        """
        try:
            return _PROFILE.validate_json(line)
        except ValidationError as error:
            raise InputError(first_problem(error)) from None

    def _repr_html_(self) -> str:
        return profile_html(self)


_PROFILE = TypeAdapter(InterestProfile)


def read_profiles(path: str | Path) -> Iterator[InterestProfile]:
    """Read a PROFILES file (JSONL, also gzipped, ``-`` for stdin) line by line.

    Raises:
        InputError: a line is not a profile, or a user stands in two lines.
    """
    seen: set[str] = set()
    for line, raw in read_lines(path):
        try:
            profile = InterestProfile.from_json(raw)
        except InputError as error:
            raise InputError(error.what, path=path, line=line) from None
        if profile.user_id in seen:
            raise InputError(f"a second profile of user {profile.user_id!r}", path=path, line=line)
        seen.add(profile.user_id)
        yield profile
