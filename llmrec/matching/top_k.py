"""The k best items, ties by position."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def top_k(scores: NDArray[np.float64], k: int, left_out: Sequence[int] = ()) -> NDArray[np.intp]:
    """Return the positions of the k highest scores, best first; of equal ones the first.

    Args:
        scores: (n_items,) float64.
        k: how many; fewer come back where there are fewer.
        left_out: positions that are not to be returned.

    Returns:
        (at most k,) positions.
    """
    order = np.argsort(-scores, kind="stable")
    if left_out:
        order = order[~np.isin(order, left_out)]
    return order[:k]
