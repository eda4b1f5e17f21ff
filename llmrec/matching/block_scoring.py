"""What a pass over the catalogue needs to know of a score: cheap bounds first, then exact values.

Axes: users u, queries q (each belongs to one user, those of a user stand together), items i.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from llmrec.llm.embedder import Rows
from llmrec.matching.similarity import Float64, exact_cosines, product_error

Positions = NDArray[np.intp]

MAX_QUERIES: Final = 512
"""Queries whose products with a block of items stay in a processor's cache."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Pairs of a user and an item, and between which values the exact score is.

    Attributes:
        users: (n_pairs,).
        items: (n_pairs,), columns of the block, or positions in the catalogue.
        lower: (n_pairs,) float64.
        upper: (n_pairs,) float64.
    """

    users: Positions
    items: Positions
    lower: Float64
    upper: Float64

    def __len__(self) -> int:
        return len(self.users)

    def at(self, chosen: NDArray[np.bool_] | Positions) -> "Bounds":
        """Return some of the pairs."""
        return Bounds(
            self.users[chosen], self.items[chosen], self.lower[chosen], self.upper[chosen]
        )


class BlockScoring(Protocol):
    """How inner products become the scores of some users."""

    @property
    def queries(self) -> Rows:
        """(n_queries, dim) float32, unit rows."""
        ...

    @property
    def n_users(self) -> int:
        """Number of users, at least one."""
        ...

    def prepare(self, block: Rows, positions: slice | Positions) -> None:
        """Make of products, in place, what ``floors`` are compared with.

        Args:
            block: (n_queries, n) float32, products of the queries and n items.
            positions: of these items in the catalogue.
        """
        ...

    def floors(self, thresholds: Float64) -> Rows:
        """Return what one query of a user must reach, or the user's score is below a threshold.

        Args:
            thresholds: (n_users,).

        Returns:
            (n_queries,) float32.
        """
        ...

    def bounds(self, block: Rows, hits: Positions, positions: slice | Positions) -> Bounds:
        """Return the users and columns of a prepared block that hits belong to, each pair once.

        Args:
            block: as prepared.
            hits: flat places in the block.
            positions: of the block's items in the catalogue.
        """
        ...

    def exact(self, user: int, positions: Positions) -> Float64:
        """Return a user's scores of some items, in float64; (n,)."""
        ...


class InnerProducts:
    """One query a user, and the score is the inner product.

    Args:
        queries: (n_users, dim) float32, unit rows.
        rows: (n_items, dim) float32, unit rows.
    """

    def __init__(self, queries: Rows, rows: Rows) -> None:
        self.queries = queries
        self.n_users = len(queries)
        self._rows = rows
        self._error = product_error(rows.shape[1])

    def prepare(self, block: Rows, positions: slice | Positions) -> None:
        """Leave the products as they are."""

    def floors(self, thresholds: Float64) -> Rows:
        """See ``BlockScoring``."""
        return rounded_down(thresholds - self._error)

    def bounds(self, block: Rows, hits: Positions, positions: slice | Positions) -> Bounds:
        """See ``BlockScoring``."""
        users, items = np.divmod(hits, block.shape[1])
        products = block.ravel()[hits].astype(np.float64)
        return Bounds(users, items, products - self._error, products + self._error)

    def exact(self, user: int, positions: Positions) -> Float64:
        """See ``BlockScoring``."""
        scores: Float64 = exact_cosines(self.queries[user : user + 1], self._rows[positions])[0]
        return scores


def rounded_down(values: Float64) -> Rows:
    """Return float32 values that are not above these."""
    lower: Rows = np.nextafter(values.astype(np.float32), np.float32(-np.inf))
    return lower


def chunks(n_queries: Positions) -> Iterator[slice]:
    """Yield slices of users with at most ``MAX_QUERIES`` queries together, or of one user.

    Args:
        n_queries: (n_users,), of each user.
    """
    begin, together = 0, 0
    for user, n in enumerate(n_queries.tolist()):
        if user > begin and together + n > MAX_QUERIES:
            yield slice(begin, user)
            begin, together = user, 0
        together += n
    if begin < len(n_queries):
        yield slice(begin, len(n_queries))
