"""Where the relevant items stand in the lists of a run: all that a metric needs to know."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmrec.errors import InputError
from llmrec.evaluation.runs import Qrels, Run


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Which places the relevant items of each user can have, equal scores in any order.

    Who ranks a whole catalogue can fill it without a run: ``above`` and ``tied`` are counts over
    the scores of one user.

    Attributes:
        user_ids: all users of the qrels, in their order.
        missing: those of them who have no list, or an empty one; they count 0.
        users: (n_found,) int64, positions in ``user_ids``, never falling.
        above: (n_found,) int64, how many items of the list have a higher score; never falling
            within a user.
        tied: (n_found,) int64, how many have this score, itself included: the rank is one of
            ``above + 1`` to ``above + tied``, each as likely.
        gains: (n_found,) float64, the relevance, above 0.
        relevant_users: (n_relevant,) int64, the user of every relevant item, found or not,
            never falling.
        relevant_gains: (n_relevant,) float64, its relevance, never rising within a user.
    """

    user_ids: tuple[str, ...]
    missing: tuple[str, ...]
    users: NDArray[np.int64]
    above: NDArray[np.int64]
    tied: NDArray[np.int64]
    gains: NDArray[np.float64]
    relevant_users: NDArray[np.int64]
    relevant_gains: NDArray[np.float64]


def find(run: Run, qrels: Qrels) -> Found:
    """Find the relevant items in a run's lists.

    A list that ends inside a tie hides the rest of the tie: for a metric at k, give lists that
    hold every item of the score at rank k. Lists of users who are not in the qrels are not read.

    Args:
        run: the lists.
        qrels: what is relevant; a relevance below 1 is as good as none.

    Raises:
        InputError: the qrels name no user.
    """
    if not qrels:
        raise InputError("the qrels name no user: there is nothing to evaluate")
    user_ids = tuple(qrels)
    pairs = [
        (user, item, float(relevance))
        for user, user_id in enumerate(user_ids)
        for item, relevance in sorted(qrels[user_id].items(), key=lambda pair: -pair[1])
        if relevance > 0
    ]
    users = np.array([user for user, _, _ in pairs], np.int64)
    gains = np.array([gain for _, _, gain in pairs], np.float64)
    entries, relevant = _matches(run, user_ids, users, [item for _, item, _ in pairs])
    above, tied = _places(run, entries)
    # Within a list the entries are found from the top: a stable sort keeps them so.
    order = np.argsort(users[relevant], kind="stable")
    with_list = {run.user_ids[number] for number in np.flatnonzero(np.diff(run.starts))}
    return Found(
        user_ids=user_ids,
        missing=tuple(user_id for user_id in user_ids if user_id not in with_list),
        users=users[relevant][order],
        above=above[order],
        tied=tied[order],
        gains=gains[relevant][order],
        relevant_users=users,
        relevant_gains=gains,
    )


def _matches(
    run: Run, user_ids: tuple[str, ...], users: NDArray[np.int64], item_ids: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the entries of the run that are relevant, and which pair of the qrels each is."""
    lists = {user_id: number for number, user_id in enumerate(run.user_ids)}
    wanted = set(item_ids)
    codes = {item: code for code, item in enumerate(run.item_ids) if item in wanted}
    # A pair whose user or item is not in the run has a negative number, which no entry has.
    pair_lists = np.array([lists.get(user_id, -1) for user_id in user_ids], np.int64)[users]
    pair_items = np.array([codes.get(item, -1) for item in item_ids], np.int64)
    n_items = len(run.item_ids)
    known = (pair_lists >= 0) & (pair_items >= 0)
    keys = np.where(known, pair_lists * n_items + pair_items, -1)
    is_wanted = np.zeros(n_items, np.bool_)
    is_wanted[pair_items[known]] = True
    # Few entries are items that anybody wants: only these are looked up.
    entries = np.flatnonzero(is_wanted[run.items])
    entry_lists = np.searchsorted(run.starts, entries, side="right") - 1
    entry_keys = entry_lists * n_items + run.items[entries]
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys[order], entry_keys), len(order) - 1)
    pairs = order[place]
    match = keys[pairs] == entry_keys
    return entries[match], pairs[match]


def _places(run: Run, entries: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return of each entry how many of its list have a higher score, and how many the same."""
    begins = np.ones(len(run.scores) + 1, np.bool_)
    begins[1:-1] = run.scores[1:] != run.scores[:-1]
    begins[run.starts] = True
    groups = np.flatnonzero(begins)
    group = np.searchsorted(groups, entries, side="right") - 1
    own_list = np.searchsorted(run.starts, entries, side="right") - 1
    return groups[group] - run.starts[own_list], groups[group + 1] - groups[group]
