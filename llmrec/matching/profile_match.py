"""One person's interests against a catalogue: the best items, and which interest brought each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmrec.llm.embedder import Embedder, Rows
from llmrec.matching.bank_choice import ChosenBank
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.similarity import (
    COSINE_TEMPERATURE,
    HUB_TEMPERATURE,
    Float64,
    HubStatistics,
    cosines,
    dislike_penalty,
    shares,
    soft_maximum,
)
from llmrec.matching.top_k import top_k
from llmrec.records.profile import Interest
from llmrec.records.ranking import Because, ScoredItem

MatchingName = Literal["hub", "cosine"]

MAX_BECAUSE = 3
MIN_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Taste:
    """The interests of one person, embedded.

    Attributes:
        names: of the interests.
        weights: (n_interests,) float64 in (0, 1].
        is_like: (n_interests,) bool; the others are dislikes.
        queries: (n_interests, dim) float32, unit rows.
    """

    names: tuple[str, ...]
    weights: Float64
    is_like: NDArray[np.bool_]
    queries: Rows


async def embedded_taste(interests: Sequence[Interest], embedder: Embedder) -> Taste:
    """Embed the interests of a profile, in query role."""
    return Taste(
        names=tuple(interest.name for interest in interests),
        weights=np.array([interest.weight for interest in interests]),
        is_like=np.array([interest.polarity == "like" for interest in interests]),
        queries=await embedder.embed([interest.query for interest in interests], "query"),
    )


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
    similarities = cosines(taste.queries, rows)
    temperature = COSINE_TEMPERATURE
    if hub is not None:
        similarities = hub.standardise(similarities)
        temperature = HUB_TEMPERATURE
    likes, weights = similarities[taste.is_like], taste.weights[taste.is_like]
    liked, penalty = np.zeros(len(rows)), np.zeros(len(rows))
    if len(likes):
        liked = soft_maximum(likes, weights, temperature)
    if hub is not None and not taste.is_like.all():
        penalty = dislike_penalty(similarities[~taste.is_like], taste.weights[~taste.is_like])
    return TasteScores(likes, temperature, liked, penalty)


def match(
    taste: Taste,
    index: ContentIndex,
    bank: ChosenBank | None,
    k: int,
    left_out: Collection[str] = (),
) -> tuple[ScoredItem, ...]:
    """Return the k items that fit a taste best, as ``score_taste`` scores them.

    Args:
        taste: at least one interest.
        index: the catalogue.
        bank: corrects for hubs; None for plain cosine.
        k: how many items.
        left_out: ids of items not to be returned.
    """
    scored = score_taste(taste, index.rows, bank.hub if bank else None)
    scores, penalty = scored.scores, scored.penalty
    best = top_k(scores, k, index.positions(left_out))
    likes = scored.likes[:, best]
    portions = (
        shares(likes, taste.weights[taste.is_like], scored.temperature) if len(likes) else likes
    )
    names = [name for name, liked in zip(taste.names, taste.is_like, strict=True) if liked]
    return tuple(
        ScoredItem(
            item_id=index.items[place].item_id,
            title=index.items[place].title,
            rank=rank,
            score=float(scores[place]),
            because=_because(names, portions[:, rank - 1]),
            penalty=float(penalty[place]),
        )
        for rank, place in enumerate(best.tolist(), 1)
    )


def _because(names: list[str], portions: Float64) -> tuple[Because, ...]:
    order = np.argsort(-portions, kind="stable")[:MAX_BECAUSE].tolist()
    return tuple(
        Because(interest=names[j], share=min(float(portions[j]), 1.0))
        for j in order
        if portions[j] >= MIN_SHARE
    )
