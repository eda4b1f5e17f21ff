"""Resampled sums, drawn by distinct value: what the bootstrap and the sign-flip test stand on.

A metric of 100,000 users has few distinct values (nDCG@10 with one relevant item has eleven), and
a resampled sum depends on nothing but how often each value is drawn. So a value that many users
share is drawn as one count; what is left is drawn user by user. The distribution is that of
drawing every user by itself.
"""

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
"""Resamples or sign patterns, where nothing else is said."""

ROUNDING = 1e-11
"""Sums that differ by less, relative to the sum of absolute values, are taken as equal: the last
bits depend on the order of adding."""

_SHARED_BY = 32
"""A count for a value costs as much as this many single draws, about."""

_CELLS = 2**20
"""So many numbers are drawn at a time, to stay in the cache and within some 30 MB."""


def bootstrap_means(
    values: NDArray[np.float64], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return means of resamples with replacement, each of the size of the sample.

    The ordinary bootstrap (Efron 1979).

    Args:
        values: (n,) float64, n at least 1.
        draws: number of resamples.
        rng: where the randomness comes from.

    Returns:
        (draws,) float64.
    """
    shared, counts, single = _by_value(values)
    shares = np.append(single.size, counts) / values.size
    sums = np.empty(draws)
    for block in _blocks(draws, shared.size + single.size):
        drawn = rng.multinomial(values.size, shares, size=block.stop - block.start)
        sums[block] = drawn[:, 1:] @ shared + _sums_of_draws(single, drawn[:, 0], rng)
    return sums / values.size


def sign_flipped_sums(
    values: NDArray[np.float64], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return sums of the values with each sign kept or flipped by a fair coin.

    Args:
        values: (n,) float64.
        draws: number of sums.
        rng: where the randomness comes from.

    Returns:
        (draws,) float64.
    """
    shared, counts, single = _by_value(np.abs(values))
    sums = np.empty(draws)
    for block in _blocks(draws, shared.size + single.size):
        rows = block.stop - block.start
        kept = rng.binomial(counts, 0.5, size=(rows, shared.size))
        signs = rng.integers(0, 2, size=(rows, single.size), dtype=np.int8)
        sums[block] = (2 * kept - counts) @ shared + (2 * signs - 1) @ single
    return sums


def all_sign_flipped_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of the values under every choice of signs.

    Args:
        values: (n,) float64, n small.

    Returns:
        (2 ** n,) float64.
    """
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _by_value(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the values that many share, their counts, and the others one by one."""
    distinct, counts = np.unique(values, return_counts=True)
    many = counts >= _SHARED_BY
    return distinct[many], counts[many], np.repeat(distinct[~many], counts[~many])


def _blocks(draws: int, width: int) -> list[slice]:
    rows = max(1, _CELLS // max(1, width))
    return [slice(start, min(start + rows, draws)) for start in range(0, draws, rows)]


def _sums_of_draws(
    values: NDArray[np.float64], how_many: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return for each entry of ``how_many`` the sum of so many values drawn with replacement."""
    if not values.size:
        return np.zeros(how_many.size)
    ends = np.cumsum(how_many)
    drawn = values[rng.integers(0, values.size, size=ends[-1], dtype=np.int32)]
    starts = ends - how_many
    # reduceat gives the element itself, not 0, where a segment is empty.
    sums = np.add.reduceat(np.append(drawn, 0.0), starts)
    return np.where(how_many > 0, sums, 0.0)
