"""The tables of a store: the items with their rows and statistics, the banks, the manifest.

``corrected`` is (row / deviation, -mean / deviation) over the bank in use, so that its inner
product with (query, 1) is z, the standardised cosine: what is nearest by it is nearest after the
correction for hubs.
"""

from typing import Final

from psycopg import sql

from llmrec.errors import InputError
from llmrec.matching.bank import BankKind
from llmrec.matching.index_folder import Manifest, parse_manifest
from llmrec.matching.postgres.address import Address
from llmrec.matching.postgres.connection import Connection, table

KINDS: Final[tuple[BankKind, ...]] = ("index", "stored")
"""The banks whose statistics stand beside the rows."""

TABLES: Final = ("manifest", "items", "banks")
"""In the order in which they are locked: who has read the manifest keeps the others as they are."""

MAX_INDEXED_DIMS: Final = 4000
"""Of a halfvec that an HNSW index takes (pgvector 0.8)."""

_CREATE = """
CREATE TABLE {items} (
    place integer PRIMARY KEY,
    item_id text NOT NULL UNIQUE,
    entry text NOT NULL,
    categories text[] NOT NULL,
    row vector({dim}) NOT NULL,
    corrected halfvec({dim_and_1}),
    index_mean float8 NOT NULL,
    index_deviation float8 NOT NULL,
    stored_mean float8,
    stored_deviation float8
);
CREATE TABLE {banks} (
    kind text, number integer, row vector({dim}) NOT NULL, PRIMARY KEY (kind, number)
);
CREATE TABLE {manifest} (entry text NOT NULL, index_flat integer, stored_flat integer);
"""


def stored_manifest(connection: Connection, address: Address) -> Manifest | None:
    """Return the manifest of a store, which stays as it is until the end of the transaction.

    Returns:
        None where there is no store.

    Raises:
        InputError: a later version wrote it, or other tables have the names of a store's.
    """
    found = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
        " AND table_name = ANY(%s)",
        [address.schema, list(TABLES)],
    ).fetchall()
    if not found:
        return None
    if len(found) < len(TABLES):
        names = ", ".join(sorted(name for (name,) in found))
        raise InputError(
            f"expected a store or no such tables: this schema has other tables called {names}; "
            "name another schema after #",
            path=str(address),
        )
    query = sql.SQL("SELECT entry FROM {}").format(table(address, "manifest"))
    (entry,) = connection.execute(query).fetchone() or ("",)
    return parse_manifest(entry, str(address))


def create_new(connection: Connection, address: Address, dim: int) -> None:
    """Create empty tables beside a store's, for ``swap_in``."""
    connection.execute(
        sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(address.schema))
    )
    new = {name: table(address, _new(name)) for name in TABLES}
    dims = {"dim": sql.Literal(dim), "dim_and_1": sql.Literal(dim + 1)}
    connection.execute(sql.SQL(_CREATE).format(**new, **dims))


def new_table(address: Address, name: str) -> sql.Identifier:
    """Return the quoted name of a table that is being filled."""
    return table(address, _new(name))


def swap_in(connection: Connection, address: Address) -> None:
    """Put the new tables in the place of the store's; readers of those are waited for."""
    for name in TABLES:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table(address, name)))
        connection.execute(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(
                new_table(address, name), sql.Identifier(name)
            )
        )


def _new(name: str) -> str:
    return f"{name}_new"
