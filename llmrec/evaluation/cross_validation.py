"""Weights fitted anew for each fold of people, on all the others, and what they are worth.

People are parted into folds by their ids. Weights for a fold come from the other folds alone: the
examples of these, and how free the fit may be, which is chosen among these by leaving out one
more of them. So a person's held-out items touch no number that the person is scored with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llmrec.evaluation.examples import NEGATIVES, Examples, draw_examples, folds
from llmrec.evaluation.fitting import PULLS, choose, fit, path
from llmrec.evaluation.labels import Labels
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.target_places import TargetPlaces
from llmrec.matching.part import Part
from llmrec.matching.score_parts import PartName
from llmrec.matching.scoring import standardised_parts
from llmrec.matching.similarity import Float64

FOLDS: Final = 5
METRIC: Final = Metric("nDCG", 10)


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Weights for each fold, and for everybody else.

    Attributes:
        defaults: (n_parts,) where nothing is learned.
        examples: of all people who have a usable label.
        fold_of: (n_people,) the fold of each person.
        weights: (n_folds, n_parts) for the people of each fold, fitted on the others.
        chosen: on all: 0 for the defaults, else 1 + the place of the pull in ``PULLS``.
        user_ids: people with a usable label.
        values: (n_users,) nDCG@10 of each of them with the weights for their fold.
        of_parts: (n_parts, n_users) nDCG@10 of each part alone.
        of_defaults: (n_users,) nDCG@10 of the defaults.
    """

    defaults: Float64
    examples: Examples
    fold_of: NDArray[np.intp]
    weights: Float64
    chosen: int
    user_ids: tuple[str, ...]
    values: Float64
    of_parts: Float64
    of_defaults: Float64

    @property
    def pull(self) -> float | None:
        """The pull that was chosen on all, None for the defaults."""
        return PULLS[self.chosen - 1] if self.chosen else None

    def fitted(self, counts: Float64 | None = None) -> Float64:
        """Return the weights fitted on all: (n_parts,), 0 or more, summing to 1.

        Args:
            counts: (n_people,) how often each counts; None for once.
        """
        if self.pull is None:
            return self.defaults
        return fit(self.examples, self.defaults, self.pull, counts)


def cross_validate(
    parts: Mapping[PartName, Part],
    labels: Labels,
    defaults: Mapping[PartName, float],
    n_negatives: int = NEGATIVES,
) -> CrossValidation:
    """Fit the weights of parts for each fold of people.

    Args:
        parts: by name.
        labels: people and what is to be found.
        defaults: weights of the parts where nothing is learned, summing to 1.
        n_negatives: how many other items stand beside each item to be found.
    """
    used = [parts[name] for name in defaults]
    start = np.array(list(defaults.values()))
    examples = draw_examples(used, labels, n_negatives)
    fold_of = folds((person.user_id for person in labels.people), FOLDS)
    paths = _paths(examples, fold_of, start)
    places, own = TargetPlaces(), []
    for person, fold in zip(labels.people, fold_of.tolist(), strict=True):
        targets = labels.of(person)
        if len(targets):
            z = standardised_parts(used, person)
            fused = paths[fold].reshape(-1, len(start)) @ z
            places.add(person.user_id, np.concatenate([fused, z]), targets, person.positions)
            own.append(fold)
    found = places.values(METRIC)
    of_paths = found[: -len(start)].reshape(FOLDS, 1 + len(PULLS), -1)
    own_fold = np.array(own, np.intp)
    chosen = [choose(of_paths[fold][:, own_fold != fold]) for fold in range(FOLDS)]
    with_own = of_paths[own_fold, :, np.arange(len(own))]
    return CrossValidation(
        defaults=start,
        examples=examples,
        fold_of=fold_of,
        weights=np.stack([paths[fold, fold, place] for fold, place in enumerate(chosen)]),
        chosen=choose(with_own.T),
        user_ids=tuple(places.user_ids),
        values=with_own[np.arange(len(own)), np.array(chosen)[own_fold]],
        of_parts=found[-len(start) :],
        of_defaults=with_own[:, 0],
    )


def _paths(examples: Examples, fold_of: NDArray[np.intp], defaults: Float64) -> Float64:
    """Return (n_folds, n_folds, 1 + n_pulls, n_parts): [a, b] fitted without folds a and b."""
    in_fold = fold_of[examples.users]
    paths = np.empty((FOLDS, FOLDS, 1 + len(PULLS), len(defaults)))
    for a, b in combinations_with_replacement(range(FOLDS), 2):
        fitted_on = examples.where((in_fold != a) & (in_fold != b))
        paths[a, b] = paths[b, a] = path(fitted_on, defaults)
    return paths
