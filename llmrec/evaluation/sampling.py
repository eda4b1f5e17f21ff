"""Sampled candidates: the items to be found among a few at random."""

import hashlib
from dataclasses import replace

import numpy as np

from llmrec.evaluation.task import Task


def with_sampled_candidates(task: Task, n: int, seed: int = 0) -> Task:
    """Rank only the targets and n other items, drawn for each user, without the history.

    Such figures are far above those of a whole catalogue and need not even order systems alike
    (Krichene and Rendle 2020): they are labelled not comparable.

    Args:
        task: over a whole catalogue.
        n: how many others; all, where there are fewer.
        seed: another seed, other items.
    """
    sampled = {}
    for person in task.people:
        targets = task.target_rows(person)
        others = np.setdiff1d(task.ranked_rows(person), targets)
        digest = hashlib.sha256(person.user_id.encode("utf-8")).digest()
        # Not the numbers of the random baseline, which would then know the targets.
        draw = np.random.default_rng([seed, n, int.from_bytes(digest)])
        chosen = draw.choice(others, min(n, len(others)), replace=False)
        sampled[person.user_id] = [task.item_ids[row] for row in (*targets, *chosen)]
    return replace(task, candidates=sampled)
