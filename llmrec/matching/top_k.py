"""The k best of many, ties by position, without sorting what cannot be among them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def top_k(scores: NDArray[np.float64], k: int, left_out: Sequence[int] = ()) -> NDArray[np.intp]:
    """Return the positions of the k highest scores, best first; of equal ones the first.

    Args:
        scores: (n_items,) float64, without NaN.
        k: how many; fewer come back where there are fewer.
        left_out: positions that are not to be returned.

    Returns:
        (at most k,) positions.
    """
    places = np.setdiff1d(np.arange(len(scores)), left_out)
    if not 0 < k < len(places):
        return best_first(scores[places], places)[:k]
    allowed = scores[places]
    enough = np.partition(allowed, len(places) - k)[len(places) - k]
    reaching = places[allowed >= enough]
    return best_first(scores[reaching], reaching)[:k]


def best_first(scores: NDArray[np.float64], positions: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return positions by score, highest first, and of equal ones by position; both (n,)."""
    return positions[np.lexsort((positions, -scores))]
