"""One person's interests against a catalogue: the score of every item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmrec.llm.embedder import Embedder, Rows
from llmrec.matching.similarity import (
    COSINE_TEMPERATURE,
    HUB_TEMPERATURE,
    Float64,
    HubStatistics,
    cosines,
    dislike_penalty,
    soft_maximum,
)
from llmrec.records.profile import Interest
from llmrec.records.writing import language

MatchingName = Literal["hub", "hub-by-language", "cosine"]


@dataclass(frozen=True, slots=True)
class Taste:
    """The interests of one person, embedded.

    Attributes:
        names: of the interests.
        weights: (n_interests,) float64 in (0, 1].
        is_like: (n_interests,) bool; the others are dislikes.
        queries: (n_interests, dim) float32, unit rows.
        languages: of the interests' texts, where a correction may ask for them.
    """

    names: tuple[str, ...]
    weights: Float64
    is_like: NDArray[np.bool_]
    queries: Rows
    languages: tuple[str, ...] = ()

    @property
    def dislikes(self) -> "Taste":
        """The taste without its likes."""
        kept = np.flatnonzero(~self.is_like).tolist()
        return Taste(
            names=tuple(self.names[place] for place in kept),
            weights=self.weights[kept],
            is_like=self.is_like[kept],
            queries=self.queries[kept],
            languages=tuple(self.languages[place] for place in kept) if self.languages else (),
        )


async def embedded_tastes(people: Sequence[Sequence[Interest]], embedder: Embedder) -> list[Taste]:
    """Embed the interests of some people's profiles, in query role, all in one call."""
    if not people:
        return []
    queries = await embedder.embed(
        [interest.query for interests in people for interest in interests], "query"
    )
    ends = np.cumsum([len(interests) for interests in people])
    return [
        Taste(
            names=tuple(interest.name for interest in interests),
            weights=np.array([interest.weight for interest in interests], np.float64),
            is_like=np.array([one.polarity == "like" for one in interests], np.bool_),
            queries=queries[end - len(interests) : end],
            languages=tuple(language(interest.query) for interest in interests),
        )
        for interests, end in zip(people, ends.tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class TasteScores:
    """What a taste makes of every item of a catalogue.

    Attributes:
        likes: (n_likes, n_items) float64, similarity of each like.
        temperature: of their soft maximum.
        liked: (n_items,) float64, soft maximum of the likes; 0 without likes.
        penalty: (n_items,) float64, 0 or more, what dislikes take from it.
    """

    likes: Float64
    temperature: float
    liked: Float64
    penalty: Float64

    @property
    def scores(self) -> Float64:
        """(n_items,) float64, higher is better."""
        return self.liked - self.penalty


def score_taste(taste: Taste, rows: Rows, hub: HubStatistics | None) -> TasteScores:
    """Score every item for a taste.

    With hub statistics: soft maximum of the standardised cosines of the likes, minus the penalty
    of the dislikes; a taste without likes scores 0 minus penalty. Without: soft maximum of the
    plain cosines of the likes, dislikes ignored.

    Args:
        taste: of one person.
        rows: (n_items, dim) float32, unit rows.
        hub: corrects for hubs; None for plain cosine.
    """
    return score_similarities(taste, cosines(taste.queries, rows), hub)


def score_similarities(taste: Taste, cosines: Float64, hub: HubStatistics | None) -> TasteScores:
    """Score some items whose cosines are known, as ``score_taste`` does.

    Args:
        taste: of one person.
        cosines: (n_interests, n_items) float64.
        hub: statistics of these items; None for plain cosine.
    """
    similarities = cosines
    temperature = COSINE_TEMPERATURE
    if hub is not None:
        similarities = hub.standardise(similarities, taste.languages)
        temperature = HUB_TEMPERATURE
    likes, weights = similarities[taste.is_like], taste.weights[taste.is_like]
    liked, penalty = np.zeros(cosines.shape[1]), np.zeros(cosines.shape[1])
    if len(likes):
        liked = soft_maximum(likes, weights, temperature)
    if hub is not None and not taste.is_like.all():
        penalty = dislike_penalty(similarities[~taste.is_like], taste.weights[~taste.is_like])
    return TasteScores(likes, temperature, liked, penalty)
