"""The profile match as a part of a score, and what it is warned off by."""

import numpy as np

from llmrec.llm.embedder import Rows
from llmrec.matching.part import Person
from llmrec.matching.profile_match import score_taste
from llmrec.matching.similarity import Float64, HubStatistics


class ProfileMatch:
    """Embedded interests against embedded items, exactly as recommendations are scored.

    Args:
        rows: (n_items, dim) float32, unit rows.
        hub: corrects for items that are near to everything; None for plain cosine of the likes.
    """

    def __init__(self, rows: Rows, hub: HubStatistics | None = None) -> None:
        self._rows = rows
        self._hub = hub

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        if person.taste is None:
            return np.zeros(len(self._rows))
        return score_taste(person.taste, self._rows, self._hub).scores


class Dislikes:
    """What the dislikes of a profile take from an item, below 0.

    ``ProfileMatch`` has taken it once; as a part of its own it can only weigh more than that.

    Args:
        rows: (n_items, dim) float32, unit rows.
        hub: corrects for items that are near to everything.
    """

    def __init__(self, rows: Rows, hub: HubStatistics) -> None:
        self._rows = rows
        self._hub = hub

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        if person.taste is None or person.taste.is_like.all():
            return np.zeros(len(self._rows))
        return -score_taste(person.taste.dislikes, self._rows, self._hub).penalty
