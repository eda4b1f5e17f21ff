"""Files of rows: JSON Lines and CSV, plain or gzipped, from a path or from stdin."""

import csv
import gzip
import sys
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, cast

from llmrec.errors import InputError

MAX_LINE_BYTES = 64 * 2**20
"""A longer line is refused: it is not a row of anything that a person wrote."""

BUFFER_BYTES = 64 * 2**20
"""So much of a file is kept in memory; of a larger one only where its rows are."""

_BOM = b"\xef\xbb\xbf"
_STDIN_READ: weakref.WeakSet[IO[bytes]] = weakref.WeakSet()


Row = tuple[int, int, bytes | list[str]]
"""One row: its line from 0 (in a CSV file the record after the header, from 0), the offset in the
decompressed file where it ends, and the bytes of a JSON line or the cells of a CSV record."""


class Table:
    """A file of rows that can be read from its start as often as needed.

    Args:
        path: a ``.csv`` file, else JSON Lines; ``.gz`` is decompressed; ``-`` is stdin, kept
            aside (on disk where it is large), and CSV unless its first character is ``{``.

    Attributes:
        seekable: whether a part can be read again without reading all before it.
        is_csv: whether it is CSV.
        header: the column names of a CSV file, known once reading has begun.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.header: list[str] = []
        self._stdin: IO[bytes] | None = None
        if self.path == "-":
            self._stdin = tempfile.SpooledTemporaryFile(max_size=BUFFER_BYTES)  # noqa: SIM115
            weakref.finalize(self, self._stdin.close)
            _keep_stdin(self._stdin)
        self.seekable = self._stdin is None and not self.path.endswith(".gz")
        self.is_csv = self._looks_like_csv()

    def rows(self) -> Iterator[Row]:
        """Yield every row that is not blank."""
        with self._open() as stream:
            yield from self._rows(_Lines(stream, self.path), line=0)

    def rows_between(self, offset: int, end: int, line: int) -> Iterator[Row]:
        """Yield the rows of a part of a seekable file that was read once before.

        Args:
            offset: where the row before the part ends, 0 at the start of the file.
            end: where the part ends.
            line: the line at that offset.
        """
        with self._open() as stream:
            stream.seek(offset)
            for row in self._rows(_Lines(stream, self.path, offset), line):
                yield row
                if row[1] >= end:
                    return

    def _open(self) -> AbstractContextManager[IO[bytes]]:
        if self._stdin is not None:
            self._stdin.seek(0)
            return nullcontext(self._stdin)
        try:
            if self.path.endswith(".gz"):
                return cast("IO[bytes]", gzip.open(self.path, "rb"))
            return Path(self.path).open("rb")
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=self.path) from None

    def _looks_like_csv(self) -> bool:
        if self._stdin is None:
            return self.path.removesuffix(".gz").endswith(".csv")
        with self._open() as stream:
            return not stream.read(64).removeprefix(_BOM).lstrip().startswith(b"{")

    def _rows(self, lines: "_Lines", line: int) -> Iterator[Row]:
        rows = self._csv_rows(lines, line) if self.is_csv else _json_rows(lines, line)
        try:
            yield from rows
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"the gzip file is damaged: {error}", path=self.path) from None
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=self.path) from None

    def _csv_rows(self, lines: "_Lines", line: int) -> Iterator[Row]:
        csv.field_size_limit(MAX_LINE_BYTES)
        reader = csv.reader(lines.decoded(), strict=True)
        try:
            if lines.offset == 0:
                self.header = next(filter(None, reader), [])
            for cells in reader:
                if cells:
                    yield line, lines.offset, cells
                line += 1
        except csv.Error as error:
            raise InputError(f"not CSV: {error}", path=self.path, line=line) from None


class _Lines:
    """The lines of a stream, without a byte order mark, and where it is."""

    def __init__(self, stream: IO[bytes], path: str, offset: int = 0) -> None:
        self.stream = stream
        self.path = path
        self.offset = offset

    def next(self) -> bytes:
        """Return the next line, empty at the end of the stream."""
        raw = self.stream.readline(MAX_LINE_BYTES + 1)
        if len(raw) > MAX_LINE_BYTES:
            raise InputError(
                f"the line that begins at byte {self.offset} is longer than "
                f"{MAX_LINE_BYTES >> 20} MiB: expected one row a line",
                path=self.path,
            )
        start = len(_BOM) if self.offset == 0 and raw.startswith(_BOM) else 0
        self.offset += len(raw)
        return raw[start:] if start else raw

    def decoded(self) -> Iterator[str]:
        """Yield lines as text; bytes that are not UTF-8 become surrogates, refused later."""
        while raw := self.next():
            yield raw.decode("utf-8", "surrogateescape")


def _json_rows(lines: _Lines, line: int) -> Iterator[Row]:
    next_line = lines.next
    while raw := next_line():
        if not raw.isspace():
            yield line, lines.offset, raw
        line += 1


def read_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each line of a JSON Lines file that is not blank.

    Raises:
        InputError: it cannot be read, or is CSV.
    """
    table = Table(path)
    for line, _, raw in table.rows():
        if not isinstance(raw, bytes):
            raise InputError("JSON Lines are expected, CSV came", path=path)
        yield line, raw


def _keep_stdin(kept: IO[bytes]) -> None:
    if sys.stdin.buffer in _STDIN_READ:
        raise InputError("stdin was read already: - can stand for one file only")
    _STDIN_READ.add(sys.stdin.buffer)
    while block := sys.stdin.buffer.read(2**20):
        kept.write(block)
