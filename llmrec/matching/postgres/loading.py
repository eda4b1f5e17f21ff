"""Filling a store: binary COPY into new tables, an index on them, and a swap; one transaction."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from pgvector import HalfVector, Vector
from psycopg import sql

from llmrec.errors import InputError
from llmrec.llm.embedder import Rows
from llmrec.matching.array_files import map_array
from llmrec.matching.bank import BankKind
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.index_folder import BANK_FILES, manifest_json
from llmrec.matching.postgres.address import Address
from llmrec.matching.postgres.connection import Connection, know_vectors, writing
from llmrec.matching.postgres.tables import (
    KINDS,
    MAX_INDEXED_DIMS,
    create_new,
    new_table,
    stored_manifest,
    swap_in,
)
from llmrec.matching.similarity import FLAT_DEVIATION, HubStatistics
from llmrec.records.reviews import item_json

_BLOCK = 4096
_ITEM_COLUMNS = {
    "place": "int4",
    "item_id": "text",
    "entry": "text",
    "categories": "text[]",
    "row": "vector",
    "corrected": "halfvec",
    "index_mean": "float8",
    "index_deviation": "float8",
    "stored_mean": "float8",
    "stored_deviation": "float8",
}
_BANK_COLUMNS = {"kind": "text", "number": "int4", "row": "vector"}
_MANIFEST_COLUMNS = {"entry": "text", "index_flat": "int4", "stored_flat": "int4"}
_MAX_HALF = 65_504


def load(index: ContentIndex, address: Address) -> None:
    """Put an index into a database, in the place of the store there.

    Readers see the old store until the new one is complete, and one process writes at a time.

    Args:
        index: of a folder.
        address: of the store.

    Raises:
        InputError: the database cannot be reached or refuses, has other tables of these names,
            or is being written to by another process; the store is as it was.
    """
    with writing(address) as connection:
        _lock(connection, address)
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        know_vectors(connection)
        stored_manifest(connection, address)
        create_new(connection, address, index.manifest.dim)
        _copy(connection, new_table(address, "items"), _ITEM_COLUMNS, _items(index))
        banks = (row for kind in KINDS for row in _bank(index, kind))
        _copy(connection, new_table(address, "banks"), _BANK_COLUMNS, banks)
        _copy(connection, new_table(address, "manifest"), _MANIFEST_COLUMNS, [_manifest(index)])
        if is_searched_by_index(index.manifest.dim):
            _make_index(connection, new_table(address, "items"))
        swap_in(connection, address)


def bank_in_use(kinds: Collection[str]) -> BankKind:
    """Return the bank that a store is searched by: the stored one, if there is one."""
    return "stored" if "stored" in kinds else "index"


def corrected_rows(rows: Rows, hub: HubStatistics) -> Rows:
    """Return (row / deviation, -mean / deviation), zero for flat items.

    Args:
        rows: (n, dim) float32, unit rows.
        hub: statistics of these items.

    Returns:
        (n, dim + 1) float32, whose inner product with (query, 1) is the query's z.
    """
    flat = hub.deviation < FLAT_DEVIATION
    scale = np.where(flat, 0, 1 / np.where(flat, 1, hub.deviation))
    corrected = np.column_stack([rows * scale[:, None], -hub.mean * scale])
    halves: Rows = np.clip(corrected, -_MAX_HALF, _MAX_HALF).astype(np.float32)
    return halves


def is_searched_by_index(dim: int) -> bool:
    """Say whether corrected rows of so many dims can have an index; else all are looked at."""
    return dim + 1 <= MAX_INDEXED_DIMS


def _lock(connection: Connection, address: Address) -> None:
    key = f"llmrec {address.schema}"
    query = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
    (free,) = connection.execute(query, [key]).fetchone() or (False,)
    if not free:
        raise InputError(
            "another process is writing to this store: wait until it is done", path=str(address)
        )


def _copy(
    connection: Connection,
    into: sql.Identifier,
    columns: Mapping[str, str],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        into, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)


def _items(index: ContentIndex) -> Iterator[tuple[Any, ...]]:
    kinds = index.manifest.banks
    hubs = [index.hub(kind) if kind in kinds else None for kind in KINDS]
    in_use = index.hub(bank_in_use(kinds))
    with_index = is_searched_by_index(index.manifest.dim)
    entries = enumerate(index.items)
    for start in range(0, len(index), _BLOCK):
        places = np.arange(start, min(start + _BLOCK, len(index)))
        rows = np.asarray(index.rows[places])
        corrected = corrected_rows(rows, in_use.at(places)) if with_index else None
        for n, (place, item) in zip(range(len(places)), entries, strict=False):
            if "\0" in item.item_id:
                raise InputError(f"item_id: a database takes no NUL character: {item.item_id!r}")
            statistics = [
                (float(hub.mean[place]), float(hub.deviation[place])) if hub else (None, None)
                for hub in hubs
            ]
            yield (
                place,
                item.item_id,
                item_json(item),
                [name for name in item.categories if "\0" not in name],
                Vector(rows[n]),
                None if corrected is None else HalfVector(corrected[n]),
                *statistics[0],
                *statistics[1],
            )


def _bank(index: ContentIndex, kind: BankKind) -> Iterator[tuple[Any, ...]]:
    if kind not in index.manifest.banks:
        return
    shape = (index.manifest.banks[kind].n, index.manifest.dim)
    rows = map_array(index.files / BANK_FILES[kind], np.float32, shape)
    for number, row in enumerate(rows):
        yield kind, number, Vector(row)


def _manifest(index: ContentIndex) -> tuple[Any, ...]:
    kinds = index.manifest.banks
    flat = (index.hub(kind).n_flat if kind in kinds else None for kind in KINDS)
    return (manifest_json(index.manifest).decode("utf-8"), *flat)


def _make_index(connection: Connection, items: sql.Identifier) -> None:
    connection.execute(
        sql.SQL("CREATE INDEX ON {} USING hnsw (corrected halfvec_ip_ops)").format(items)
    )
    connection.execute(sql.SQL("ANALYZE {}").format(items))
