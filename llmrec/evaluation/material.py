"""What an evaluation may build systems from: the catalogue, and what is not held out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from llmrec.errors import SettingsError
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
    """What systems are built from; nothing in it comes from a review that is held out.

    Attributes:
        items: the catalogue; scores come in its order.
        interactions: of the reviews that may be counted (``visible_reviews``).
        vectors: (n_items, dim) float32, the rows of an index of these items, or None.
        hub: the items' statistics over the bank in use, for ``profile-hub``, or None.
        seed: of what is random.
    """

    items: Sequence[Item]
    interactions: Interactions
    vectors: Rows | None = None
    hub: HubStatistics | None = None
    seed: int = 0

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


def visible_reviews(users: Iterable[UserReviews], split: Split) -> Iterator[UserReviews]:
    """Yield what may be counted: an evaluated user's history, all reviews of the others.

    Raises:
        InputError: the split does not belong to these reviews.
    """
    for user in users:
        yield split.history(user) if user.user_id in split.lines else user
