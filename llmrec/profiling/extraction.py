"""One call a user: reviews in, a checked interest profile out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from llmrec.errors import NoHistory, ReplyInvalid
from llmrec.llm.chat import ChatModel, ChatRequest, checked_sampling
from llmrec.llm.metering import MeteredChatModel
from llmrec.llm.prompts import Prompt
from llmrec.llm.structured import Asker, json_schema_format, object_schema
from llmrec.profiling.evidence import find_quote
from llmrec.profiling.rendering import ShownReview, join_blocks, show_reviews
from llmrec.records.grouping import UserReviews
from llmrec.records.messages import first_problem
from llmrec.records.profile import Evidence, Interest, InterestProfile, Source

PROMPT_NAME = "extract_profile"
PLACEHOLDERS = ("reviews",)


_TEXT = {"type": "string"}
PROFILE_SCHEMA = object_schema(
    {
        "language": _TEXT,
        "summary": _TEXT,
        "interests": {
            "type": "array",
            "items": object_schema(
                {
                    "name": _TEXT,
                    "polarity": {"type": "string", "enum": ["like", "dislike"]},
                    "weight": {"type": "number"},
                    "description": _TEXT,
                    "evidence": {
                        "type": "array",
                        "items": object_schema({"review": _TEXT, "quote": _TEXT}),
                    },
                }
            ),
        },
    }
)
"""What a model is asked for: part of the request, and so of its id."""

_REPLIED = ConfigDict(strict=True, extra="forbid")


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=_REPLIED)
class _RepliedEvidence:
    review: str
    quote: str


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=_REPLIED)
class _RepliedInterest:
    name: Annotated[str, Field(pattern=r"\S")]
    polarity: Literal["like", "dislike"]
    weight: Annotated[float, Field(gt=0, le=1)]
    description: str
    evidence: Annotated[tuple[_RepliedEvidence, ...], Field(strict=False)]


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=_REPLIED)
class _RepliedProfile:
    language: str
    summary: str
    interests: Annotated[tuple[Any, ...], Field(strict=False)]


_INTEREST_FIELDS = ("name", "polarity", "weight", "description", "evidence")
_INTEREST = TypeAdapter(_RepliedInterest)
_PROFILE = TypeAdapter(_RepliedProfile)


@dataclass(frozen=True, slots=True)
class Extraction:
    """A profile, and how it came about.

    Attributes:
        profile: checked.
        dropped: number of interests left out, by reason.
    """

    profile: InterestProfile
    dropped: Counter[str]


class Extractor:
    """Makes profiles with one chat model, one prompt and one catalogue.

    Args:
        chat: answers the requests.
        model: the model's name in requests.
        prompt: with the placeholder ``$reviews``.
        titles: of the items, by id.
        rating_max: top of the rating scale.
        sampling: further fields of each request (``temperature``, ``seed``…).

    Attributes:
        meter: counts calls and tokens.
    """

    def __init__(
        self,
        chat: ChatModel,
        model: str,
        prompt: Prompt,
        titles: Mapping[str, str] | None = None,
        rating_max: float = 5,
        sampling: Mapping[str, Any] | None = None,
    ) -> None:
        self.meter = MeteredChatModel(chat)
        self._asker = Asker(self.meter)
        self._model = model
        self._prompt = prompt
        self._titles = titles or {}
        self._rating_max = rating_max
        self._sampling = checked_sampling(sampling)

    def n_untitled(self, user: UserReviews) -> int:
        """Count the reviews about an item that the titles lack; none where no titles are given."""
        if not self._titles:
            return 0
        return sum(
            review.item_id is not None and review.item_id not in self._titles
            for review in user.reviews
        )

    async def extract(self, user: UserReviews, split: str | None = None) -> Extraction:
        """Make the profile of one user.

        What is wrong in one interest drops that interest, never the user.

        Args:
            user: the reviews that the profile may see.
            split: digest of the split's line that allows these reviews, if there is a split.

        Raises:
            NoHistory: there is no review.
            ChatError: no usable answer came.
            ReplyInvalid: the answer is not a profile.
            RecordingMissing: only recorded answers are allowed, and there is none.
        """
        if not user.reviews:
            raise NoHistory("a profile needs a review, and this user's history has none")
        shown = show_reviews(user.reviews, self._titles, self._rating_max)
        request = ChatRequest(
            model=self._model,
            messages=self._prompt.messages(reviews=join_blocks(shown)),
            response_format=json_schema_format("interest_profile", PROFILE_SCHEMA),
            sampling=self._sampling,
            label=f"{PROMPT_NAME}/{user.user_id}",
        )
        answer = await self._asker.ask(request, parse_reply)
        replied = answer.value
        interests, dropped = _checked(replied.interests, shown)
        profile = InterestProfile(
            user_id=user.user_id,
            language=replied.language,
            summary=replied.summary,
            interests=interests,
            sources=_sources(user, shown),
            split=split,
            model=self._model,
            prompt=self._prompt.digest,
            request=answer.custom_id,
        )
        return Extraction(profile, dropped)


def parse_reply(text: str) -> _RepliedProfile:
    """Return the profile in a reply, its interests unchecked.

    Raises:
        ReplyInvalid: it is not one.
    """
    try:
        return _PROFILE.validate_json(text)
    except ValidationError as error:
        raise ReplyInvalid(f"not a profile: {first_problem(error)}", text) from None


def _checked(
    replied: Sequence[Any], shown: Sequence[ShownReview]
) -> tuple[tuple[Interest, ...], Counter[str]]:
    """Return the interests in which nothing is wrong, and the number of others by reason."""
    by_label = {review.label: review for review in shown}
    interests: list[Interest] = []
    dropped: Counter[str] = Counter()
    for raw in replied:
        checked = _interest(raw, by_label)
        if isinstance(checked, Interest):
            interests.append(checked)
        else:
            dropped[checked] += 1
    return tuple(interests), dropped


def _interest(raw: object, by_label: Mapping[str, ShownReview]) -> Interest | str:
    """Return an interest with its evidence found, or why it is dropped."""
    try:
        replied = _INTEREST.validate_json(to_json(raw))
    except ValidationError as error:
        wrong = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
        named = next((name for name in _INTEREST_FIELDS if name in wrong), "an unknown key")
        return f"{named} not as asked" if wrong else "not an interest"
    if not replied.evidence:
        return "no quote"
    evidence: list[Evidence] = []
    for given in replied.evidence:
        shown = by_label.get(given.review)
        if shown is None:
            return "quote of no review"
        found = find_quote(given.quote, shown)
        if found is None:
            return "quote not found"
        evidence.append(found)
    return Interest(
        replied.name, replied.polarity, replied.weight, replied.description, tuple(evidence)
    )


def _sources(user: UserReviews, shown: Sequence[ShownReview]) -> tuple[Source, ...]:
    labels = {review.review.review_id: review.label for review in shown}
    return tuple(
        Source(
            review.review_id,
            review.item_id,
            review.date,
            review.digest,
            labels.get(review.review_id),
        )
        for review in user.reviews
    )
