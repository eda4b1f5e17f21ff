"""What an evaluation may build systems from: the catalogue, and what is not held out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llmrec.errors import SettingsError
from llmrec.evaluation.labels import Labels
from llmrec.matching.part_material import PartMaterial
from llmrec.records.grouping import UserReviews
from llmrec.records.splits import Split


@dataclass(frozen=True, kw_only=True)
class Material(PartMaterial):
    """What systems are built from; but for ``labels`` nothing comes from a held-out review.

    Attributes:
        seed: of what is random.
        labels: what is to be found, for systems that are fitted on other users than the one they
            score (``CrossFitted``), or None.
    """

    seed: int = 0
    labels: Labels | None = None

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

    Raises:
        InputError: the split does not belong to these reviews.
    """
    for user in users:
        yield split.history(user) if user.user_id in split.lines else user
