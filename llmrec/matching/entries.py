"""The entries of an index: found by place, id or category without reading the others."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from llmrec.errors import IndexMismatch
from llmrec.matching.array_files import map_array, map_bytes, write_array
from llmrec.matching.places_by_name import Table, places_of, table_of
from llmrec.records.reviews import Item, item_from_json, item_json

ITEMS = "items.jsonl"
OFFSETS = "offsets.npy"
IDS = "ids.npy"
CATEGORIES = "categories.npy"

_LINE_END = ord("\n")


class Entries(Sequence[Item]):
    """The items of an index in the order of its rows, read when they are asked for.

    Args:
        folder: that ``write_entries`` wrote to; one without offsets and ids (format 1), or
            without categories where these are asked for, is read as a whole.
        digest: of the file of entries; checked where all of them are read.

    Raises:
        InputError: a file cannot be read.
        IndexMismatch: the files do not belong together.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self._folder = folder
        self._path = folder / ITEMS
        self._digest = digest
        self._text = np.asarray(map_bytes(self._path))
        if (folder / OFFSETS).exists():
            self._offsets = np.asarray(map_array(folder / OFFSETS, np.int64, 1))
            self._ids = map_array(folder / IDS, np.uint64, 2)
        else:
            ends = np.flatnonzero(self._text == _LINE_END) + 1
            self._offsets = np.concatenate([[0], ends])
            self._ids = _table_of_ids(self)
        if self._offsets[-1] != len(self._text) or self._ids.shape != (2, len(self)):
            raise self._mismatch()

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, place: int | slice) -> Item | tuple[Item, ...]:
        places = range(len(self))[place]
        if isinstance(places, range):
            return tuple(map(self._read, places))
        return self._read(places)

    def __iter__(self) -> Iterator[Item]:
        if hashlib.sha256(self._text.data).hexdigest()[:24] != self._digest:
            raise self._mismatch()
        return map(self._read, range(len(self)))

    def places(self, item_ids: Iterable[str]) -> dict[str, int]:
        """Return the row of each of these items that the catalogue has."""
        found = {item_id: self._place(item_id) for item_id in item_ids}
        return {item_id: place for item_id, place in found.items() if place is not None}

    def of_category(self, category: str) -> NDArray[np.intp]:
        """Return the rows of the items that have a category, ascending; none where none has it.

        Raises:
            InputError, IndexMismatch: the file of categories cannot be used.
        """
        places = places_of(category, self._categories)
        ends = places[[0, -1]].tolist() if len(places) else []
        if np.any(np.diff(places) <= 0) or any(
            category not in self._read(place).categories for place in ends
        ):
            raise self._mismatch()
        return places

    @cached_property
    def _categories(self) -> Table:
        path = self._folder / CATEGORIES
        if not path.exists():
            return _table_of_categories(self)
        table = map_array(path, np.uint64, 2)
        if len(table) != 2:
            raise self._mismatch()
        return table

    def _place(self, item_id: str) -> int | None:
        same = places_of(item_id, self._ids).tolist()
        return next((place for place in same if self._read(place).item_id == item_id), None)

    def _read(self, place: int) -> Item:
        if not 0 <= place < len(self):
            raise self._mismatch()
        start, end = self._offsets[place : place + 2]
        try:
            return item_from_json(self._text[start:end].tobytes())
        except ValidationError:
            raise self._mismatch() from None

    def _mismatch(self) -> IndexMismatch:
        return IndexMismatch(
            f"{self._path}: not the entries that the index was made of: build the index again"
        )


class EntriesById(Mapping[str, Item]):
    """The items of an index by id, read when they are asked for."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return (item.item_id for item in self._entries)

    def __getitem__(self, item_id: str) -> Item:
        return self._entries[self._entries.places([item_id])[item_id]]


class Titles(Mapping[str, str]):
    """The titles of items by id, read when they are asked for."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __getitem__(self, item_id: str) -> str:
        return self._items[item_id].title


def write_entries(folder: Path, items: Sequence[Item]) -> str:
    """Write entries, and the tables that find them; return the digest of their file.

    ``offsets.npy`` is (n_items + 1,) int64: where each line begins, and the end. ``ids.npy`` and
    ``categories.npy`` are tables of the places of ids and of categories.

    Raises:
        OSError: a file cannot be written.
    """
    whole = hashlib.sha256()
    offsets = np.zeros(len(items) + 1, np.int64)
    with (folder / ITEMS).open("wb") as file:
        for place, item in enumerate(items):
            line = f"{item_json(item)}\n".encode()
            whole.update(line)
            offsets[place + 1] = offsets[place] + file.write(line)
    write_array(folder / OFFSETS, offsets)
    write_array(folder / IDS, _table_of_ids(items))
    write_array(folder / CATEGORIES, _table_of_categories(items))
    return whole.hexdigest()[:24]


def _table_of_ids(items: Iterable[Item]) -> Table:
    return table_of((item.item_id, place) for place, item in enumerate(items))


def _table_of_categories(items: Iterable[Item]) -> Table:
    return table_of(
        (category, place)
        for place, item in enumerate(items)
        for category in dict.fromkeys(item.categories)
    )
