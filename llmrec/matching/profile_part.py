"""The profile match as a part of a score."""

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
