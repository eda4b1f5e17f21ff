"""Baselines that know next to nothing, and a tie-break by what everybody likes."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from llmrec.matching.part import Part, Person
from llmrec.matching.similarity import Float64
from llmrec.records.reviews import Item

TIE_BREAK: Final = 1e-6


class Random:
    """The catalogue in random order, for each user another one that depends on nothing else.

    Args:
        n_items: of the catalogue.
        seed: 0 or more; another seed, other orders.
    """

    def __init__(self, n_items: int, seed: int = 0) -> None:
        self._n_items = n_items
        self._seed = seed

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        digest = hashlib.sha256(person.user_id.encode("utf-8")).digest()
        generator = np.random.default_rng([self._seed, int.from_bytes(digest)])
        return generator.random(self._n_items)


class RecentCategory:
    """Items of the categories of the item reviewed last: the more of them shared the better.

    Items that share equally many are ordered by popularity, and so is the whole catalogue where
    that item has no categories, or there is none.

    Args:
        items: the catalogue.
        popularity: scores, 0 or more, that do not depend on the person.
    """

    def __init__(self, items: Sequence[Item], popularity: Part) -> None:
        self._categories = [frozenset(item.categories) for item in items]
        self._popularity = popularity
        members = defaultdict(list)
        for position, categories in enumerate(self._categories):
            for category in categories:
                members[category].append(position)
        self._members = {name: np.array(positions) for name, positions in members.items()}

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        scores = _below_1(self._popularity.scores(person))
        if len(person.positions):
            for category in self._categories[person.positions[-1]]:
                scores[self._members[category]] += 1
        return scores


class TieBreak:
    """A part whose equal scores are told apart by another part: at most 1e-6 is added.

    Args:
        part: decides.
        by: scores, 0 or more, that tell equal ones apart.
    """

    def __init__(self, part: Part, by: Part) -> None:
        self._part = part
        self._by = by

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        return self._part.scores(person) + TIE_BREAK * _below_1(self._by.scores(person))


def _below_1(scores: Float64) -> Float64:
    """Bring scores of 0 or more into [0, 1), in the same order."""
    scaled: Float64 = scores / (1 + scores.max())
    return scaled
