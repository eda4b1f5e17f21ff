"""Where in a call log the newest line of each request begins."""

import os
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from llmrec.errors import InputError
from llmrec.llm.call_lines import LoggedLine, lines_from
from llmrec.llm.side_index import SideIndex
from llmrec.records.locking import is_at

_STEP = 256 * 2**20
"""How far the side file may lag behind the log, in bytes: about a second of reading."""


class CallIndex:
    """The newest line of each request, as far as the log was read. Not for two threads at once.

    It belongs to one file, whatever is put in its place: that is kept open, so that no other can
    be taken for it.

    Args:
        path: of the log.

    Attributes:
        places: where the lines begin, in bytes, by the 12 bytes of the request's id.

    Raises:
        InputError: it is not there, is not a call log, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._side = SideIndex(path)
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=path) from None
        weakref.finalize(self, self._file.close)
        with self._opened() as file:
            self._seen = os.fstat(file.fileno()).st_size
            known = self._side.load(file)
        self.places, self._end, self._n_lines = known or ({}, 0, 0)
        self._kept_end = self._end
        self._read_on()

    def is_current(self) -> bool:
        """Say whether its file is still in its place."""
        return is_at(self._file, self._path)

    def is_of(self, file: IO[bytes]) -> bool:
        """Say whether it belongs to an open file."""
        return os.path.sameopenfile(self._file.fileno(), file.fileno())

    def line_at(self, place: int) -> bytes:
        """Return the line that begins at a byte.

        Raises:
            InputError: the file cannot be read.
        """
        with self._opened() as file:
            file.seek(place)
            return file.readline()

    def add(self, start: int, lines: Iterable[tuple[str, bytes]]) -> None:
        """Take in lines that were just added, and those of other processes before them.

        Args:
            start: the byte where they begin.
            lines: the id and the line of each.

        Raises:
            InputError: what was added before them makes it no call log.
        """
        if start > self._seen + 1:  # one byte is the line end after what a stop left
            self._read_on(start)
        if start > self._end:
            self._end, self._n_lines = start, self._n_lines + 1
        for custom_id, line in lines:
            self.places[bytes.fromhex(custom_id)] = start
            start += len(line)
            if start > self._end:  # else they were read meanwhile
                self._end, self._n_lines = start, self._n_lines + 1
        self._seen = self._end
        self._keep_up()

    def _read_on(self, end: int | None = None) -> None:
        """Take in the lines that follow.

        A last line without its end is taken in, but read again the next time, and not put into the
        side file: another process may just be writing it.
        """
        first = {"offset": self._end, "number": self._n_lines}
        unended = None
        with self._opened() as file:
            for line in lines_from(file, self._path, **first, end=end):
                if not line.raw.endswith(b"\n"):
                    unended = line
                    break
                self.places[_key(line, self._path)] = line.offset
                self._end, self._n_lines = line.offset + len(line.raw), line.number + 1
        self._seen = max(self._seen, self._end)
        self._keep_up()
        if unended is not None:
            self.places[_key(unended, self._path)] = unended.offset

    def _keep_up(self) -> None:
        if self._side.is_stale or self._end - self._kept_end > _STEP:
            with self._opened() as file:
                self._side.write(file, self.places, self._end, self._n_lines)
            self._kept_end = self._end

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """Read the file anew, with nothing buffered from before."""
        try:
            with open(self._file.fileno(), "rb", closefd=False) as file:
                yield file
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=self._path) from None


def _key(line: LoggedLine, path: Path) -> bytes:
    try:
        return bytes.fromhex(line.custom_id)
    except ValueError:
        raise InputError(
            f"expected a custom_id of 24 hex digits, came {line.custom_id[:40]!r}",
            path=path,
            line=line.number,
        ) from None
