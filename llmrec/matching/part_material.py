"""What the parts of a score are built from."""

from collections.abc import Sequence
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
from llmrec.records.reviews import Item


@dataclass(frozen=True, kw_only=True)
class PartMaterial:
    """A catalogue, who reviewed what of it, and its vectors; what is costly is made once.

    Attributes:
        items: the catalogue; scores come in its order.
        interactions: of the reviews that may be counted.
        vectors: (n_items, dim) float32, the rows of an index of these items, or None.
        hub: the items' statistics over the bank in use, or None.
    """

    items: Sequence[Item]
    interactions: Interactions
    vectors: Rows | None = None
    hub: HubStatistics | None = None

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
