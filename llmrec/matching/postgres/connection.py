"""A connection to the database: what it refuses becomes one of our errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql

from llmrec.errors import InputError
from llmrec.matching.postgres.address import Address

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def writing(address: Address) -> Iterator[Connection]:
    """Open a connection for one transaction, which is committed if no error came.

    Raises:
        InputError: the database cannot be reached, or refuses; nothing is changed then.
    """
    try:
        with psycopg.connect(address.url) as connection:
            yield connection
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error).partition("\n")[0]
        raise InputError(f"the database: {said}", path=str(address)) from None


@contextmanager
def reading(address: Address) -> Iterator[Connection]:
    """Open a connection for a transaction that changes nothing.

    Raises:
        InputError: the database cannot be reached, or refuses.
    """
    with writing(address) as connection:
        connection.read_only = True
        yield connection


def know_vectors(connection: Connection) -> None:
    """Make the types of pgvector known to a connection."""
    register_vector(connection)


def table(address: Address, name: str) -> sql.Identifier:
    """Return the quoted name of one of a store's tables."""
    return sql.Identifier(address.schema, name)
