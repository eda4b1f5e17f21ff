"""Where a system places the items to be found, over the whole catalogue of every user."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from llmrec.evaluation.found import Found
from llmrec.evaluation.runs import Run
from llmrec.evaluation.task import Task
from llmrec.matching.part import Part, Person
from llmrec.matching.similarity import Float64

GRID: Final = 2.0**-23
"""Steps of a score, relative to the largest: what a float32 can tell apart."""
DEPTH: Final = 100
"""Length of the lists that are written as a run; a tie at its end is kept whole."""


def equal_where_equal(scores: Float64) -> Float64:
    """Return scores that are equal where they differ by rounding errors only.

    Two items with one text have one score, but sums of products that are added in another order
    differ in their last bits, and an order would come from nowhere. So scores are compared on a
    grid of 2^-23 (1.2e-7) of the largest magnitude.

    Args:
        scores: (n,) float64, finite.
    """
    step = np.abs(scores).max(initial=0.0) * GRID
    on_grid: Float64 = np.rint(scores / step) * step if step > 0 else np.zeros(len(scores))
    return on_grid


def place_targets(part: Part, task: Task, served: Sequence[Person]) -> Found:
    """Rank for each person, and count what is above each target and what is tied with it.

    Args:
        part: scores the catalogue.
        task: for whom, what and among which items.
        served: the people the system can serve, in the order of the task; others count as
            missing, and so does who has nothing to be ranked.
    """
    number_of = {user_id: number for number, user_id in enumerate(task.user_ids)}
    places: list[tuple[int, int, int]] = []
    with_list = set()
    for person in served:
        rows = task.ranked_rows(person)
        if not len(rows):
            continue
        with_list.add(person.user_id)
        scores = equal_where_equal(part.scores(person)[rows])
        own = scores[np.isin(rows, task.target_rows(person))]
        ordered = np.sort(scores)
        above = len(ordered) - np.searchsorted(ordered, own, side="right")
        tied = len(ordered) - np.searchsorted(ordered, own, side="left") - above
        number = number_of[person.user_id]
        places += sorted(zip([number] * len(own), above.tolist(), tied.tolist(), strict=True))
    found = np.array(places, np.int64).reshape(-1, 3)
    relevant = [len(task.targets[user_id]) for user_id in task.user_ids]
    return Found(
        user_ids=task.user_ids,
        missing=tuple(user_id for user_id in task.user_ids if user_id not in with_list),
        users=found[:, 0],
        above=found[:, 1],
        tied=found[:, 2],
        gains=np.ones(len(found)),
        relevant_users=np.repeat(np.arange(len(relevant)), relevant),
        relevant_gains=np.ones(sum(relevant)),
    )


def best_lists(part: Part, task: Task, served: Sequence[Person], depth: int = DEPTH) -> Run:
    """Return the best items of each person, with every item of the score at the last rank.

    Metrics of this run are those of ``place_targets`` for every k up to the depth.

    Args:
        part: scores the catalogue.
        task: for whom, and among which items.
        served: the people that lists are made for.
        depth: how many items, and those tied with the last one.
    """
    lists = {}
    for person in served:
        rows = task.ranked_rows(person)
        scores = equal_where_equal(part.scores(person)[rows])
        if len(rows) > depth:
            kept = scores >= np.partition(scores, -depth)[-depth]
            rows, scores = rows[kept], scores[kept]
        lists[person.user_id] = ([task.item_ids[row] for row in rows], scores.tolist())
    return Run.from_lists(lists)
