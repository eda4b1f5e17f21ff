"""A catalogue in PostgreSQL that is recommended from."""

from collections.abc import Collection
from typing import Any, Final

import numpy as np
from psycopg import sql

from llmrec.errors import IndexMismatch, InputError, SettingsError
from llmrec.llm.embedder import Rows
from llmrec.matching.bank_choice import BankName, StoreBank
from llmrec.matching.best_matches import explained
from llmrec.matching.entries import Titles
from llmrec.matching.index_folder import Manifest
from llmrec.matching.masks import note_unknown, refuse_nothing, refuse_unknown_categories
from llmrec.matching.postgres.address import parse_address
from llmrec.matching.postgres.connection import Connection, know_vectors, reading, table
from llmrec.matching.postgres.entries import StoreEntries
from llmrec.matching.postgres.loading import bank_in_use, is_searched_by_index
from llmrec.matching.postgres.queries import Allowed, Search, has_category, ids_where
from llmrec.matching.postgres.tables import KINDS, stored_manifest
from llmrec.matching.profile_match import Taste, score_similarities
from llmrec.matching.similarity import HubStatistics, exact_cosines
from llmrec.records.ranking import ScoredItem
from llmrec.records.reviews import Item, item_from_json

OVER_FETCH: Final = 10
"""So many times k items are fetched for each like, and scored exactly."""

MIN_FETCHED: Final = 100
"""And never fewer than so many; docs/matching_postgres.md says what that costs and finds."""

MAX_FETCHED: Final = 1000
"""pgvector's index gives no more; where more are needed all items are looked at."""

_FOUND = tuple[int, str, Any, float, float]


class PostgresIndex:
    """An index in a database. Every request is one transaction on a connection of its own.

    Args:
        place: ``postgres://…``, see ``parse_address``.

    Attributes:
        address: of the store.
        manifest: what it was made of when it was opened.
        entries: the items by id, read when they are asked for, and kept.
        titles: theirs, likewise.

    Raises:
        InputError: the database cannot be reached, or has no store there.
    """

    def __init__(self, place: str) -> None:
        self.address = parse_address(place)
        with reading(self.address) as connection:
            self.manifest = self._present(connection)
        self.entries = StoreEntries(self.address, self.manifest.n_items)
        self.titles = Titles(self.entries)

    def bank(self, name: BankName) -> StoreBank:
        """Return a bank: ``auto`` for the stored one if there is one, ``stored`` or ``index``.

        Raises:
            SettingsError: the store has no such bank.
        """
        wanted = bank_in_use(self.manifest.banks) if name == "auto" else name
        kind = next((kind for kind in KINDS if kind == wanted), None)
        if kind is None or kind not in self.manifest.banks:
            raise SettingsError(
                f"{self.address} has no {wanted} bank: there is {', '.join(self.manifest.banks)}"
            )
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.Identifier(f"{kind}_flat"), table(self.address, "manifest")
        )
        with reading(self.address) as connection:
            ((n_flat,),) = connection.execute(query).fetchall()
        return StoreBank(kind, n_flat)

    def match(
        self,
        taste: Taste,
        bank: StoreBank | None,
        k: int,
        left_out: Collection[str] = (),
        only: Collection[str] | None = None,
        *,
        exactly: bool = False,
    ) -> tuple[ScoredItem, ...]:
        """Return the k items that fit a taste best, as ``score_taste`` scores them.

        Candidates are what the index of the bank in use finds nearest to each like; where there
        is no such index, or it finds too few, all items are looked at. Scores are exact.

        Args:
            taste: at least one interest.
            bank: corrects for hubs; None for plain cosine.
            k: how many items.
            left_out: ids of items not to be returned.
            only: ids of the only items that may be returned; None for all.
            exactly: look at all items.

        Raises:
            InputError: the database cannot be reached, or refuses.
            IndexMismatch: the store has been replaced by one of another embedder.
        """
        search = Search(
            table(self.address, "items"),
            taste,
            bank.kind if bank else None,
            Allowed(left_out, only),
        )
        limit = max(OVER_FETCH * k, MIN_FETCHED)
        found: list[_FOUND] = []
        with reading(self.address) as connection:
            manifest = self._present(connection)
            if (manifest.model, manifest.dim) != (self.manifest.model, self.manifest.dim):
                raise IndexMismatch(
                    f"{self.address}: replaced by an index of {manifest.model!r} ({manifest.dim} "
                    f"dims), {self.manifest.model!r} ({self.manifest.dim}) is expected: open it "
                    "again"
                )
            know_vectors(connection)
            if not exactly and limit <= MAX_FETCHED and _has_index_for(search, manifest):
                found = _nearest(connection, search, limit)
            if len(found) < limit:
                query, values = search.best(k)
                found = connection.execute(query, values, binary=True).fetchall()
        if not found:
            return ()
        items, rows, hub = _best(taste, found, k, corrected=bank is not None)
        self.entries.keep(items)
        return tuple(explained(taste, items, rows, hub))

    def allowed_items(
        self,
        *,
        only: Collection[str] | None = None,
        exclude: Collection[str] = (),
        categories: Collection[str] = (),
    ) -> frozenset[str]:
        """Return the ids of the items that may be recommended; see ``masks.allowed_items``.

        Raises:
            InputError: a category is no item's, or no item is left.
        """
        items = table(self.address, "items")
        given = {*(only or ()), *exclude}
        with reading(self.address) as connection:
            there = ids_where(connection, items, Allowed(only=given))
            note_unknown(str(self.address), given - there)
            known = [
                category for category in categories if has_category(connection, items, category)
            ]
            refuse_unknown_categories(categories, known)
            allowed = ids_where(connection, items, Allowed(exclude, only, categories or None))
        refuse_nothing(allowed)
        return allowed

    def _present(self, connection: Connection) -> Manifest:
        """Return the manifest as it is now."""
        manifest = stored_manifest(connection, self.address)
        if manifest is None:
            raise InputError(
                "no index here: make one with llmrec index -o postgres://…", path=str(self.address)
            )
        return manifest


def _has_index_for(search: Search, manifest: Manifest) -> bool:
    return (
        search.bank == bank_in_use(manifest.banks)
        and is_searched_by_index(manifest.dim)
        and bool(search.taste.is_like.any())
    )


def _nearest(connection: Connection, search: Search, limit: int) -> list[_FOUND]:
    for name, value in (("ef_search", str(limit)), ("iterative_scan", "relaxed_order")):
        connection.execute("SELECT set_config(%s, %s, true)", [f"hnsw.{name}", value])
    query, values = search.nearest(limit)
    return connection.execute(query, values, binary=True).fetchall()


def _best(
    taste: Taste, found: list[_FOUND], k: int, *, corrected: bool
) -> tuple[list[Item], Rows, HubStatistics | None]:
    """Return the k best of the items found, scored exactly, with their rows and statistics."""
    places, entries, vectors, means, deviations = zip(*found, strict=True)
    rows = np.stack([vector.to_numpy() for vector in vectors])
    hub = HubStatistics(np.array(means), np.array(deviations)) if corrected else None
    scores = score_similarities(taste, exact_cosines(taste.queries, rows), hub).scores
    best = np.lexsort((places, -scores))[:k]
    items = [item_from_json(entries[place].encode("utf-8")) for place in best]
    return items, rows[best], hub.at(best) if hub else None
