"""Taking a store apart again: an index folder with all that it holds, to build the next one on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from psycopg import sql

from llmrec.llm.embedder import Rows
from llmrec.matching.array_files import write_array
from llmrec.matching.content_index import write_statistics
from llmrec.matching.entries import write_entries
from llmrec.matching.index_folder import BANK_FILES, HUB_FILES, ROWS, Manifest, next_generation
from llmrec.matching.postgres.address import Address
from llmrec.matching.postgres.connection import Connection, know_vectors, reading, table
from llmrec.matching.postgres.tables import KINDS, stored_manifest
from llmrec.matching.similarity import HubStatistics
from llmrec.records.reviews import Item, item_from_json

_ITEMS = """
SELECT place, entry, row, index_mean, index_deviation, stored_mean, stored_deviation
FROM {} ORDER BY place
"""
_BANK = "SELECT row FROM {} WHERE kind = %s ORDER BY number"


def write_folder(address: Address, folder: Path) -> None:
    """Write a store as an index folder; nothing where there is no store.

    Raises:
        InputError: the database cannot be reached or refuses, or the folder cannot be written.
    """
    with reading(address) as connection:
        manifest = stored_manifest(connection, address)
        if manifest is None:
            return
        with next_generation(folder) as new:
            _write_items(connection, address, manifest, new.files)
            for kind in manifest.banks:
                rows = bank_rows(connection, address, kind)
                write_array(new.files / BANK_FILES[kind], rows)
            new.publish(replace(manifest, generation=new.number))


def bank_rows(connection: Connection, address: Address, kind: str) -> Rows:
    """Return the vectors of a bank, (n_bank, dim) float32."""
    know_vectors(connection)
    query = sql.SQL(_BANK).format(table(address, "banks"))
    rows = connection.execute(query, [kind], binary=True).fetchall()
    return np.stack([row.to_numpy() for (row,) in rows])


def _write_items(connection: Connection, address: Address, manifest: Manifest, files: Path) -> None:
    know_vectors(connection)
    n = manifest.n_items
    rows = open_memmap(files / ROWS, "w+", np.float32, (n, manifest.dim))
    statistics = np.empty((len(KINDS), 2, n))
    items: list[Item] = []
    with connection.cursor("items", binary=True) as cursor:
        for place, entry, row, *numbers in cursor.execute(
            sql.SQL(_ITEMS).format(table(address, "items"))
        ):
            items.append(item_from_json(entry.encode("utf-8")))
            rows[place] = row.to_numpy()
            statistics[:, :, place] = np.reshape(numbers, (len(KINDS), 2))
    write_entries(files, items)
    for kind, (mean, deviation) in zip(KINDS, statistics, strict=True):
        if kind in manifest.banks:
            write_statistics(files / HUB_FILES[kind], HubStatistics(mean, deviation))
