"""Weights fitted anew for each fold of people, on all the others, and what they are worth.

People are parted into folds by their ids. Weights for a fold come from the other folds alone: the
examples of these, and how free the fit may be, which is chosen among these by leaving out one
more of them. So a person's held-out items touch no number that the person is scored with.
"""

from collections.abc import Mapping, Sequence
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
    """Weights for each fold, and for everybody else. Axes: users are people with a usable label.

    Attributes:
        defaults: (n_parts,) where nothing is learned.
        examples: of all people.
        fold_of: (n_people,) the fold of each person.
        weights: (n_folds, n_parts) for the people of each fold, fitted on the others.
        user_ids: of the users.
        people: (n_users,) intp, the place of each among the people.
        values: (n_users,) nDCG@10 with the weights for their fold.
        of_paths: (1 + n_pulls, n_users) nDCG@10 along the path that was fitted on the other folds.
        of_parts: (n_parts, n_users) nDCG@10 of each part alone.
    """

    defaults: Float64
    examples: Examples
    fold_of: NDArray[np.intp]
    weights: Float64
    user_ids: tuple[str, ...]
    people: NDArray[np.intp]
    values: Float64
    of_paths: Float64
    of_parts: Float64

    @property
    def of_defaults(self) -> Float64:
        """(n_users,) nDCG@10 of the default weights."""
        values: Float64 = self.of_paths[0]
        return values

    def pull(self, drawn: NDArray[np.intp] | None = None) -> float | None:
        """Return the pull that is chosen on all users, None for the defaults.

        Args:
            drawn: places of resampled users, each any number of times; None for all.
        """
        chosen = choose(self.of_paths if drawn is None else self.of_paths[:, drawn])
        return PULLS[chosen - 1] if chosen else None

    def fitted(self, drawn: NDArray[np.intp] | None = None) -> Float64:
        """Return the weights fitted on all users: (n_parts,), 0 or more, summing to 1.

        Args:
            drawn: as for ``pull``.
        """
        pull = self.pull(drawn)
        if pull is None:
            return self.defaults
        people = self.people if drawn is None else self.people[drawn]
        counts = np.bincount(people, minlength=len(self.fold_of)).astype(np.float64)
        return fit(self.examples, self.defaults, pull, counts)


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
    places, people = _places(used, labels, fold_of, paths)
    found = places.values(METRIC)
    of_paths = found[: -len(start)].reshape(FOLDS, 1 + len(PULLS), -1)
    own_fold, each = fold_of[people], np.arange(len(people))
    chosen = np.array([choose(of_paths[fold][:, own_fold != fold]) for fold in range(FOLDS)])
    return CrossValidation(
        defaults=start,
        examples=examples,
        fold_of=fold_of,
        weights=paths[range(FOLDS), range(FOLDS), chosen],
        user_ids=tuple(places.user_ids),
        people=np.array(people, np.intp),
        values=of_paths[own_fold, chosen[own_fold], each],
        of_paths=of_paths[own_fold, :, each].T,
        of_parts=found[-len(start) :],
    )


def _places(
    parts: Sequence[Part], labels: Labels, fold_of: NDArray[np.intp], paths: Float64
) -> tuple[TargetPlaces, list[int]]:
    """Return where targets stand under each path for the person's fold, and each part alone."""
    alone, people = np.eye(len(parts)), list[int]()
    places = TargetPlaces(paths[0].size // len(parts) + len(parts))
    for number, person in enumerate(labels.people):
        targets = labels.of(person)
        if len(targets):
            z = standardised_parts(parts, person)
            weights = np.concatenate([paths[fold_of[number]].reshape(-1, len(parts)), alone])
            places.add(person.user_id, weights, z, targets, person.positions)
            people.append(number)
    return places, people


def _paths(examples: Examples, fold_of: NDArray[np.intp], defaults: Float64) -> Float64:
    """Return (n_folds, n_folds, 1 + n_pulls, n_parts): [a, b] fitted without folds a and b."""
    in_fold = fold_of[examples.users]
    paths = np.empty((FOLDS, FOLDS, 1 + len(PULLS), len(defaults)))
    for a, b in combinations_with_replacement(range(FOLDS), 2):
        fitted_on = examples.where((in_fold != a) & (in_fold != b))
        paths[a, b] = paths[b, a] = path(fitted_on, defaults)
    return paths
