"""Examples that weights are fitted on: a held-out item beside others, drawn at random."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from llmrec.evaluation.labels import Labels
from llmrec.matching.part import Part, Person
from llmrec.matching.scoring import standardised_parts
from llmrec.matching.similarity import Float64

NEGATIVES: Final = 200


@dataclass(frozen=True, slots=True)
class Examples:
    """Held-out items beside others. Axes: examples, items, parts.

    Attributes:
        users: (n_examples,) intp, whose each is, never falling.
        features: (n_examples, n_items, n_parts) float32, what each part makes of an item,
            standardised; the first item is the one to be found.
    """

    users: NDArray[np.intp]
    features: NDArray[np.float32]

    @property
    def n_users(self) -> int:
        """Number of users with an example."""
        return len(np.unique(self.users))

    def where(self, kept: NDArray[np.bool_]) -> "Examples":
        """Return the examples that a mask keeps."""
        return Examples(self.users[kept], self.features[kept])

    def shares(self, counts: Float64 | None = None) -> Float64:
        """Return (n_examples,) shares that sum to 1: of each user, parted among its examples.

        Args:
            counts: (at least n_users,) 0 or more, how often each user counts; None for once.
        """
        n_examples = np.bincount(self.users)
        own = 1 / n_examples[self.users] * (1 if counts is None else counts[self.users])
        shares: Float64 = own / own.sum()
        return shares


def draw_examples(
    parts: Sequence[Part], labels: Labels, negatives: int = NEGATIVES, seed: int = 0
) -> Examples:
    """Draw the examples of all people: one for each usable label.

    The others are drawn with replacement from the items that are neither in the person's history
    nor to be found; a person for whom there are none has no example.

    Args:
        parts: in the order of the features.
        labels: people and what is to be found.
        negatives: how many others stand beside an item.
        seed: of the draws, which depend on it and on the person's id alone.
    """
    users: list[int] = []
    features: list[NDArray[np.float32]] = []
    for number, person in enumerate(labels.people):
        targets = labels.of(person)
        if len(targets):
            z = standardised_parts(parts, person)
            others = np.delete(np.arange(z.shape[1]), np.union1d(person.positions, targets))
            if len(others):
                draw = _generator(person, seed)
                for target in targets:
                    drawn = others[draw.integers(len(others), size=negatives)]
                    features.append(z[:, [target, *drawn]].T.astype(np.float32))
                    users.append(number)
    shape = (len(users), 1 + negatives, len(parts))
    return Examples(np.array(users, np.intp), np.array(features, np.float32).reshape(shape))


def folds(user_ids: Iterable[str], n: int) -> NDArray[np.intp]:
    """Return (n_users,) which of n folds each user is in; it depends on the ids alone."""
    keys = [hashlib.sha256(user_id.encode("utf-8")).digest() for user_id in user_ids]
    places = np.empty(len(keys), np.intp)
    places[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return places % n


def _generator(person: Person, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(person.user_id.encode("utf-8")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest)])
