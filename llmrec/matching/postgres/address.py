"""Where a store is: a database's URL, and the schema of its tables."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from llmrec.errors import InputError

DEFAULT_SCHEMA = "llmrec"

_SCHEMES = ("postgres://", "postgresql://")
_MAX_NAME_BYTES = 63
_FORBIDDEN = frozenset("\0%")
"""What a name cannot hold, and what stands for a parameter in a query."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a store; as text it holds neither user nor password.

    Attributes:
        url: of the database, as libpq takes it.
        schema: the schema of its tables, a name and never SQL.
    """

    url: str
    schema: str = DEFAULT_SCHEMA

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"postgres://{parts.netloc.rpartition('@')[2]}{parts.path}#{self.schema}"


def is_address(place: str | Path) -> bool:
    """Say whether a place is a database's URL, and not a folder."""
    return str(place).startswith(_SCHEMES)


def parse_address(place: str) -> Address:
    """Read ``postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE[?…][#SCHEMA]``.

    Raises:
        InputError: the schema's name cannot be one.
    """
    url, _, fragment = place.partition("#")
    schema = unquote(fragment) or DEFAULT_SCHEMA
    if not _FORBIDDEN.isdisjoint(schema) or len(schema.encode("utf-8")) > _MAX_NAME_BYTES:
        raise InputError(
            f"the name of a schema is expected after #, of at most {_MAX_NAME_BYTES} bytes and "
            f"without %, came {schema[:80]!r}"
        )
    return Address(url, schema)
