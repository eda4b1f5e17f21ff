"""Metrics of ranked lists, one value for each user.

Items of one score have no order among themselves. A metric counts the expected value over all
their orders, in closed form (McSherry and Najork 2008), so that a system gains nothing by scoring
everything alike. Without ties the values are those of trec_eval. A user without a list counts 0.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmrec.errors import InputError
from llmrec.evaluation.found import Found

_WRITTEN = re.compile(r"(?P<name>\w+)(\(rel=(?P<level>[1-9]\d{0,8})\))?@(?P<k>[1-9]\d{0,8})", re.A)

_ALIASES = {"NDCG": "nDCG", "Recall": "R", "MRR": "RR", "HitRate": "Success", "MAP": "AP"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric at a cut-off, with the names that ir_measures gives it.

    Attributes:
        name: ``nDCG``, ``R`` (recall), ``RR`` (reciprocal rank), ``Success`` (hit rate) or
            ``AP`` (average precision).
        k: ranks below it count, 1 or more.
        level: an item counts as relevant from this relevance, 1 or more. nDCG takes the relevance
            itself as gain and has no level.
    """

    name: str
    k: int
    level: int = 1

    @classmethod
    def parse(cls, text: str) -> "Metric":
        """Read a name such as ``nDCG@10``, ``R@100``, ``HitRate@10`` or ``AP(rel=2)@10``.

        ``Recall``, ``HitRate``, ``MRR``, ``MAP`` and ``NDCG`` are taken as other names.

        Raises:
            InputError: there is no such metric.
        """
        found = _WRITTEN.fullmatch(text)
        name = "" if found is None else _ALIASES.get(found["name"], found["name"])
        if found is None or name not in _VALUES or (name == "nDCG" and found["level"]):
            raise InputError(
                f"no metric {text!r}: expected nDCG@k, R@k, RR@k, Success@k (or HitRate@k) or "
                "AP@k with a whole number k, as nDCG@10; all but nDCG take a relevance level, "
                "as R(rel=2)@10"
            )
        return cls(name, int(found["k"]), int(found["level"] or 1))

    def __str__(self) -> str:
        level = "" if self.level == 1 else f"(rel={self.level})"
        return f"{self.name}{level}@{self.k}"

    def values(self, found: Found) -> NDArray[np.float64]:
        """Return the metric of every user: (n_users,) float64 in [0, 1], as ``found.user_ids``."""
        return _VALUES[self.name](found, self.k, self.level)


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """The groups of equal scores that hold relevant items, by user and falling score.

    Attributes:
        users, above, tied: (n_groups,) int64, as in ``Found``.
        relevant: (n_groups,) int64, number of relevant items in the group, 1 or more.
        before: (n_groups,) int64, number of relevant items in the groups above it.
        within: (n_groups,) int64, number of the group's places that are within the cut.
        totals: (n_users,) int64, number of relevant items of each user, found or not.
    """

    users: NDArray[np.int64]
    above: NDArray[np.int64]
    tied: NDArray[np.int64]
    relevant: NDArray[np.int64]
    before: NDArray[np.int64]
    within: NDArray[np.int64]
    totals: NDArray[np.int64]

    def shares(self, expected: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each user's sum over the groups, divided by the number of relevant items."""
        return _ratios(_sums(self.users, expected, self.totals.size), self.totals)


def _groups(found: Found, k: int, level: int) -> _Groups:
    relevant = found.gains >= level
    users, above, tied = found.users[relevant], found.above[relevant], found.tied[relevant]
    begins = np.ones(users.size, np.bool_)
    begins[1:] = (users[1:] != users[:-1]) | (above[1:] != above[:-1])
    starts = np.flatnonzero(begins)
    own = found.relevant_users[found.relevant_gains >= level]
    return _Groups(
        users=users[starts],
        above=above[starts],
        tied=tied[starts],
        relevant=np.diff(np.append(starts, users.size)),
        before=_numbers_within(users)[starts],
        within=np.clip(k - above[starts], 0, tied[starts]),
        totals=np.bincount(own, minlength=len(found.user_ids)),
    )


def _ndcg(found: Found, k: int, level: int) -> NDArray[np.float64]:
    """Discounted cumulated gain over that of the best order of all relevant items.

    Linear gain (Järvelin and Kekäläinen 2002), discount 1 / log2(rank + 1) (Burges et al. 2005).
    An item of a tie has the mean discount of the tie's places, 0 beyond the cut.
    """
    n_users = len(found.user_ids)
    ideal_rank = _numbers_within(found.relevant_users)
    deepest = max((found.above + found.tied).max(initial=1), ideal_rank.max(initial=0) + 1)
    ranks = np.arange(1, min(k, deepest) + 1)
    summed = np.append(0.0, np.cumsum(1 / np.log2(ranks + 1)))

    def discounts(above: NDArray[np.int64], tied: NDArray[np.int64]) -> NDArray[np.float64]:
        first, last = np.minimum(above, ranks.size), np.minimum(above + tied, ranks.size)
        mean: NDArray[np.float64] = (summed[last] - summed[first]) / tied
        return mean

    gained = found.gains * discounts(found.above, found.tied)
    best = found.relevant_gains * discounts(ideal_rank, np.ones_like(ideal_rank))
    ideal = _sums(found.relevant_users, best, n_users)
    return _ratios(_sums(found.users, gained, n_users), ideal)


def _recall(found: Found, k: int, level: int) -> NDArray[np.float64]:
    """Share of the relevant items that are in the first k places."""
    groups = _groups(found, k, level)
    return groups.shares(groups.relevant * groups.within / groups.tied)


def _reciprocal_rank(found: Found, k: int, level: int) -> NDArray[np.float64]:
    """One over the rank of the first relevant item, 0 beyond k (Kantor and Voorhees 2000)."""
    return _of_first(found, k, level)[1]


def _success(found: Found, k: int, level: int) -> NDArray[np.float64]:
    """Whether a relevant item is in the first k places; in recommendation the hit rate."""
    return _of_first(found, k, level)[0]


def _of_first(found: Found, k: int, level: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probability that the first relevant item is within k, and E[1 / its rank].

    It is in the first group that holds any. That none of the group's r relevant items is in its
    first j of t places has the probability (t - r)! (t - j)! / ((t - r - j)! t!), made here
    factor by factor: exactly 0 where places run out.
    """
    groups = _groups(found, k, level)
    first = groups.before == 0
    users, above = groups.users[first], groups.above[first]
    tied, relevant, within = groups.tied[first], groups.relevant[first], groups.within[first]
    none_yet = np.ones(users.size)
    reciprocal = np.zeros(users.size)
    for place in range(1, within.max(initial=0) + 1):
        here = np.where(place <= within, relevant / np.maximum(tied - place + 1, 1), 0.0)
        reciprocal += none_yet * here / (above + place)
        none_yet *= 1 - here
    n_users = len(found.user_ids)
    return _sums(users, 1 - none_yet, n_users), _sums(users, reciprocal, n_users)


def _average_precision(found: Found, k: int, level: int) -> NDArray[np.float64]:
    """Mean over all relevant items of the precision at their rank, 0 beyond k.

    A relevant item at place j of a tie of t with r relevant ones has before it those of the
    groups above and, on average, (j - 1)(r - 1)/(t - 1) of its own (McSherry and Najork 2008);
    the sums over j are harmonic. Divided by the number of relevant items, also where that is
    above k, as trec_eval's map_cut is.
    """
    groups = _groups(found, k, level)
    above, within, relevant, tied = groups.above, groups.within, groups.relevant, groups.tied
    deepest = int((above + within).max(initial=0))
    harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, deepest + 1)))
    inverse_ranks = harmonic[above + within] - harmonic[above]
    places_before = within - (above + 1) * inverse_ranks  # the sum of (j - 1) / (above + j)
    others = (relevant - 1) / np.maximum(tied - 1, 1)
    precisions = (groups.before + 1) * inverse_ranks + others * places_before
    return groups.shares(relevant / tied * precisions)


def _numbers_within(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each element of sorted keys how many of the same key stand before it."""
    return np.arange(keys.size) - np.searchsorted(keys, keys)


def _sums(
    users: NDArray[np.int64], values: NDArray[np.float64], n_users: int
) -> NDArray[np.float64]:
    return np.asarray(np.bincount(users, values, n_users), np.float64)


def _ratios(
    parts: NDArray[np.float64], wholes: NDArray[np.int64] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return parts over wholes, 0 where there is no whole, and 1 where rounding would pass it."""
    ratios = np.divide(parts, wholes, out=np.zeros(parts.size), where=wholes > 0)
    return np.minimum(ratios, 1.0)


_VALUES: dict[str, Callable[[Found, int, int], NDArray[np.float64]]] = {
    "nDCG": _ndcg,
    "R": _recall,
    "RR": _reciprocal_rank,
    "Success": _success,
    "AP": _average_precision,
}
