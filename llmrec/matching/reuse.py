"""What an older index spares the next one: rows, vectors of banks, hub statistics."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmrec.digests import text_digest
from llmrec.errors import IndexMismatch, InputError
from llmrec.llm.embedder import Rows
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.bank import Bank, BankKind, bank_of_items
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.index_folder import MANIFEST, QUERIES, BankEntry
from llmrec.matching.item_text import RULE, item_text
from llmrec.matching.similarity import HubStatistics
from llmrec.records.reviews import Item

log = logging.getLogger(__name__)


class OlderIndex:
    """An index by the same embedder, whose vectors may stand in the next one.

    Args:
        index: opened.

    Attributes:
        rows: of its items, (n_items, dim) float32.
        queries: its query vectors, by key.

    Raises:
        InputError, IndexMismatch: its files do not belong together.
    """

    def __init__(self, index: ContentIndex) -> None:
        items = tuple(index.items)
        self.rows = index.rows
        self.queries = VectorsFile(index.files / QUERIES, index.manifest.model).rows
        self._index = index
        self._places = {text_digest(item_text(item)): n for n, item in enumerate(items)}
        self._item_ids = {item.item_id for item in items}
        own_texts = bank_of_items(items).texts
        self._own_bank = dict(zip(own_texts, self.bank_rows("index"), strict=True))

    def places(self, items: Sequence[Item]) -> NDArray[np.intp]:
        """Return for each item the row of its text, -1 where the text is new."""
        texts = (text_digest(item_text(item)) for item in items)
        return np.array([self._places.get(text, -1) for text in texts], np.intp)

    def n_removed(self, items: Sequence[Item]) -> int:
        """Return how many items are not among these."""
        return len(self._item_ids.difference(item.item_id for item in items))

    def bank(self, kind: BankKind) -> BankEntry | None:
        """Return what the manifest says of a bank, or None where there is no such bank."""
        return self._index.manifest.banks.get(kind)

    def bank_rows(self, kind: BankKind) -> Rows:
        """Return the vectors of a bank, (n_bank, dim) float32."""
        return self._index.bank_rows(kind)

    def known_queries(self, bank: Bank) -> dict[str, Rows]:
        """Return the vectors of those texts of a bank that are known."""
        entry = self.bank(bank.kind)
        if entry is not None and entry.digest == bank.digest:
            return dict(zip(bank.texts, self.bank_rows(bank.kind), strict=True))
        return self._own_bank if bank.kind == "index" else {}

    def hub(self, kind: BankKind, digest: str) -> HubStatistics | None:
        """Return the statistics over a bank, or None where it was another bank."""
        entry = self.bank(kind)
        return self._index.hub(kind) if entry is not None and entry.digest == digest else None


def older_index(folder: Path, choice: EmbedderChoice) -> OlderIndex | None:
    """Return the index that is to be replaced, as far as it can be built on.

    One that is damaged, or was made by another embedder, is replaced as a whole, which is said.
    """
    if not (folder / MANIFEST).exists():
        return None
    try:
        index = ContentIndex(folder)
        made_by = index.manifest
        before = (made_by.embedder, made_by.query_prefix, made_by.passage_prefix, made_by.model)
        now = (choice.name, choice.query_prefix, choice.passage_prefix, choice.key_model)
        if (*before, made_by.item_text) == (*now, RULE):
            return OlderIndex(index)
        reason = f"{folder} was made by another embedder or of other item texts"
    except (InputError, IndexMismatch) as error:
        reason = f"the older index cannot be read: {error}"
    log.warning("%s: nothing of it is kept", reason)
    return None
