"""Similarity of interests and items, corrected for hubs, and how interests add up.

Some items are near every query and fill every list. Standardising an item's cosine over a bank
of queries removes that: querybank normalisation (Bogolin et al. 2022), kin to CSLS (Conneau et
al. 2018) and the inverted softmax (Smith et al. 2017). Axes: interests j, items i, bank b.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llmrec.llm.embedder import Rows
from llmrec.matching.language_offsets import LanguageOffsets

Float64 = NDArray[np.float64]

HUB_TEMPERATURE: Final = 0.5
COSINE_TEMPERATURE: Final = 0.01
DISLIKE_FACTOR: Final = 0.3
FLAT_DEVIATION: Final = 1e-6
_BLOCK_ITEMS = 4096


def cosine(u: ArrayLike, v: ArrayLike) -> float:
    """Return u·v / (‖u‖‖v‖), in [-1, 1]; 0 where one of them is zero."""
    first, second = np.asarray(u, np.float64), np.asarray(v, np.float64)
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.clip(first @ second / lengths, -1, 1)) if lengths else 0.0


@dataclass(frozen=True, slots=True)
class HubStatistics:
    """What an item's cosine is over a bank of queries.

    Attributes:
        mean: (n_items,) float64.
        deviation: (n_items,) float64, with ddof 0.
        offsets: what language adds to a cosine, where that is to be taken away too; the
            deviation is then that of what is left.
    """

    mean: Float64
    deviation: Float64
    offsets: LanguageOffsets | None = None

    @property
    def n_flat(self) -> int:
        """Number of items that are equally near to the whole bank: their z is 0."""
        return int((self.deviation < FLAT_DEVIATION).sum())

    def at(self, positions: NDArray[np.intp] | slice) -> "HubStatistics":
        """Return the statistics of some items, in this order."""
        offsets = self.offsets and self.offsets.at(positions)
        return HubStatistics(self.mean[positions], self.deviation[positions], offsets)

    def expected(self, languages: Sequence[str]) -> Float64:
        """Return the cosine that is to be expected of a query and each item.

        Args:
            languages: (n_queries,) of the queries; without offsets they make no difference.

        Returns:
            (n_queries, n_items) float64; (1, n_items) without offsets.
        """
        if self.offsets is None:
            return self.mean[None, :]
        return self.mean + self.offsets.between(languages)

    def standardise(self, cosines: Float64, languages: Sequence[str] = ()) -> Float64:
        """Return z_ji = (cos_ji - expected_ji) / deviation_i, 0 for flat items; (n, n_items)."""
        flat = self.deviation < FLAT_DEVIATION
        z: Float64 = (cosines - self.expected(languages)) / np.where(flat, 1, self.deviation)
        z[:, flat] = 0
        return z


def cosines(queries: Rows, rows: Rows) -> Float64:
    """Return the inner products of unit rows: (n_queries, dim) and (n_items, dim) float32."""
    return (queries @ rows.T).astype(np.float64)


def exact_cosines(queries: Rows, rows: Rows) -> Float64:
    """Return the inner products of unit rows in float64, each by itself.

    A matrix product rounds the same pair differently in another place of another matrix; these
    are the same alone and among many, and equal rows have equal cosines. They take longer.

    Args:
        queries: (n_queries, dim) float32.
        rows: (n_items, dim) float32.

    Returns:
        (n_queries, n_items) float64.
    """
    products: Float64 = np.vecdot(
        queries.astype(np.float64)[:, None, :], rows.astype(np.float64)[None, :, :]
    )
    return products


def product_error(dim: int) -> float:
    """Return how far a float32 inner product of unit rows may be from the exact one.

    γ_dim = dim·u / (1 - dim·u) with u = 2**-24, for any order of summation (Higham 2002, section
    3.1); eight more roundings for what is done to the product afterwards, and a twentieth more for
    rows that are a little longer than 1.
    """
    roundings = (dim + 8) * 2.0**-24
    return 1.05 * roundings / (1 - roundings)


def hub_statistics(
    rows: Rows,
    bank: Rows,
    offsets: LanguageOffsets | None = None,
    languages: Sequence[str] = (),
) -> HubStatistics:
    """Return mean and deviation of each item's cosine over a bank.

    Args:
        rows: (n_items, dim) float32, unit rows.
        bank: (n_bank, dim) float32, unit rows, at least one.
        offsets: what language adds to a cosine, to be taken away; None for nothing.
        languages: (n_bank,) of the bank's queries, where there are offsets.
    """
    mean, deviation = np.empty((2, len(rows)))
    for start in range(0, len(rows), _BLOCK_ITEMS):
        items = slice(start, start + _BLOCK_ITEMS)
        block = cosines(rows[items], bank)
        mean[items] = block.mean(axis=1)
        if offsets is not None:
            block -= offsets.at(items).between(languages).T
        deviation[items] = block.std(axis=1)
    return HubStatistics(mean, deviation, offsets)


def soft_maximum(similarities: Float64, weights: Float64, temperature: float) -> Float64:
    """Return t · log Σ_j w_j · exp(s_ji / t): a person with five tastes is not their average.

    Args:
        similarities: (n_interests, n_items), at least one interest.
        weights: (n_interests,) in (0, 1].
        temperature: t > 0; towards 0 the nearest interest decides alone.

    Returns:
        (n_items,) float64.
    """
    terms = np.log(weights)[:, None] + similarities / temperature
    top = terms.max(axis=0)
    terms -= top  # five times as fast as logaddexp
    summed: Float64 = temperature * (top + np.log(np.exp(terms, out=terms).sum(axis=0)))
    return summed


def shares(similarities: Float64, weights: Float64, temperature: float) -> Float64:
    """Return the share of each interest in the soft maximum: w·exp(s/t) / Σ w·exp(s/t).

    Returns:
        (n_interests, n_items) float64; each column sums to 1.
    """
    terms = np.log(weights)[:, None] + similarities / temperature
    portions = np.exp(terms - terms.max(axis=0))
    result: Float64 = portions / portions.sum(axis=0)
    return result


def dislike_penalty(similarities: Float64, weights: Float64) -> Float64:
    """Return 0.3 · max_j w_j · max(s_ji, 0): what dislikes take from a score; (n_items,)."""
    penalty: Float64 = DISLIKE_FACTOR * (weights[:, None] * np.maximum(similarities, 0)).max(axis=0)
    return penalty
