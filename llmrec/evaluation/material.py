"""What an evaluation may build systems from: the catalogue, and what is not held out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from llmrec.errors import SettingsError
from llmrec.evaluation.labels import Labels
from llmrec.matching.part_material import PartMaterial
from llmrec.matching.score_parts import PartName
from llmrec.matching.similarity import HubStatistics
from llmrec.records.grouping import UserReviews
from llmrec.records.splits import Split


@dataclass(frozen=True, kw_only=True)
class Material(PartMaterial):
    """What systems are built from; but for ``labels`` nothing comes from a held-out review.

    Attributes:
        language_hub: the items' statistics, less what language adds, or None.
        seed: of what is random.
        labels: what is to be found, for systems that are fitted on other users than the one they
            score (``CrossFitted``), or None.
        weights: of parts, fitted on none of the evaluated users, for ``weighted``, or None.
    """

    language_hub: HubStatistics | None = None
    seed: int = 0
    labels: Labels | None = None
    weights: Mapping[PartName, float] | None = None

    @property
    def known_language_hub(self) -> HubStatistics:
        """The statistics, less what language adds.

        Raises:
            SettingsError: there are none.
        """
        if self.language_hub is None:
            raise SettingsError("this system needs the bank of an index: give one (--index DIR)")
        return self.language_hub

    @property
    def known_labels(self) -> Labels:
        """The labels.

        Raises:
            SettingsError: there are none.
        """
        if self.labels is None:
            raise SettingsError("this system is fitted on held-out items: give labels")
        return self.labels


def visible_reviews(users: Iterable[UserReviews], split: Split) -> Iterator[UserReviews]:
    """Yield what may be counted: an evaluated user's history, all reviews of the others.

    Where the split cuts everybody at one moment, the others are cut there too: what they wrote
    later is the future of every history.

    Args:
        users: all reviews of all users.
        split: what is held out.

    Raises:
        InputError: the split does not belong to these reviews.
    """
    everybody = tuple(users)
    cut = _common_cut(everybody, split)
    for user in everybody:
        if user.user_id in split.lines:
            yield split.history(user)
        elif cut is None:
            yield user
        else:
            yield _before(user, cut)


def _common_cut(users: Sequence[UserReviews], split: Split) -> datetime | None:
    """Return when the first held-out review was written, if no history has one as late."""
    history: list[datetime] = []
    held_out: list[datetime] = []
    for user in users:
        line = split.lines.get(user.user_id)
        if line is not None:
            in_history = frozenset(line.history_lines)
            for place, review in zip(user.lines, user.reviews, strict=True):
                if review.when is not None:
                    (history if place in in_history else held_out).append(review.when)
    cut = min(held_out, default=None)
    return None if cut is None or max(history, default=cut) >= cut else cut


def _before(user: UserReviews, cut: datetime) -> UserReviews:
    kept = [n for n, one in enumerate(user.reviews) if one.when is not None and one.when < cut]
    return UserReviews(
        user_id=user.user_id,
        reviews=tuple(user.reviews[n] for n in kept),
        lines=tuple(user.lines[n] for n in kept),
    )
