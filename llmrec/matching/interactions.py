"""Who reviewed which items: what a catalogue's users have in common, without their words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmrec.matching.similarity import Float64
from llmrec.records.grouping import UserReviews

_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Interactions:
    """Pairs of a user and an item, each pair once: a sparse (n_users, n_items) matrix X of ones.

    Attributes:
        n_users: number of users, those without any item of the catalogue included.
        n_items: number of items of the catalogue.
        users: (n_pairs,) intp, ascending.
        items: (n_pairs,) intp, rows of the catalogue.
        days: (n_pairs,) float64, when the user wrote about the item last, in days since 1970;
            NaN where that is not known.
    """

    n_users: int
    n_items: int
    users: NDArray[np.intp]
    items: NDArray[np.intp]
    days: Float64

    @classmethod
    def of(cls, histories: Iterable[UserReviews], positions: Mapping[str, int]) -> "Interactions":
        """Gather the pairs of many users, read one by one.

        Args:
            histories: of each user the reviews that may be counted, oldest first.
            positions: the row of each item id in the catalogue; others are not counted.
        """
        users: list[int] = []
        items: list[int] = []
        days: list[float] = []
        n_users = 0
        for user, history in enumerate(histories):
            last = _last_days(history, positions)
            users += [user] * len(last)
            items += last.keys()
            days += last.values()
            n_users += 1
        return cls(
            n_users=n_users,
            n_items=len(positions),
            users=np.array(users, np.intp),
            items=np.array(items, np.intp),
            days=np.array(days, np.float64),
        )

    @property
    def counts(self) -> Float64:
        """(n_items,) float64: how many users reviewed each item."""
        return self.to_items(np.ones(self.n_users))

    @property
    def is_shared(self) -> bool:
        """Whether any user reviewed two items, so that these have something in common."""
        return bool((np.diff(self.users) == 0).any())

    def of_each_user(self) -> list[NDArray[np.intp]]:
        """Return the items of each user who has any."""
        return np.split(self.items, np.flatnonzero(np.diff(self.users)) + 1)

    def to_users(self, values: Float64) -> Float64:
        """Return X·v, for each user the sum of v over the user's items: (n_items,) → (n_users,)."""
        return np.bincount(self.users, values[self.items], self.n_users).astype(np.float64)

    def to_items(self, values: Float64) -> Float64:
        """Return Xᵀ·v, for each item the sum of v over its users: (n_users,) → (n_items,)."""
        return np.bincount(self.items, values[self.users], self.n_items).astype(np.float64)


def _last_days(history: UserReviews, positions: Mapping[str, int]) -> dict[int, float]:
    """Return the user's items, and when each was reviewed last (reviews are oldest first)."""
    last = {}
    for review in history.reviews:
        if review.item_id is not None and review.item_id in positions:
            when = review.when
            days = np.nan if when is None else when.timestamp() / _SECONDS_PER_DAY
            last[positions[review.item_id]] = days
    return last
