"""Rows to records: reviews and items from JSON Lines or CSV, one clear error for a bad row."""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from llmrec.errors import InputError
from llmrec.records.messages import (
    first_problem,
    missing_field,
    shortened,
    unknown_fields,
    without_line,
)
from llmrec.records.reviews import Item, Review
from llmrec.records.tables import Row, Table

T = TypeVar("T", Review, Item)

log = logging.getLogger(__name__)

_KINDS: dict[type, tuple[TypeAdapter[Any], tuple[str, ...]]] = {
    kind: (TypeAdapter(kind), tuple(kind.__dataclass_fields__)) for kind in (Review, Item)
}


_COLUMNS_NAMED = 8


class RecordReader(Generic[T]):
    """Turns the rows of one table into records.

    Args:
        kind: ``Review`` or ``Item``.
        table: where the rows come from.
        columns: the column that each field is read from, where it has another name; an empty
            name means that the field is not read.
        rating_max: top of the rating scale, for reviews.
        skip_bad_rows: report a bad row and go on, instead of raising.
    """

    def __init__(
        self,
        kind: type[T],
        table: Table,
        *,
        columns: Mapping[str, str] | None = None,
        rating_max: float | None = None,
        skip_bad_rows: bool = False,
    ) -> None:
        self.table = table
        self._adapter, self._fields = _KINDS[kind]
        self._option = "--column" if kind is Review else "--item-column"
        self._columns = _checked_columns(columns or {}, self._fields)
        self._unseen = set(filter(None, self._columns.values()))
        self._skip = skip_bad_rows
        self._extra: Any = "forbid"
        self._rating_max = rating_max
        self._context = {"line": 0}

    def records(
        self, rows: Iterator[Row], *, reported: bool = False
    ) -> Iterator[tuple[int, int, T]]:
        """Yield the line, the end and the record of each row; bad rows raise or are left out.

        Args:
            rows: of this reader's table.
            reported: these rows were read before, and the bad ones reported then.

        Raises:
            InputError: a row is bad: path, line, what was expected and what came.
        """
        read = self._from_cells if self.table.is_csv else self._from_json
        top = self._rating_max
        for line, end, raw in rows:
            try:
                record = read(raw, line)
                if top is not None and isinstance(record, Review):
                    _check_rating(record.rating, top)
            except ValueError as error:
                if not reported:
                    self.report(_what_is_wrong(error, raw) + self._advice(error, raw), line)
            else:
                yield line, end, record
        if self._unseen and not reported:
            names = ", ".join(map(shortened, sorted(self._unseen)))
            log.warning("%s: no row has the columns named for it: %s", self.table.path, names)

    def report(self, what: str, line: int) -> None:
        """Raise for a bad row, or log it.

        Raises:
            InputError: unless bad rows are skipped.
        """
        problem = InputError(what, path=self.table.path, line=line)
        if not self._skip:
            raise problem
        log.warning("left out: %s", problem)

    def _advice(self, error: ValueError, raw: bytes | list[str]) -> str:
        """Ask whether a field that is missing is one of the columns that are not read."""
        field = missing_field(error) if isinstance(error, ValidationError) else None
        if field is None:
            return ""
        columns = from_json(raw) if isinstance(raw, bytes) else self.table.header
        read = {self._columns.get(name, name) for name in self._fields}
        unread = [shortened(name) for name in columns if name not in read]
        named = ", ".join(unread[:_COLUMNS_NAMED]) + (" …" if unread[_COLUMNS_NAMED:] else "")
        return f": is it one of {named}? Then {self._option} {field}=NAME" if unread else ""

    def _from_json(self, raw: Any, line: int) -> T:
        if self._columns:
            return self._from_columns(_object(raw), line)
        self._context["line"] = line
        try:
            record: T = self._adapter.validate_json(raw, extra=self._extra, context=self._context)
        except ValidationError as error:
            unknown = unknown_fields(error)
            if not unknown:
                raise
            self._note_unknown(unknown)
            return self._from_json(raw, line)
        return record

    def _from_cells(self, cells: Any, line: int) -> T:
        header = self.table.header
        if len(cells) > len(header):
            raise ValueError(f"expected {len(header)} cells as in the header, came {len(cells)}")
        values: dict[str, Any] = {
            name: cell for name, cell in zip(header, cells, strict=False) if cell != ""
        }
        return self._from_columns(values, line)

    def _from_columns(self, values: dict[str, Any], line: int) -> T:
        named = {field: self._columns.get(field, field) for field in self._fields}
        named = {field: name for field, name in named.items() if name}
        self._unseen.difference_update(values)
        unknown = [name for name in values if name not in named.values()]
        if unknown and self._extra == "forbid":
            self._note_unknown(unknown)
        taken = {field: values[name] for field, name in named.items() if name in values}
        if self.table.is_csv:
            taken = {field: _typed_cell(field, cell) for field, cell in taken.items()}
        self._context["line"] = line
        again = json.dumps(taken, ensure_ascii=False).encode("utf-8")
        record: T = self._adapter.validate_json(again, context=self._context)
        return record

    def _note_unknown(self, names: list[str]) -> None:
        self._extra = "ignore"
        log.warning(
            "%s: columns that are not used: %s", self.table.path, ", ".join(map(shortened, names))
        )


