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


def match(
    taste: Taste,
    index: ContentIndex,
    bank: ChosenBank | None,
    k: int,
    left_out: Collection[str] = (),
) -> tuple[ScoredItem, ...]:
    """Return the k items that fit a taste best.

    With a bank: soft maximum of the standardised cosines of the likes, minus the
    penalty of the dislikes; a taste without likes scores 0 minus penalty. Without: soft maximum
    of the plain cosines of the likes, dislikes ignored.

    Args:
        taste: at least one interest.
        index: the catalogue.
        bank: corrects for hubs; None for plain cosine.
        k: how many items.
        left_out: ids of items not to be returned.
    """
    similarities = cosines(taste.queries, index.rows)
    temperature = COSINE_TEMPERATURE
    if bank is not None:
        similarities = bank.hub.standardise(similarities)
        temperature = HUB_TEMPERATURE
    likes, weights = similarities[taste.is_like], taste.weights[taste.is_like]
    scores = np.zeros(len(index))
    penalty = np.zeros(len(index))
    if len(likes):
        scores = soft_maximum(likes, weights, temperature)
    if bank is not None and not taste.is_like.all():
        penalty = dislike_penalty(similarities[~taste.is_like], taste.weights[~taste.is_like])
    best = top_k(scores - penalty, k, index.positions(left_out))
    portions = shares(likes[:, best], weights, temperature) if len(likes) else likes[:, best]
    names = [name for name, liked in zip(taste.names, taste.is_like, strict=True) if liked]
    return tuple(
        ScoredItem(
            item_id=index.items[place].item_id,
            title=index.items[place].title,
            rank=rank,
            score=float(scores[place] - penalty[place]),
            because=_because(names, portions[:, rank - 1]),
            penalty=float(penalty[place]),
        )
        for rank, place in enumerate(best.tolist(), 1)
    )


def _because(names: list[str], portions: Float64) -> tuple[Because, ...]:
    order = np.argsort(-portions, kind="stable")[:MAX_BECAUSE].tolist()
    return tuple(
        Because(names[j], min(float(portions[j]), 1.0)) for j in order if portions[j] >= MIN_SHARE
    )
