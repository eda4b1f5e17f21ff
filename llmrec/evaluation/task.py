"""What there is to do: for which people, which items are to be found, among which."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llmrec.evaluation.held_out import hold_out
from llmrec.evaluation.labels import Labels
from llmrec.matching.part import Person
from llmrec.matching.profile_match import Taste
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.splits import Split

Candidates = Mapping[str, Collection[str]]
"""Of each user the items that are ranked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The evaluated people, in the order of the split, and what is to be found for each.

    Attributes:
        item_ids: the catalogue.
        people: as systems see them.
        targets: of each user, the ids of the held-out items to be found.
        lines: digests of the lines of the split, as ``people``.
        candidates: what is ranked for each user, or None for the whole catalogue.
        positions: the row of each item id.
    """

    item_ids: Sequence[str]
    people: tuple[Person, ...]
    targets: Mapping[str, frozenset[str]]
    lines: tuple[str, ...]
    candidates: Candidates | None = None
    positions: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        positions = {item_id: row for row, item_id in enumerate(self.item_ids)}
        object.__setattr__(self, "positions", positions)

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Everybody, in order."""
        return tuple(person.user_id for person in self.people)

    @property
    def qrels(self) -> dict[str, dict[str, int]]:
        """The targets as judgements of relevance 1, also of items the catalogue does not have."""
        return {user: dict.fromkeys(sorted(self.targets[user]), 1) for user in self.user_ids}

    @property
    def not_in_catalogue(self) -> tuple[str, ...]:
        """The users who have a target that nothing can find."""
        return tuple(u for u in self.user_ids if not self.targets[u] <= self.positions.keys())

    @property
    def labels(self) -> Labels:
        """The targets as what weights are fitted on."""
        return Labels(self.people, {p.user_id: self.target_rows(p) for p in self.people})

    def target_rows(self, person: Person) -> NDArray[np.intp]:
        """Return the rows of the items to be found that the catalogue has, ascending."""
        return self._rows(self.targets[person.user_id])

    def ranked_rows(self, person: Person) -> NDArray[np.intp]:
        """Return the rows that are ranked, ascending.

        That is the catalogue without the items of the history, a target never left out; or the
        candidates, just as they are, and nothing for a user who has none.
        """
        if self.candidates is not None:
            return self._rows(self.candidates.get(person.user_id, ()))
        is_ranked = np.ones(len(self.item_ids), np.bool_)
        is_ranked[person.positions] = False
        is_ranked[self.target_rows(person)] = True
        return np.flatnonzero(is_ranked)

    def _rows(self, item_ids: Iterable[str]) -> NDArray[np.intp]:
        known = {self.positions[item_id] for item_id in item_ids if item_id in self.positions}
        return np.array(sorted(known), np.intp)


def make_task(
    users: Iterable[UserReviews],
    split: Split,
    item_ids: Sequence[str],
    *,
    profiles: Mapping[str, InterestProfile] | None = None,
    tastes: Mapping[str, Taste] | None = None,
    candidates: Candidates | None = None,
) -> Task:
    """Make the task of a split.

    Args:
        users: all reviews of everybody in the split; others are not read.
        split: what is held out.
        item_ids: the catalogue, no id twice.
        profiles: by user.
        tastes: their interests, embedded, by user.
        candidates: what is ranked for each user; None for the whole catalogue.

    Raises:
        InputError: the split does not belong to these reviews.
    """
    positions = {item_id: row for row, item_id in enumerate(item_ids)}
    people, targets = {}, {}
    for user in users:
        if user.user_id in split.lines:
            people[user.user_id] = Person.of(
                split.history(user),
                positions,
                (profiles or {}).get(user.user_id),
                (tastes or {}).get(user.user_id),
            )
            targets[user.user_id] = hold_out(user, split).target_items
    split.require(set(people))
    in_order = tuple(people[user_id] for user_id in split.lines)
    return Task(
        item_ids=item_ids,
        people=in_order,
        targets=targets,
        lines=tuple(split.digests[user_id] for user_id in split.lines),
        candidates=candidates,
    )