def read_reviews(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    rating_max: float = 5,
    skip_bad_rows: bool = False,
) -> Iterator[Review]:
    """Read reviews from JSON Lines or CSV, plain or gzipped, ``-`` for stdin, one by one.

    Args:
        path: the file. Columns: ``user_id``, ``text``; optional ``item_id``, ``rating``,
            ``timestamp`` (ISO 8601 or Unix time), ``review_id``.
        columns: the file's name of a column where it differs, as ``{"text": "body"}``; an
            empty name means that the field is not read.
        rating_max: top of the rating scale (5 stars, 1 for thumbs, ``inf`` where it has none).
        skip_bad_rows: log bad rows and leave them out.

    Raises:
        InputError: a bad row or file.
    """
    reader = RecordReader(
        Review, Table(path), columns=columns, rating_max=rating_max, skip_bad_rows=skip_bad_rows
    )
    for _, _, review in reader.records(reader.table.rows()):
        yield review


def read_items(
    path: str | Path, *, columns: Mapping[str, str] | None = None, skip_bad_rows: bool = False
) -> Iterator[Item]:
    """Read a catalogue from JSON Lines or CSV, plain or gzipped, ``-`` for stdin, one by one.

    Args:
        path: the file. Columns: ``item_id``, ``title``; optional ``description``,
            ``categories`` (in CSV a JSON array or ``a|b|c``).
        columns: as for ``read_reviews``.
        skip_bad_rows: log bad rows, second uses of an id included, and leave them out.

    Raises:
        InputError: a bad row or file, or an item id that stands there twice.
    """
    reader = RecordReader(Item, Table(path), columns=columns, skip_bad_rows=skip_bad_rows)
    seen: set[str] = set()
    for line, _, item in reader.records(reader.table.rows()):
        if item.item_id in seen:
            reader.report(f"item_id: {item.item_id!r} stands in the file twice", line)
        else:
            seen.add(item.item_id)
            yield item


def _checked_columns(columns: Mapping[str, str], fields: tuple[str, ...]) -> dict[str, str]:
    for field in columns:
        if field not in fields:
            raise InputError(
                f"no field {field!r} to map a column to: there are {', '.join(fields)}"
            )
    return dict(columns)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = from_json(raw)
    except ValueError as error:
        raise ValueError(f"Invalid JSON: {without_line(str(error))}") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, came {shortened(value)}")
    return value


def _typed_cell(field: str, cell: str) -> object:
    if field == "rating":
        try:
            return float(cell)
        except ValueError:
            return cell
    if field == "categories":
        return _list(cell) if cell.startswith("[") else cell.split("|")
    return cell


def _list(cell: str) -> object:
    try:
        return from_json(cell)
    except ValueError as error:
        raise ValueError(f"categories: not a JSON array: {without_line(str(error))}") from None


def _check_rating(rating: float | None, top: float) -> None:
    if rating is not None and rating > top:
        raise ValueError(
            f"rating: expected at most {top:g}, the top of the scale (--rating-max, inf if none), "
            f"came {rating:g}"
        )


def _what_is_wrong(error: ValueError, raw: bytes | list[str]) -> str:
    if isinstance(raw, bytes):
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as undecodable:
            return f"not UTF-8 at byte {undecodable.start} of the line"
    if isinstance(error, UnicodeEncodeError):
        return "not UTF-8"
    return first_problem(error) if isinstance(error, ValidationError) else str(error)
