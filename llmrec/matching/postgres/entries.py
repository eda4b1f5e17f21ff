"""The entries of a store, which are asked for one by one."""

from collections.abc import Iterable, Iterator, Mapping

from psycopg import sql

from llmrec.matching.postgres.address import Address
from llmrec.matching.postgres.connection import reading, table
from llmrec.matching.postgres.queries import storable
from llmrec.records.reviews import Item, item_from_json

_MAX_KEPT = 10_000


class StoreEntries(Mapping[str, Item]):
    """The items of a store by id; those that were found or asked for are kept.

    Args:
        address: of the store.
        n_items: number of items.
    """

    def __init__(self, address: Address, n_items: int) -> None:
        self._address = address
        self._n_items = n_items
        self._kept: dict[str, Item] = {}

    def __len__(self) -> int:
        return self._n_items

    def __iter__(self) -> Iterator[str]:
        query = sql.SQL("SELECT item_id FROM {} ORDER BY place").format(
            table(self._address, "items")
        )
        with reading(self._address) as connection:
            found = connection.execute(query).fetchall()
        return (item_id for (item_id,) in found)

    def __getitem__(self, item_id: str) -> Item:
        if item_id not in self._kept:
            query = sql.SQL("SELECT entry FROM {} WHERE item_id = ANY(%s)").format(
                table(self._address, "items")
            )
            with reading(self._address) as connection:
                found = connection.execute(query, [storable([item_id])]).fetchall()
            if not found:
                raise KeyError(item_id)
            self.keep([item_from_json(found[0][0].encode("utf-8"))])
        return self._kept[item_id]

    def keep(self, items: Iterable[Item]) -> None:
        """Keep items that were read, until there are too many."""
        if len(self._kept) > _MAX_KEPT:
            self._kept.clear()
        self._kept.update((item.item_id, item) for item in items)
