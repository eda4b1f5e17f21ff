"""The scores of many tastes in one pass over the catalogue; see ``score_taste`` for one.

t · log Σ_j w_j · exp(z_j / t) is at most max_j (z_j + t · log w_j) + t · log J, and dislikes only
take from it. So an item for which no like reaches the threshold less t · log J + t · log w_j needs
no further look: one comparison for each product.
"""

from collections.abc import Sequence

import numpy as np

from llmrec.llm.embedder import Rows
from llmrec.matching.block_scoring import Bounds, Positions, rounded_down
from llmrec.matching.profile_match import Taste, score_similarities
from llmrec.matching.similarity import (
    COSINE_TEMPERATURE,
    DISLIKE_FACTOR,
    FLAT_DEVIATION,
    HUB_TEMPERATURE,
    Float64,
    HubStatistics,
    exact_cosines,
    product_error,
)

_ROUNDING = 1e-8


class TasteScoring:
    """Scores of tastes, as ``score_taste`` makes them.

    Args:
        tastes: at least one, each of at least one interest.
        rows: (n_items, dim) float32, unit rows.
        hub: corrects for hubs; None for plain cosine of the likes.
    """

    def __init__(self, tastes: Sequence[Taste], rows: Rows, hub: HubStatistics | None) -> None:
        self.n_users = len(tastes)
        self.queries: Rows = np.concatenate([taste.queries for taste in tastes])
        self._tastes = tastes
        self._rows = rows
        self._hub = hub
        self._temperature = HUB_TEMPERATURE if hub else COSINE_TEMPERATURE
        self._error = product_error(rows.shape[1])
        self._languages, self._language = np.unique(
            [name for taste in tastes for name in taste.languages], return_inverse=True
        )
        self._n_queries = np.array([len(taste.weights) for taste in tastes])
        self._first = np.cumsum(self._n_queries) - self._n_queries
        self._user = np.repeat(np.arange(self.n_users), self._n_queries)
        self._is_like = np.concatenate([taste.is_like for taste in tastes])
        self._weights = np.concatenate([taste.weights for taste in tastes])
        n_likes = np.add.reduceat(self._is_like.astype(np.intp), self._first)
        self._has_likes = n_likes > 0
        several = np.log(np.maximum(n_likes, 1))[self._user]
        self._above = self._temperature * (np.log(self._weights) + several) + _ROUNDING

    def prepare(self, block: Rows, positions: slice | Positions) -> None:
        """Make upper bounds of the similarities."""
        if self._hub is None:
            block += np.float32(self._error)
            return
        scale = self._scale(positions)
        block *= scale
        expected = self._hub.at(positions).expected(self._languages.tolist())
        shift = (expected.astype(np.float32) - np.float32(self._error)) * scale
        block -= shift if len(shift) == 1 else shift[self._language]

    def floors(self, thresholds: Float64) -> Rows:
        """See ``BlockScoring``; of a user without likes no item is skipped."""
        of_dislikes = np.where(self._has_likes[self._user], np.inf, -np.inf)
        of_likes = thresholds[self._user] - self._above
        return rounded_down(np.where(self._is_like, of_likes, of_dislikes))

    def bounds(self, block: Rows, hits: Positions, positions: slice | Positions) -> Bounds:
        """See ``BlockScoring``."""
        n_items = block.shape[1]
        queries, items = np.divmod(hits, n_items)
        pairs = np.sort(self._user[queries] * n_items + items)
        users, items = np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], n_items)
        counts = self._n_queries[users]
        begins = np.cumsum(counts) - counts
        # All queries of the first pair's user, then of the second's…
        queries = np.arange(counts.sum()) + np.repeat(self._first[users] - begins, counts)
        similarities = block[queries, np.repeat(items, counts)].astype(np.float64)
        width = 2 * self._error * self._scale(positions)[items].astype(np.float64) + _ROUNDING
        liked = self._liked(similarities, queries, begins)
        lowest_liked = np.where(self._has_likes[users], liked - width, 0)
        penalty = self._penalty(similarities, queries, begins)
        lowest_penalty = np.maximum(penalty - DISLIKE_FACTOR * width, 0)
        return Bounds(users, items, lowest_liked - penalty, liked - lowest_penalty)

    def exact(self, user: int, positions: Positions) -> Float64:
        """See ``BlockScoring``."""
        taste = self._tastes[user]
        cosines = exact_cosines(taste.queries, self._rows[positions])
        hub = self._hub.at(positions) if self._hub else None
        return score_similarities(taste, cosines, hub).scores

    def _scale(self, positions: slice | Positions) -> Rows:
        """Return what a cosine's error is multiplied with in a similarity; (n_items,)."""
        if self._hub is None:
            return np.ones(len(self._rows[positions]), np.float32)
        deviation = self._hub.deviation[positions]
        scale = deviation.astype(np.float32)
        scale[deviation < FLAT_DEVIATION] = np.inf
        return np.reciprocal(scale, out=scale)

    def _liked(self, similarities: Float64, queries: Positions, begins: Positions) -> Float64:
        """Return the soft maximum over each pair's likes, 0 without likes; (n_pairs,).

        Args:
            similarities: (n,), those of one pair stand together.
            queries: (n,), whose they are.
            begins: (n_pairs,), where those of each pair begin.
        """
        terms = np.log(self._weights)[queries] + similarities / self._temperature
        terms[~self._is_like[queries]] = -np.inf
        highest = np.maximum.reduceat(terms, begins)
        some = np.isfinite(highest)
        counts = np.diff(begins, append=len(terms))
        portions = np.exp(terms - np.repeat(np.where(some, highest, 0), counts))
        summed = np.add.reduceat(portions, begins)
        return np.where(some, self._temperature * (highest + np.log(np.where(some, summed, 1))), 0)

    def _penalty(self, similarities: Float64, queries: Positions, begins: Positions) -> Float64:
        """Return what the dislikes take from each pair's score; arguments as of ``_liked``."""
        if self._hub is None:
            return np.zeros(len(begins))
        terms = self._weights[queries] * np.maximum(similarities, 0)
        terms[self._is_like[queries]] = 0
        penalty: Float64 = DISLIKE_FACTOR * np.maximum.reduceat(terms, begins)
        return penalty
