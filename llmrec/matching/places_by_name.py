"""Where names stand in a catalogue, found by bisection: a table that is mapped, not read."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.uint64]
"""(2, n): the first 8 bytes of the SHA-256 of each name, sorted, and the place of each."""

_HASH_BYTES = 8


def table_of(names: Iterable[tuple[str, int]]) -> Table:
    """Return the table of names and their places; a name may have many."""
    rows = np.fromiter(((_hash(name), place) for name, place in names), "u8, u8")
    hashes, places = rows["f0"], rows["f1"]
    order = np.argsort(hashes, kind="stable")
    return np.stack([hashes[order], places[order]])


def places_of(name: str, table: Table) -> NDArray[np.intp]:
    """Return the places of a name, in the order given; those of a name of the same hash too."""
    hashes, places = table
    wanted = np.uint64(_hash(name))
    first, last = (int(np.searchsorted(hashes, wanted, side)) for side in ("left", "right"))
    found: NDArray[np.intp] = places[first:last].astype(np.intp)
    return found


def _hash(name: str) -> int:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:_HASH_BYTES], "little")
