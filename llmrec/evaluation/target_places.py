"""Where the items to be found stand under many scores at once, without their lists."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llmrec.evaluation.found import Found
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.placing import equal_where_equal
from llmrec.matching.similarity import Float64


@dataclass(slots=True)
class TargetPlaces:
    """Places of targets, user by user, under each of several scores.

    Attributes:
        n_scores: how many scores there are.
        user_ids: whose places have been added.
    """

    n_scores: int
    user_ids: list[str] = field(default_factory=list)
    _users: list[int] = field(default_factory=list)
    _above: list[NDArray[np.int64]] = field(default_factory=list)
    _tied: list[NDArray[np.int64]] = field(default_factory=list)

    def add(
        self,
        user_id: str,
        scores: Float64,
        targets: NDArray[np.intp],
        left_out: NDArray[np.intp],
    ) -> None:
        """Add a user.

        Args:
            user_id: whose.
            scores: (n_scores, n_items) float64.
            targets: rows of the items to be found, at least one.
            left_out: rows of items that are not ranked, none of them a target.
        """
        ranked = np.delete(np.arange(scores.shape[1]), left_out)
        compared = np.stack([equal_where_equal(of_one[ranked]) for of_one in scores])
        for place in np.searchsorted(ranked, targets):
            own = compared[:, [place]]
            self._users.append(len(self.user_ids))
            self._above.append((compared > own).sum(axis=1))
            self._tied.append((compared == own).sum(axis=1))
        self.user_ids.append(user_id)

    def values(self, metric: Metric) -> Float64:
        """Return the metric under each score: (n_scores, n_users) float64."""
        users = np.array(self._users, np.int64)
        above, tied = (
            np.array(one, np.int64).reshape(len(users), self.n_scores)
            for one in (self._above, self._tied)
        )
        return np.stack(
            [
                metric.values(self._found(users, above[:, number], tied[:, number]))
                for number in range(self.n_scores)
            ]
        )

    def _found(
        self, users: NDArray[np.int64], above: NDArray[np.int64], tied: NDArray[np.int64]
    ) -> Found:
        order = np.lexsort((above, users))
        ones = np.ones(len(users))
        return Found(tuple(self.user_ids), (), users, above[order], tied[order], ones, users, ones)
