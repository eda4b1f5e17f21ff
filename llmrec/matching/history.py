"""Parts of a score that know a person by the items reviewed: their vectors, and who shares them."""

import logging
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llmrec.llm.embedder import Rows
from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Person
from llmrec.matching.similarity import Float64, HubStatistics, cosines

log = logging.getLogger(__name__)

EASE_REGULARISATION: Final = 50.0
EASE_MAX_ITEMS: Final = 6_000
_BLOCK_ITEMS = 4096


class ItemMean:
    """Similarity to the mean vector of the reviewed items.

    Standardising is linear: z of the mean is the mean of the reviewed items' z.

    Args:
        rows: (n_items, dim) float32, unit rows.
        hub: corrects for items that are near to everything; None for the plain inner product.
    """

    def __init__(self, rows: Rows, hub: HubStatistics | None = None) -> None:
        self._rows = rows
        self._hub = hub

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        if not len(person.positions):
            return np.zeros(len(self._rows))
        mean = self._rows[person.positions].mean(axis=0, keepdims=True)
        similarities = cosines(mean, self._rows)
        if self._hub is not None:
            similarities = self._hub.standardise(similarities)
        return similarities.ravel()


def catalogue_hub(rows: Rows) -> HubStatistics:
    """Return each item's mean and deviation over a bank that is the catalogue itself.

    The same as ``hub_statistics(rows, rows)``, without its n_items² products: over a bank with
    mean m and covariance C the inner product with a row v has mean v·m and variance vᵀCv.

    Args:
        rows: (n_items, dim) float32, at least one.
    """
    blocks = [rows[start : start + _BLOCK_ITEMS] for start in range(0, len(rows), _BLOCK_ITEMS)]
    mean = rows.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((len(mean), len(mean)))
    for block in blocks:
        centred = block - mean
        covariance += centred.T @ centred / len(rows)
    variances = [np.einsum("id,id->i", block @ covariance, block) for block in blocks]
    return HubStatistics(
        mean=np.concatenate([block @ mean for block in blocks]),
        deviation=np.sqrt(np.maximum(np.concatenate(variances), 0)),
    )


class ItemNeighbours:
    """Items that were reviewed by the users of the reviewed items.

    The score of item i is the sum of its cosines with the reviewed items j as sets of users:
    |U_i ∩ U_j| / √(|U_i| · |U_j|), over all j ≠ i (Sarwar et al. 2001).

    Args:
        interactions: what may be counted: no review that an evaluation holds out.
    """

    def __init__(self, interactions: Interactions) -> None:
        counts = interactions.counts
        self._interactions = interactions
        self._scale = 1 / np.sqrt(np.maximum(counts, 1))
        self._is_reviewed = counts > 0

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        own = np.unique(person.positions)
        chosen = np.zeros(self._interactions.n_items)
        chosen[own] = self._scale[own]
        near = self._interactions.to_items(self._interactions.to_users(chosen)) * self._scale
        near[own] -= self._is_reviewed[own]  # no item is its own neighbour
        return near


class Ease:
    """A linear model from the items of a user to each other item, in closed form (Steck 2019).

    With the item counts G = XᵀX and P = (G + λI)⁻¹, the weight of item j for item i is
    B_ji = -P_ji / P_ii, and 0 for j = i; a person's score of i is Σ_j B_ji over the items reviewed.
    Items that nobody reviewed have no weights.

    Args:
        interactions: what may be counted: no review that an evaluation holds out.
        regularisation: λ.
        max_items: memory grows with the square of the items, so that of more reviewed items than
            this only those with the most users have weights; said in the log.
    """

    def __init__(
        self,
        interactions: Interactions,
        regularisation: float = EASE_REGULARISATION,
        max_items: int = EASE_MAX_ITEMS,
    ) -> None:
        self._kept = _most_reviewed(interactions, max_items)
        self._place = np.full(interactions.n_items, -1)
        self._place[self._kept] = np.arange(len(self._kept))
        gram = regularisation * np.eye(len(self._kept))
        for items in interactions.of_each_user():
            own = self._places(items)
            gram[np.ix_(own, own)] += 1
        inverse = np.linalg.inv(gram)
        self._weights = -inverse / inverse.diagonal()
        np.fill_diagonal(self._weights, 0)

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        scores = np.zeros(len(self._place))
        own = self._places(np.unique(person.positions))
        scores[self._kept] = self._weights[own].sum(axis=0)
        return scores

    def _places(self, items: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where the items stand among those that have weights."""
        places = self._place[items]
        return places[places >= 0]


def _most_reviewed(interactions: Interactions, limit: int) -> NDArray[np.intp]:
    """Return the items that anybody reviewed, at most so many, those with the most users first."""
    counts = interactions.counts
    n_reviewed = int((counts > 0).sum())
    if n_reviewed > limit:
        log.warning("EASE has weights for the %d most reviewed of %d items", limit, n_reviewed)
    return np.argsort(-counts, kind="stable")[: min(n_reviewed, limit)]
