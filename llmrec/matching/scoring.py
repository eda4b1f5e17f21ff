"""One score of several parts: each is standardised for the person, weighted, and added up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmrec.matching.part import Part, Person
from llmrec.matching.score_parts import PartName
from llmrec.matching.similarity import Float64

_FLAT = 1e-9


@dataclass(frozen=True, slots=True)
class Standardised:
    """What a part makes of every item for one person, free of the part's own scale.

    Attributes:
        z: (n_items,) float64, 0 everywhere where the part knows nothing of the person.
        deviation: of the part's scores, 0 where it knows nothing.
    """

    z: Float64
    deviation: float


def standardised(scores: Float64, reviewed: NDArray[np.intp]) -> Standardised:
    """Return (s_i - mean) / deviation, both over the items that the person has not reviewed.

    Where fewer than two of these are left, there is nothing to compare, and both are over all.

    Args:
        scores: (n_items,) float64 of one part.
        reviewed: rows of the items reviewed, each any number of times.
    """
    others = np.delete(scores, np.unique(reviewed))
    if len(others) < 2:
        others = scores
    deviation = float(others.std())
    if deviation <= _FLAT * np.abs(scores).max():
        return Standardised(np.zeros(len(scores)), 0.0)
    return Standardised((scores - others.mean()) / deviation, deviation)


def standardised_parts(parts: Iterable[Part], person: Person) -> Float64:
    """Return (n_parts, n_items) float64: what each part makes of a person, standardised."""
    return np.stack([standardised(part.scores(person), person.positions).z for part in parts])


@dataclass(frozen=True, slots=True)
class FusedScores:
    """What the parts make of every item for one person.

    Attributes:
        contributions: of each part that knows something of the person, (n_items,) float64: what
            it adds to the score.
        per_unit: of each of them, what one unit of its own scale adds to the score.
        scores: (n_items,) float64, higher is better.
    """

    contributions: dict[PartName, Float64]
    per_unit: dict[PartName, float]
    scores: Float64

    def shares(self, item: int) -> dict[PartName, float]:
        """Return the share of each part in what raises an item's score; none where nothing does."""
        raising = {name: float(each[item]) for name, each in self.contributions.items()}
        total = sum(value for value in raising.values() if value > 0)
        return {name: value / total for name, value in raising.items() if value > 0}


class Score:
    """Several parts as one, which is a part again: Σ w_p · z_p / Σ w_p.

    z_p is standardised for the person. A part that knows nothing of the person is left out of
    both sums, so that the unit of a score stays about one deviation.

    Args:
        parts: by name.
        weights: by name, 0 or more; those without a part are left out.
        n_items: of the catalogue.
    """

    def __init__(
        self, parts: Mapping[PartName, Part], weights: Mapping[PartName, float], n_items: int
    ) -> None:
        self._parts = {name: part for name, part in parts.items() if weights.get(name, 0) > 0}
        self._weights = weights
        self._n_items = n_items

    def fused(self, person: Person) -> FusedScores:
        """Score every item, and keep what each part adds."""
        found = {
            name: standardised(part.scores(person), person.positions)
            for name, part in self._parts.items()
        }
        known = {name: one for name, one in found.items() if one.deviation}
        total = sum(self._weights[name] for name in known)
        share = {name: self._weights[name] / total for name in known}
        contributions = {name: share[name] * one.z for name, one in known.items()}
        return FusedScores(
            contributions,
            {name: share[name] / one.deviation for name, one in known.items()},
            sum(contributions.values(), start=np.zeros(self._n_items)),
        )

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        return self.fused(person).scores
