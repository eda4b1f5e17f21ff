"""The best items of some users while a catalogue goes by, block after block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llmrec.llm.embedder import Rows
from llmrec.matching.block_scoring import BlockScoring, Bounds, Positions, rounded_down
from llmrec.matching.products import Product
from llmrec.matching.similarity import Float64

_SPARE_PAIRS: Final = 4096
_SPARE_HITS: Final = 4096
_EXACT_ITEMS: Final = 8192
_NONE: Final = Bounds(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True)
class Best:
    """The best items of one user.

    Attributes:
        positions: (at most k,), best first, of equal scores the first.
        scores: (at most k,) float64, exact.
    """

    positions: Positions
    scores: Float64


class BlockMemory:
    """Memory for one block of products, used again for every block: a new one costs page faults.

    Args:
        size: the largest number of products in a block.
    """

    def __init__(self, size: int) -> None:
        self._products = np.empty(size, np.float32)
        self._reached = np.empty(size, np.bool_)

    def arrays(self, n_queries: int, n_items: int) -> tuple[Rows, NDArray[np.bool_]]:
        """Return (n_queries, n_items) float32 and bool to be overwritten."""
        shape, size = (n_queries, n_items), n_queries * n_items
        return self._products[:size].reshape(shape), self._reached[:size].reshape(shape)


class BestSoFar:
    """Keeps of every user the items that may still be among the k best of those gone by.

    Of each item only bounds of its score are known. A user's threshold is the k-th highest lower
    bound; an item whose upper bound is below it is not among the k best, whatever the exact
    scores are. Items go by in the order of their positions.

    Args:
        scoring: of these users.
        k: how many, at least one.
        left_out: of each user the positions that are not to be returned.
        n_items: in the catalogue.
        product: multiplies queries with items.
    """

    def __init__(
        self,
        scoring: BlockScoring,
        k: int,
        left_out: Sequence[Positions],
        n_items: int,
        product: Product,
    ) -> None:
        self._scoring = scoring
        self._product = product
        self._queries = product.filled_up(scoring.queries)
        self._k = k
        self._n_items = n_items
        self._left_out = _pair_keys(left_out, n_items)
        self._pairs = [_NONE]
        self._n_hits = 0
        self._thresholds = np.full(scoring.n_users, -np.inf)
        self._floors = scoring.floors(self._thresholds)

    @property
    def n_queries(self) -> int:
        """Number of rows of a block."""
        return len(self._queries)

    def see(self, rows: Rows, positions: slice | Positions, memory: BlockMemory) -> None:
        """Let the next items go by.

        Args:
            rows: (n, dim) float32, of the items.
            positions: theirs in the catalogue, ascending.
            memory: to work in.
        """
        products, reached = memory.arrays(len(self._queries), len(rows))
        self._product.write(self._queries, rows, products)
        block, reached = products[: len(self._floors)], reached[: len(self._floors)]
        self._scoring.prepare(block, positions)
        np.greater_equal(block, self._floors[:, None], out=reached)
        hits = np.flatnonzero(reached)
        if not len(hits):
            return
        self._n_hits += len(hits)
        pairs = self._scoring.bounds(block, hits, positions)
        pairs = pairs.at(pairs.upper > self._thresholds[pairs.users])
        self._add(pairs, positions)

    def result(self) -> list[Best]:
        """Return the best items of every user."""
        self._shrink()
        pairs = self._settled(_joined(self._pairs))
        ends = np.cumsum(self._counts(pairs))
        return [
            Best(items, scores)
            for items, scores in zip(
                np.split(pairs.items, ends[:-1]), np.split(pairs.lower, ends[:-1]), strict=True
            )
        ]

    def _add(self, pairs: Bounds, positions: slice | Positions) -> None:
        items = pairs.items
        items = positions.start + items if isinstance(positions, slice) else positions[items]
        pairs = Bounds(pairs.users, items, pairs.lower, pairs.upper)
        if len(self._left_out):
            keys = pairs.users * self._n_items + items
            pairs = pairs.at(np.isin(keys, self._left_out, invert=True))
        self._pairs.append(pairs)
        n_wanted = self._scoring.n_users * self._k
        if self._n_hits > n_wanted // 2 + _SPARE_HITS or np.isneginf(self._thresholds).any():
            self._shrink()

    def _shrink(self) -> None:
        """Raise the thresholds, so that fewer products reach them; drop what no longer does."""
        pairs = _joined(self._pairs)
        self._thresholds = np.maximum(self._thresholds, self._kth(pairs))
        pairs = pairs.at(pairs.upper >= self._thresholds[pairs.users])
        n_wanted = self._scoring.n_users * self._k
        if len(pairs) > 2 * n_wanted + _SPARE_PAIRS:
            # So many within the error of a product, copies of one item perhaps: score them now.
            pairs = self._settled(pairs)
            counts = self._counts(pairs)
            full = counts == self._k
            self._thresholds[full] = pairs.lower[np.cumsum(counts)[full] - 1]
        self._pairs, self._n_hits = [pairs], 0
        self._floors = self._scoring.floors(self._thresholds)

    def _kth(self, pairs: Bounds) -> Float64:
        """Return the k-th highest lower bound of each user, or a little less; (n_users,)."""
        counts = self._counts(pairs)
        keys = np.sort(pairs.users << 32 | _ascending(rounded_down(pairs.lower)))
        full = counts >= self._k
        kth = np.full(len(counts), -np.inf)
        kth[full] = _float32(keys[np.cumsum(counts)[full] - self._k] & 0xFFFFFFFF)
        return kth

    def _settled(self, pairs: Bounds) -> Bounds:
        """Return the k best of each user by exact scores, best first."""
        scores = np.empty(len(pairs))
        pairs = pairs.at(np.argsort(pairs.users, kind="stable"))
        counts = self._counts(pairs)
        begins = np.cumsum(counts) - counts
        for user, (begin, n) in enumerate(zip(begins.tolist(), counts.tolist(), strict=True)):
            for start in range(begin, begin + n, _EXACT_ITEMS):
                part = slice(start, min(start + _EXACT_ITEMS, begin + n))
                scores[part] = self._scoring.exact(user, pairs.items[part])
        exact = Bounds(pairs.users, pairs.items, scores, scores)
        exact = exact.at(np.lexsort((exact.items, -scores, exact.users)))
        return exact.at(np.arange(len(exact)) - begins[exact.users] < self._k)

    def _counts(self, pairs: Bounds) -> Positions:
        return np.bincount(pairs.users, minlength=self._scoring.n_users)


def _joined(parts: Sequence[Bounds]) -> Bounds:
    return Bounds(
        np.concatenate([part.users for part in parts]),
        np.concatenate([part.items for part in parts]),
        np.concatenate([part.lower for part in parts]),
        np.concatenate([part.upper for part in parts]),
    )


def _ascending(values: Rows) -> NDArray[np.int64]:
    """Return numbers from 0 to 2**32 - 1 in the order of float32 values."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, ~bits, bits + 2**31)


def _float32(ascending: NDArray[np.int64]) -> Rows:
    """Return the values that these numbers stand for; the inverse of ``_ascending``."""
    bits = np.where(ascending < 2**31, ~ascending, ascending - 2**31)
    return bits.astype(np.int32).view(np.float32)


def _pair_keys(left_out: Sequence[Positions], n_items: int) -> Positions:
    keys = [user * n_items + positions for user, positions in enumerate(left_out)]
    return np.concatenate(keys) if keys else np.empty(0, np.intp)
