"""What weights are fitted on: people, and the items that are held out of their reviews."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmrec.matching.part import Person


@dataclass(frozen=True, slots=True)
class Labels:
    """People as an evaluation sees them, and what is to be found for each.

    Attributes:
        people: none of them twice.
        targets: (n,) intp by user, rows of the held-out items in the catalogue.
    """

    people: tuple[Person, ...]
    targets: Mapping[str, NDArray[np.intp]]

    def of(self, person: Person) -> NDArray[np.intp]:
        """Return the targets that are usable as labels: none that the person's history is about.

        What a profile was made from is no label either: its sources are in the history.
        """
        targets = self.targets.get(person.user_id, np.zeros(0, np.intp))
        return np.setdiff1d(targets, person.positions)
