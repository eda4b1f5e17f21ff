"""Made-up people of whom it is known which part finds what they look for."""

from collections.abc import Sequence

import numpy as np

from llmrec.evaluation.labels import Labels
from llmrec.matching.part import Person
from llmrec.matching.similarity import Float64

N_ITEMS = 60


class Numbered:
    """A part that scores every item by its number."""

    def __init__(self, n_items: int) -> None:
        self._n_items = n_items

    def scores(self, person: Person) -> Float64:
        return np.arange(self._n_items, dtype=np.float64)


class Noise:
    """A part that knows nothing, differently for everybody."""

    def __init__(self, seed: int, n_items: int = N_ITEMS) -> None:
        self._seed = seed
        self._n_items = n_items

    def scores(self, person: Person) -> Float64:
        own = int.from_bytes(person.user_id.encode())
        return np.random.default_rng([self._seed, own]).normal(size=self._n_items)


class Knowing(Noise):
    """The same, but the items that a person looks for are higher by so many deviations."""

    def __init__(
        self, seed: int, wanted: dict[str, int], by: float, n_items: int = N_ITEMS
    ) -> None:
        super().__init__(seed, n_items)
        self._wanted = wanted
        self._by = by

    def scores(self, person: Person) -> Float64:
        scores = super().scores(person)
        scores[self._wanted[person.user_id]] += self._by
        return scores


def people(*reviewed: str) -> list[Person]:
    """Make a person for each word; letters are the items reviewed, ``a`` the first."""
    return [
        Person(
            user_id=f"p{number}",
            reviews=(),
            positions=np.array([ord(letter) - ord("a") for letter in word], np.intp),
        )
        for number, word in enumerate(reviewed)
    ]


def labels(given: Sequence[Person], targets: Sequence[Sequence[int]], n_items: int) -> Labels:
    assert all(max(own, default=0) < n_items for own in targets)
    return Labels(
        tuple(given),
        {p.user_id: np.array(own, np.intp) for p, own in zip(given, targets, strict=True)},
    )


def crowd(n: int, seed: int = 0) -> tuple[Labels, dict[str, int]]:
    """Make n people who look for one item each; return labels, and the item by user."""
    draw = np.random.default_rng(seed)
    given = people(*["ab"] * n)
    wanted = {person.user_id: int(draw.integers(2, N_ITEMS)) for person in given}
    return labels(given, [[wanted[p.user_id]] for p in given], N_ITEMS), wanted
