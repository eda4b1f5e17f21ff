"""The best items of a catalogue for people's tastes, and which interest brought each."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from llmrec.llm.embedder import Rows
from llmrec.matching.bank_choice import ChosenBank
from llmrec.matching.block_scoring import Positions, chunks
from llmrec.matching.catalogue_pass import best_items
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.profile_match import Taste, score_similarities
from llmrec.matching.similarity import Float64, HubStatistics, exact_cosines, shares
from llmrec.matching.taste_scoring import TasteScoring
from llmrec.records.ranking import Because, ScoredItem
from llmrec.records.reviews import Item

MAX_BECAUSE = 3
MIN_SHARE = 0.05

Scored = tuple[ScoredItem, ...]


def match(
    taste: Taste,
    index: ContentIndex,
    bank: ChosenBank | None,
    k: int,
    left_out: Collection[str] = (),
    only: Positions | None = None,
) -> Scored:
    """Return the k items that fit a taste best; see ``match_many``."""
    (items,) = match_many([taste], index, bank, k, [left_out], only)
    return items


def match_many(
    tastes: Sequence[Taste],
    index: ContentIndex,
    bank: ChosenBank | None,
    k: int,
    left_out: Sequence[Collection[str]],
    only: Positions | None = None,
) -> list[Scored]:
    """Return for each taste the k items that fit it best, as ``score_taste`` scores them.

    Cosines are those of ``exact_cosines``: a list is the same alone and among many.

    Args:
        tastes: each of at least one interest.
        index: the catalogue; its rows are read once, in order.
        bank: corrects for hubs; None for plain cosine.
        k: how many items.
        left_out: for each taste, ids of items not to be returned.
        only: ascending positions of the only items that may be returned; None for all.
    """
    hub = bank.hub if bank else None
    scorings = [
        TasteScoring(tastes[users], index.rows, hub)
        for users in chunks(np.array([len(taste.weights) for taste in tastes]))
    ]
    unwanted = [np.array(index.positions(ids), np.intp) for ids in left_out]
    found = best_items(scorings, index.rows, k, left_out=unwanted, only=only)
    return [
        tuple(
            explained(
                taste,
                [index.items[position] for position in best.positions.tolist()],
                index.rows[best.positions],
                hub.at(best.positions) if hub else None,
            )
        )
        for taste, best in zip(tastes, found, strict=True)
    ]


def explained(
    taste: Taste, items: Sequence[Item], rows: Rows, hub: HubStatistics | None
) -> Iterator[ScoredItem]:
    """Yield items that were found, in their order, with score and reasons.

    Args:
        taste: that they were found for.
        items: best first.
        rows: (n_items, dim) float32, of these items.
        hub: statistics of these items; None for plain cosine.
    """
    scored = score_similarities(taste, exact_cosines(taste.queries, rows), hub)
    scores, likes = scored.scores, scored.likes
    portions = (
        shares(likes, taste.weights[taste.is_like], scored.temperature) if len(likes) else likes
    )
    names = [name for name, liked in zip(taste.names, taste.is_like, strict=True) if liked]
    for place, item in enumerate(items):
        yield ScoredItem(
            item_id=item.item_id,
            title=item.title,
            rank=place + 1,
            score=float(scores[place]),
            because=_because(names, portions[:, place]),
            penalty=float(scored.penalty[place]),
        )


def _because(names: list[str], portions: Float64) -> tuple[Because, ...]:
    order = np.argsort(-portions, kind="stable")[:MAX_BECAUSE].tolist()
    return tuple(
        Because(interest=names[j], share=min(float(portions[j]), 1.0))
        for j in order
        if portions[j] >= MIN_SHARE
    )
