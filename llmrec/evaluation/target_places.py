"""Where the items to be found stand under many weights at once, without their lists."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llmrec.evaluation.found import Found
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.placing import equal_where_equal
from llmrec.matching.similarity import Float64


@dataclass(slots=True)
class TargetPlaces:
    """Places of targets, user by user, under each of several weights of the parts of a score.

    Attributes:
        n_weights: how many weights there are.
        user_ids: whose places have been added.
    """

    n_weights: int
    user_ids: list[str] = field(default_factory=list)
    _users: list[int] = field(default_factory=list)
    _above: list[NDArray[np.int64]] = field(default_factory=list)
    _tied: list[NDArray[np.int64]] = field(default_factory=list)

    def add(
        self,
        user_id: str,
        weights: Float64,
        parts: Float64,
        targets: NDArray[np.intp],
        left_out: NDArray[np.intp],
    ) -> None:
        """Add a user.

        Args:
            user_id: whose.
            weights: (n_weights, n_parts) float64; a score is the sum of the parts by weight.
            parts: (n_parts, n_items) float64.
            targets: rows of the items to be found, at least one.
            left_out: rows of items that are not ranked, none of them a target.
        """
        ranked = np.delete(np.arange(parts.shape[1]), left_out)
        of_ranked, own = parts[:, ranked], np.searchsorted(ranked, targets)
        above, tied = np.empty((2, len(own), len(weights)), np.int64)
        for number, one in enumerate(weights):  # all scores at once would fill the memory
            scores = equal_where_equal(one @ of_ranked)
            for target, score in enumerate(scores[own]):
                above[target, number] = np.count_nonzero(scores > score)
                tied[target, number] = np.count_nonzero(scores == score)
        self._users += [len(self.user_ids)] * len(own)
        self._above += list(above)
        self._tied += list(tied)
        self.user_ids.append(user_id)

    def values(self, metric: Metric) -> Float64:
        """Return the metric under each of the weights: (n_weights, n_users) float64."""
        users = np.array(self._users, np.int64)
        above, tied = (
            np.array(one, np.int64).reshape(len(users), self.n_weights)
            for one in (self._above, self._tied)
        )
        return np.stack(
            [
                metric.values(self._found(users, above[:, number], tied[:, number]))
                for number in range(self.n_weights)
            ]
        )

    def _found(
        self, users: NDArray[np.int64], above: NDArray[np.int64], tied: NDArray[np.int64]
    ) -> Found:
        order = np.lexsort((above, users))
        ones = np.ones(len(users))
        return Found(tuple(self.user_ids), (), users, above[order], tied[order], ones, users, ones)
