"""A catalogue in PostgreSQL that is recommended from."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import numpy as np
from psycopg import sql

from llmrec.errors import IndexMismatch, InputError, SettingsError
from llmrec.matching.bank_choice import BankName, StoreBank
from llmrec.matching.best_matches import explained
from llmrec.matching.index_folder import Manifest
from llmrec.matching.postgres.address import parse_address
from llmrec.matching.postgres.connection import Connection, know_vectors, reading, table
from llmrec.matching.postgres.loading import bank_in_use, is_searched_by_index
from llmrec.matching.postgres.queries import Allowed, Search, storable
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
        titles: by item id, read when they are asked for.

    Raises:
        InputError: the database cannot be reached, or has no store there.
    """

    def __init__(self, place: str) -> None:
        self.address = parse_address(place)
        with reading(self.address) as connection:
            self.manifest = self._present(connection)
        self.titles = StoreTitles(self)

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
        *,
        only: Collection[str] | None = None,
        category: str | None = None,
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
            category: that items must have; None for any.
            exactly: look at all items.

        Raises:
            InputError: the database cannot be reached, or refuses.
            IndexMismatch: the store has been replaced by one of another embedder.
        """
        search = Search(
            table(self.address, "items"),
            taste,
            bank.kind if bank else None,
            Allowed(left_out, only, category),
        )
        limit = max(OVER_FETCH * k, MIN_FETCHED)
        found: list[_FOUND] = []
        with reading(self.address) as connection:
            manifest = self._present(connection)
            know_vectors(connection)
            if not exactly and limit <= MAX_FETCHED and _has_index_for(search, manifest):
                found = _nearest(connection, search, limit)
            if len(found) < limit:
                query, values = search.best(k)
                found = connection.execute(query, values, binary=True).fetchall()
        return tuple(_best(taste, found, k, corrected=bank is not None))

    def entry(self, item_id: str) -> Item:
        """Return an item.

        Raises:
            KeyError: it is not in the store.
        """
        query = sql.SQL("SELECT entry FROM {} WHERE item_id = ANY(%s)").format(
            table(self.address, "items")
        )
        with reading(self.address) as connection:
            found = connection.execute(query, [storable([item_id])]).fetchall()
        if not found:
            raise KeyError(item_id)
        return item_from_json(found[0][0].encode("utf-8"))

    def item_ids(self) -> list[str]:
        """Return the ids of all items, in order."""
        query = sql.SQL("SELECT item_id FROM {} ORDER BY place").format(
            table(self.address, "items")
        )
        with reading(self.address) as connection:
            return [item_id for (item_id,) in connection.execute(query)]

    def _present(self, connection: Connection) -> Manifest:
        """Return the manifest as it is now."""
        manifest = stored_manifest(connection, self.address)
        if manifest is None:
            raise InputError(
                "no index here: make one with llmrec index -o postgres://…", path=str(self.address)
            )
        opened = getattr(self, "manifest", manifest)
        if (manifest.model, manifest.dim) != (opened.model, opened.dim):
            raise IndexMismatch(
                f"{self.address}: replaced by an index of {manifest.model!r} ({manifest.dim} "
                f"dims), {opened.model!r} ({opened.dim}) is expected: open it again"
            )
        return manifest


class StoreTitles(Mapping[str, str]):
    """The titles of a store's items by id, read when they are asked for."""

    def __init__(self, store: PostgresIndex) -> None:
        self._store = store

    def __len__(self) -> int:
        return self._store.manifest.n_items

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.item_ids())

    def __getitem__(self, item_id: str) -> str:
        return self._store.entry(item_id).title


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


def _best(taste: Taste, found: list[_FOUND], k: int, *, corrected: bool) -> Iterator[ScoredItem]:
    """Yield the k best of the items found, scored exactly."""
    if not found:
        return iter(())
    places, entries, vectors, means, deviations = zip(*found, strict=True)
    rows = np.stack([vector.to_numpy() for vector in vectors])
    hub = HubStatistics(np.array(means), np.array(deviations)) if corrected else None
    scores = score_similarities(taste, exact_cosines(taste.queries, rows), hub).scores
    best = np.lexsort((places, -scores))[:k]
    items = [item_from_json(entries[place].encode("utf-8")) for place in best]
    return explained(taste, items, rows[best], hub.at(best) if hub else None)
