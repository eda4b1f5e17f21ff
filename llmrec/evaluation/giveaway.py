"""Whether a catalogue gives the answer away: are held-out items the ones nobody else reviewed?

Where the catalogue is the set of reviewed items and most have one review, the item without a
review in the histories is the held-out one. Then a *negative* popularity finds it, and everything
that is fitted, or looks, at popularity can.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass

import numpy as np

MAX_P = 0.01
MAX_PERCENTILE = 0.45
"""Among very many users every small difference is more than chance."""
_DRAWS = 999
_SEED = 0
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class TargetPopularity:
    """How popular held-out items are among all that could be recommended.

    Attributes:
        percentile: mean over the targets of the share of candidates that are less popular, ties
            counting half; in [0, 1], .5 where popularity says nothing.
        p: chance of so low a mean if each target were drawn at random from its candidates;
            at least .001.
        n: number of targets.
    """

    percentile: float
    p: float
    n: int

    @property
    def reversed_is_better(self) -> bool:
        """Whether the least popular items first find the targets better, clearly and surely."""
        return self.p < MAX_P and self.percentile < MAX_PERCENTILE


def target_popularity(
    popularity: Mapping[str, int],
    catalogue: Collection[str],
    evaluated: Iterable[tuple[Set[str], Set[str]]],
) -> TargetPopularity | None:
    """Rank every target by popularity among the catalogue without the user's history.

    The test is by simulation (999 seeded draws), which is exact whatever the distribution of the
    popularity: with few users and many ties a normal approximation is not.

    Args:
        popularity: number of users who reviewed an item, of evaluated users the history only.
        catalogue: ids of the items that are ranked.
        evaluated: each user's history items and target items.

    Returns:
        None where no target is in the catalogue, or nothing beside it.
    """
    ids = list(catalogue)
    counts = np.array([popularity.get(item, 0) for item in ids], dtype=np.int64)
    _, level_of, sizes = np.unique(counts, return_inverse=True, return_counts=True)
    level = dict(zip(ids, level_of.tolist(), strict=True))
    draw = np.random.default_rng(_SEED)
    total, at_random, n = 0.0, np.zeros(_DRAWS), 0
    for history, targets in evaluated:
        left = sizes.copy()
        for item in history - targets:
            if item in level:
                left[level[item]] -= 1
        up_to = np.cumsum(left)
        if up_to[-1] < 2:
            continue
        percentile = (up_to - left + (left - 1) / 2) / (up_to[-1] - 1)
        for target in targets & level.keys():
            total += percentile[level[target]]
            drawn = draw.integers(up_to[-1], size=_DRAWS)
            at_random += percentile[np.searchsorted(up_to, drawn, side="right")]
            n += 1
    if not n:
        return None
    as_low = int((at_random <= total + _ROUNDING * n).sum())
    return TargetPopularity(float(total / n), (1 + as_low) / (1 + _DRAWS), n)
