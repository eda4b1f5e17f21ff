"""Lists whose items differ: maximal marginal relevance (Carbonell and Goldstein 1998)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from llmrec.errors import InputError
from llmrec.llm.embedder import Rows
from llmrec.matching.block_scoring import Positions
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.similarity import FLAT_DEVIATION, Float64
from llmrec.records.ranking import ScoredItem

SHORTLIST: Final = 100
"""So many of the best items, or k where that is more, a diverse list is chosen from."""


def check_diversity(diversity: float) -> None:
    """Check that λ is in [0, 1).

    Raises:
        InputError: it is not.
    """
    if not 0 <= diversity < 1:
        raise InputError(f"diversity: a number from 0 to below 1 is expected, came {diversity:g}")


def diverse_items(
    items: Sequence[ScoredItem], index: ContentIndex, k: int, diversity: float
) -> tuple[ScoredItem, ...]:
    """Return k items of a shortlist in their diverse order, ranked anew; scores stay.

    Args:
        items: the best of the index, best first.
        index: the catalogue.
        k: how many items.
        diversity: λ in [0, 1).
    """
    places = index.items.places(item.item_id for item in items)
    rows = index.rows[[places[item.item_id] for item in items]]
    scores = np.array([item.score for item in items], np.float64)
    order = diverse_order(scores, rows, k, diversity)
    return tuple(replace(items[place], rank=rank) for rank, place in enumerate(order.tolist(), 1))


def diverse_order(scores: Float64, rows: Rows, k: int, diversity: float) -> Positions:
    """Choose k items one after the other, each good and unlike those chosen before it.

    The next item is the one with the highest (1 - λ) · s_i - λ · max_c cos(i, c), c the chosen
    ones; of equal ones the first. Scores and cosines are standardised over the items given, so
    that λ means the same for every embedder and every way of scoring.

    Args:
        scores: (n_items,) float64, of a shortlist, best first.
        rows: (n_items, dim) float32, unit rows.
        k: how many, at least one; fewer are chosen where there are fewer.
        diversity: λ in [0, 1); at 0 the order stays as it is.

    Returns:
        (at most k,) places in the shortlist.
    """
    n = min(k, len(scores))
    if diversity == 0:
        return np.arange(n)
    exact = rows.astype(np.float64)
    likeness = _standardised(exact @ exact.T)
    worth = (1 - diversity) * _standardised(scores)
    nearest = np.full(len(scores), -np.inf)
    chosen: list[int] = []
    for _ in range(n):
        worth_now = worth - diversity * nearest if chosen else worth.copy()
        worth_now[chosen] = -np.inf
        best = int(worth_now.argmax())
        chosen.append(best)
        nearest = np.maximum(nearest, likeness[best])
    return np.array(chosen, np.intp)


def _standardised(values: Float64) -> Float64:
    """Return values less their mean, by their deviation; 0 where they are all equal."""
    if not values.size:
        return values
    gaps: Float64 = values - values.mean()
    deviation = gaps.std()
    return gaps / deviation if deviation >= FLAT_DEVIATION else np.zeros_like(values)
