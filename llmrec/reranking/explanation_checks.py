"""What a chat model says of an item, checked before anybody sees it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from llmrec.errors import ReplyInvalid
from llmrec.profiling.rendering import clean
from llmrec.records.messages import first_problem
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Explanation, Quote
from llmrec.records.reviews import Item
from llmrec.records.writing import has_controls, is_short, main_script
from llmrec.reranking.grounding import KnownWords
from llmrec.reranking.quoting import part_of

MAX_WORDS = 45

_REPLIED = ConfigDict(strict=True, extra="forbid")


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=_REPLIED)
class _RepliedQuote:
    review: str
    quote: Annotated[str, Field(pattern=r"\S")]


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=_REPLIED)
class _Replied:
    item: str
    text: Annotated[str, Field(pattern=r"\S")]
    interests: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    quotes: Annotated[tuple[_RepliedQuote, ...], Field(strict=False, min_length=1, max_length=2)]


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=_REPLIED)
class _RepliedAll:
    explanations: Annotated[tuple[Any, ...], Field(strict=False)]


_ONE = TypeAdapter(_Replied)
_ALL = TypeAdapter(_RepliedAll)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an explanation is not used.

    Attributes:
        reason: one of few, to be counted.
        detail: what was wrong, for whoever is to do better; may be empty.
    """

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


@dataclass(slots=True)
class Checked:
    """What became of each item's explanation.

    Attributes:
        explanations: those in which nothing is wrong, by label.
        refusals: why there is no other, by label.
    """

    explanations: dict[str, Explanation] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)


def parse_explanations(text: str) -> tuple[Any, ...]:
    """Return what a reply has to say, each explanation still to be checked.

    Raises:
        ReplyInvalid: it is not an object with a list of explanations.
    """
    try:
        return _ALL.validate_json(text).explanations
    except ValidationError as error:
        raise ReplyInvalid(f"not explanations: {first_problem(error)}", text) from None


class Checker:
    """Checks the explanations of one person's list.

    Args:
        profile: as it was shown to the model.
        items: by the label that they were shown under.
        labels: ``R1``… by review id.
    """

    def __init__(
        self, profile: InterestProfile, items: Mapping[str, Item], labels: Mapping[str, str]
    ) -> None:
        self._profile = profile
        self._items = items
        self._labels = labels
        self._evidence = [e for interest in profile.interests for e in interest.evidence]
        self._ids = (profile.user_id, *labels)
        self._script = main_script(" ".join(i.query for i in profile.interests))

    def check(self, replied: Iterable[object], asked: Sequence[str]) -> Checked:
        """Keep what can be used; of two explanations of one item the first that can.

        What is said of items that were not asked about is left out.

        Args:
            replied: explanations as they came.
            asked: labels of the items asked about.
        """
        checked = Checked(refusals={label: Refusal("no explanation") for label in asked})
        for raw in replied:
            label = raw.get("item") if isinstance(raw, dict) else None
            if not isinstance(label, str) or label not in checked.refusals:
                continue
            found = self._one(raw)
            if isinstance(found, Explanation):
                del checked.refusals[label]
                checked.explanations[label] = found
            else:
                checked.refusals[label] = found
        return checked

    def _one(self, raw: object) -> Explanation | Refusal:
        try:
            replied = _ONE.validate_json(to_json(raw))
        except ValidationError as error:
            return Refusal("not as asked", first_problem(error))
        interests = self._interests(replied.interests)
        if isinstance(interests, Refusal):
            return interests
        quotes = [self._quote(given) for given in replied.quotes]
        for quote in quotes:
            if isinstance(quote, Refusal):
                return quote
        text = " ".join(replied.text.split())
        wrong = self._wrong_writing(text) or self._ungrounded(text, self._items[replied.item])
        if wrong is not None:
            return wrong
        found = tuple(quote for quote in quotes if isinstance(quote, Quote))
        return Explanation(text, "model", interests, found)

    def _interests(self, labels: Iterable[str]) -> tuple[str, ...] | Refusal:
        by_label = {f"P{n}": interest for n, interest in enumerate(self._profile.interests, 1)}
        unknown = [label for label in labels if label not in by_label]
        if unknown:
            return Refusal("no such interest", unknown[0])
        return tuple(dict.fromkeys(by_label[label].name for label in labels))

    def _quote(self, given: _RepliedQuote) -> Quote | Refusal:
        of_review = (e for e in self._evidence if self._labels[e.review_id] == given.review)
        parts = (part_of(evidence, given.quote) for evidence in of_review)
        found = next((part for part in parts if part is not None), None)
        return found or Refusal("quote not found", f"{given.review} has no {given.quote!r}")

    def _wrong_writing(self, text: str) -> Refusal | None:
        if has_controls(text):
            return Refusal("control characters")
        if not is_short(text, MAX_WORDS):
            return Refusal("too long", f"at most {MAX_WORDS} words")
        if self._script is not None and main_script(text) != self._script:
            return Refusal("another language", f"expected {self._profile.language}")
        return None

    def _ungrounded(self, text: str, item: Item) -> Refusal | None:
        said = [evidence.quote for evidence in self._evidence if evidence.field == "text"]
        entry = clean("\n".join((item.title, *item.categories, item.description)))
        known = KnownWords(entry, said)
        unknown = known.unknown(text, self._profile.language, (item.item_id, *self._ids))
        return None if unknown is None else Refusal("not in the sources", unknown)
