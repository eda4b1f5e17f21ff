"""Ranked lists of many users, in a few arrays."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llmrec.errors import InputError

Qrels = Mapping[str, Mapping[str, int]]
"""Relevance by user and item; an item is relevant from 1, what is not named is not relevant."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Ranked lists of many users, best first.

    Attributes:
        user_ids: whose, one for each list.
        item_ids: what ``items`` counts in.
        starts: (n_lists + 1,) int64; list number u is ``starts[u]:starts[u + 1]``.
        items: (n_entries,) int32, positions in ``item_ids``, no one twice in a list.
        scores: (n_entries,) float64, finite, never rising within a list.
    """

    user_ids: tuple[str, ...]
    item_ids: Sequence[str]
    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    scores: NDArray[np.float64]

    @classmethod
    def from_lists(cls, lists: Mapping[str, tuple[Sequence[str], Sequence[float]]]) -> "Run":
        """Make a run of item ids and scores by user, in any order.

        Raises:
            InputError: an item stands in a list twice, a score is not finite, or the two are not
                of one length.
        """
        for user_id, (ids, scores) in lists.items():
            if len(ids) != len(scores):
                raise InputError(
                    f"user {user_id!r}: {len(ids)} items came with {len(scores)} scores: "
                    "expected one score for each item"
                )
        lengths = [len(ids) for ids, _ in lists.values()]
        codes: dict[str, int] = {}
        items = [codes.setdefault(item, len(codes)) for ids, _ in lists.values() for item in ids]
        return Entries(
            tuple(lists),
            tuple(codes),
            np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
            np.array(items, np.int32),
            np.array([*chain.from_iterable(scores for _, scores in lists.values())], np.float64),
        ).checked_run()

    @classmethod
    def from_rows(
        cls,
        user_ids: Sequence[str],
        item_ids: Sequence[str],
        rows: NDArray[np.integer],
        scores: ArrayLike,
    ) -> "Run":
        """Make a run of lists of catalogue positions, in any order.

        Args:
            user_ids: n_users of them.
            item_ids: the catalogue, no id twice.
            rows: (n_users, depth) integers, positions in ``item_ids``; negative where a list is
                shorter.
            scores: (n_users, depth), higher is better; not read where ``rows`` is negative.

        Raises:
            InputError: shapes do not fit, a position is not in the catalogue, an item stands in
                a list twice, or a score is not finite.
        """
        cells = np.asarray(scores, np.float64)
        if rows.ndim != 2 or rows.shape[0] != len(user_ids) or cells.shape != rows.shape:
            raise InputError(
                f"expected rows and scores of shape ({len(user_ids)}, depth), one list for each "
                f"user, came {rows.shape} and {cells.shape}"
            )
        if rows.max(initial=-1) >= len(item_ids):
            raise InputError(
                f"expected positions below {len(item_ids)}, the number of items, came {rows.max()}"
            )
        users, places = np.nonzero(rows >= 0)
        return Entries(
            tuple(user_ids),
            item_ids,
            users.astype(np.int32),
            rows[users, places].astype(np.int32),
            cells[users, places],
        ).checked_run()

    def lists(self) -> Iterator[tuple[str, NDArray[np.int32], NDArray[np.float64]]]:
        """Yield each user, the positions of the items in ``item_ids``, and their scores."""
        for number, user_id in enumerate(self.user_ids):
            own = slice(*self.starts[number : number + 2])
            yield user_id, self.items[own], self.scores[own]


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """What a run is made of, in the order in which it came.

    Attributes:
        user_ids: what ``users`` counts in, no id twice.
        item_ids: what ``items`` counts in, no id twice.
        users: (n_entries,) int32, positions in ``user_ids``.
        items: (n_entries,) int32, positions in ``item_ids``.
        scores: (n_entries,) float64.
    """

    user_ids: tuple[str, ...]
    item_ids: Sequence[str]
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    scores: NDArray[np.float64]

    def checked_run(self) -> Run:
        """Return the run.

        Raises:
            InputError: an id came twice, or an entry cannot be.
        """
        for kind, ids in (("user", self.user_ids), ("item", self.item_ids)):
            if len(set(ids)) < len(ids):
                twice, times = Counter(ids).most_common(1)[0]
                raise InputError(f"{kind} {twice!r} came {times} times: expected each id once")
        flaw = self.first_flaw()
        if flaw is not None:
            raise InputError(flaw[1])
        return self.run()

    def first_flaw(self) -> tuple[int, str] | None:
        """Return the number (from 0) of the first entry that cannot be and why, if there is one."""
        unusable = np.flatnonzero(~np.isfinite(self.scores))
        flaws = [(int(n), "has the score {score}: expected a finite number") for n in unusable[:1]]
        keys = self.users * np.int64(len(self.item_ids)) + self.items
        if _has_repeats(keys):
            order = np.argsort(keys, kind="stable")
            again = order[1:][np.diff(keys[order]) == 0]
            flaws.append((int(again.min()), "stands in the list a second time"))
        if not flaws:
            return None
        entry, what = min(flaws)
        user_id = self.user_ids[self.users[entry]]
        item_id = self.item_ids[self.items[entry]]
        what = what.format(score=self.scores[entry])
        return entry, f"user {user_id!r}: item {item_id!r} {what}"

    def run(self) -> Run:
        """Return the run, each list sorted by falling score, equal scores as they came."""
        users, items, scores = self.users, self.items, self.scores
        same_user = users[1:] == users[:-1]
        if np.any(users[1:] < users[:-1]) or np.any(same_user & (scores[1:] > scores[:-1])):
            order = np.lexsort((-scores, users))
            users, items, scores = users[order], items[order], scores[order]
        starts = np.searchsorted(users, np.arange(len(self.user_ids) + 1))
        return Run(self.user_ids, self.item_ids, starts, items, scores)


def _has_repeats(keys: NDArray[np.int64]) -> bool:
    ordered = np.sort(keys)
    return bool(np.any(ordered[1:] == ordered[:-1]))
