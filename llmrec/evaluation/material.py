"""What an evaluation may build systems from: the catalogue, and what is not held out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from llmrec.errors import SettingsError
from llmrec.evaluation.labels import Labels
from llmrec.llm.embedder import Rows
from llmrec.matching.interactions import Interactions
from llmrec.matching.item_text import item_text
from llmrec.matching.lexical import Bm25, TfIdf
from llmrec.matching.part import Person
from llmrec.matching.popularity import Popularity
from llmrec.matching.similarity import HubStatistics
from llmrec.records.grouping import UserReviews
from llmrec.records.reviews import Item
from llmrec.records.splits import Split


@dataclass(frozen=True, kw_only=True)
class Material:
    """What systems are built from; but for ``labels`` nothing comes from a held-out review.

    Attributes:
        items: the catalogue; scores come in its order.
        interactions: of the reviews that may be counted (``visible_reviews``).
        vectors: (n_items, dim) float32, the rows of an index of these items, or None.
        hub: the items' statistics over the bank in use, for ``profile-hub``, or None.
        seed: of what is random.
        labels: what is to be found, for systems that are fitted on other users than the one they
            score, or None.
    """

    items: Sequence[Item]
    interactions: Interactions
    vectors: Rows | None = None
    hub: HubStatistics | None = None
    seed: int = 0
    labels: Labels | None = None

    @cached_property
    def popularity(self) -> Popularity:
        """How many users reviewed each item."""
        return Popularity(self.interactions)

    @cached_property
    def texts(self) -> list[str]:
        """The text of each item that words are compared with: the one that is embedded."""
        return [item_text(item) for item in self.items]

    @cached_property
    def tf_idf(self) -> TfIdf:
        """The items' texts as TF-IDF vectors."""
        return TfIdf(self.texts)

    @cached_property
    def bm25(self) -> Bm25:
        """The items' texts, weighed for BM25."""
        return Bm25(self.texts)

    @property
    def rows(self) -> Rows:
        """The vectors.

        Raises:
            SettingsError: there are none.
        """
        if self.vectors is None:
            raise SettingsError("this system compares vectors: give an index (--index DIR)")
        return self.vectors

    @property
    def bank_hub(self) -> HubStatistics:
        """The statistics over the bank.

        Raises:
            SettingsError: there are none.
        """
        if self.hub is None:
            raise SettingsError("this system needs the bank of an index: give one (--index DIR)")
        return self.hub

    def text_of_items(self, person: Person) -> str:
        """Return the texts of the items that a person reviewed, one after another."""
        return "\n".join(self.texts[position] for position in person.positions)


def visible_reviews(users: Sequence[UserReviews], split: Split) -> Iterator[UserReviews]:
    """Yield what may be counted: an evaluated user's history, all reviews of the others.

    Where the split cuts everybody at one moment, the others are cut there too: what they wrote
    later is the future of every history.

    Args:
        users: all reviews of all users.
        split: what is held out.

    Raises:
        InputError: the split does not belong to these reviews.
    """
    cut = _common_cut(users, split)
    for user in users:
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
