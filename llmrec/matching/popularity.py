"""Popularity as a part of a score: the same for everybody."""

from typing import Final

import numpy as np

from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Person
from llmrec.matching.similarity import Float64

HALF_LIFE_DAYS: Final = 365.0


class Popularity:
    """log(1 + n), n the number of users who reviewed an item.

    The logarithm changes no ranking; it lets the step from 1 user to 2 weigh more than that from
    101 to 102 where popularity is added to other parts.

    Args:
        interactions: what may be counted: no review that an evaluation holds out.
        half_life_days: makes old reviews count less: a user counts 2^(-age / half-life), where
            age is from the user's last review of the item to the newest of all (an undated one
            counts as the newest, as everywhere). None counts every user as 1.
    """

    def __init__(self, interactions: Interactions, half_life_days: float | None = None) -> None:
        votes = np.ones(len(interactions.items))
        if half_life_days is not None:
            votes = np.exp2(-_ages(interactions.days) / half_life_days)
        self._scores = np.log1p(np.bincount(interactions.items, votes, interactions.n_items))

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        return self._scores.copy()


def _ages(days: Float64) -> Float64:
    """Return the days from each of these to the newest, 0 for one that is not known."""
    is_known = ~np.isnan(days)
    ages = np.zeros(len(days))
    ages[is_known] = days[is_known].max(initial=-np.inf) - days[is_known]
    return ages
