"""Where in a call log the newest line of each request begins: in memory, and in a side file.

Reading a large log takes minutes, so that what was found is kept in ``LOG.index``. Nothing needs
that file, and nothing trusts it: it is used where it fits the log's beginning, and made anew where
it does not; what the log holds beyond it is read.
"""

import hashlib
import logging
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from llmrec.errors import InputError
from llmrec.llm.call_lines import LoggedLine, logged_lines
from llmrec.records.replacing import replaced

log = logging.getLogger(__name__)

_STEP = 256 * 2**20
"""How far the side file may lag behind the log, in bytes: about two seconds of reading."""

_MAGIC = b"llmrec call index 1\n"
_HEAD = struct.Struct("<QQ32s32s")  # end, number of lines, sum of the log, sum of the places
_PLACE = struct.Struct("<12sQ")
_SAMPLES = 64
_SAMPLE_BYTES = 4096


@dataclass(slots=True)
class CallIndex:
    """The newest line of each request, as far as the log was read.

    Attributes:
        inode: of the log's file; 0 where there is none yet.
        places: where the lines begin, in bytes, by the 12 bytes of the request's id.
        end: the byte up to which every line is whole and counted.
        n_lines: number of lines before it.
        seen: the byte up to which the log was read; behind ``end`` is what a stop left of a line.
        kept_end: the byte up to which the side file covers the log.
    """

    inode: int
    places: dict[bytes, int] = field(default_factory=dict)
    end: int = 0
    n_lines: int = 0
    seen: int = 0
    kept_end: int = 0

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the index of a whole log.

        Raises:
            InputError: it is not there, is not a call log, or cannot be read.
        """
        try:
            status = path.stat()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=path) from None
        index = cls(status.st_ino)
        fits = index._load(path)
        index.read_on(path)
        index.seen = max(index.end, status.st_size)
        if not fits:
            index._keep(path)
        index.keep_up(path)
        return index

    def read_on(self, path: Path, end: int | None = None) -> None:
        """Take in the lines of the log that follow, as far as the byte ``end``.

        A last line without its end is taken in, but read again the next time: another process may
        just be writing it.

        Raises:
            InputError: it is not a call log, or cannot be read.
        """
        for line in logged_lines(path, offset=self.end, number=self.n_lines, end=end):
            self.places[_key(line, path)] = line.offset
            if line.raw.endswith(b"\n"):
                self.end, self.n_lines = line.offset + len(line.raw), line.number + 1

    def add(self, start: int, lines: Iterable[tuple[str, bytes]], path: Path) -> None:
        """Take in lines that were just added, and those of other processes before them.

        Args:
            start: the byte where they begin.
            lines: the id and the line of each.
            path: of the log.

        Raises:
            InputError: what was added before them makes it no call log.
        """
        if start > self.seen + 1:  # one byte is the line end after what a stop left
            self.read_on(path, end=start)
        if start > self.end:
            self.end, self.n_lines = start, self.n_lines + 1
        for custom_id, line in lines:
            self.places[bytes.fromhex(custom_id)] = self.end
            self.end, self.n_lines = self.end + len(line), self.n_lines + 1
        self.seen = self.end

    def keep_up(self, path: Path) -> None:
        """Write the side file anew if it lags far behind."""
        if self.end - self.kept_end > _STEP:
            self._keep(path)

    def _keep(self, path: Path) -> None:
        places = b"".join(map(_PLACE.pack, self.places.keys(), self.places.values()))
        self.kept_end = self.end
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_ino != self.inode:
                    return
                head = _HEAD.pack(self.end, self.n_lines, _sum(file, self.end), _digest(places))
            with replaced(index_path(path)) as side:
                side.write(_MAGIC + head + places)
        except (InputError, OSError) as error:
            log.debug("goes without an index beside the log: %s", error)

    def _load(self, path: Path) -> bool:
        """Take over what the side file says; say whether there is none, or it fits."""
        try:
            content = index_path(path).read_bytes()
        except OSError as error:
            log.debug("no index beside the log: %s", error)
            return True
        try:
            self._unpack(content, path)
        except (ValueError, struct.error, OSError) as error:
            log.warning("%s does not fit %s (%s): made anew", index_path(path), path, error)
            return False
        return True

    def _unpack(self, content: bytes, path: Path) -> None:
        """Take over the content of a side file, or raise ValueError or struct.error."""
        if not content.startswith(_MAGIC):
            raise ValueError("it begins otherwise")
        end, n_lines, log_sum, places_sum = _HEAD.unpack_from(content, len(_MAGIC))
        places = memoryview(content)[len(_MAGIC) + _HEAD.size :]
        if _digest(places) != places_sum:
            raise ValueError("it is damaged")
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < end or _sum(file, end) != log_sum:
                raise ValueError("the log has changed")
        self.places = dict(_PLACE.iter_unpack(places))
        self.end = self.kept_end = end
        self.n_lines = n_lines


def index_path(path: Path) -> Path:
    """Return where the side file of a log is."""
    return path.with_name(path.name + ".index")


def _key(line: LoggedLine, path: Path) -> bytes:
    try:
        return bytes.fromhex(line.custom_id)
    except ValueError:
        raise InputError(
            f"expected a custom_id of 24 hex digits, came {line.custom_id[:40]!r}",
            path=path,
            line=line.number,
        ) from None


def _sum(file: IO[bytes], end: int) -> bytes:
    """Return a SHA-256 of a log's first ``end`` bytes: of evenly spaced samples, the end included.

    A line that was added, left out or lengthened moves all samples behind it; one that was altered
    in place is noticed when it is read.
    """
    sha = hashlib.sha256()
    for n in range(1, _SAMPLES + 1):
        stop = end * n // _SAMPLES
        start = max(0, stop - _SAMPLE_BYTES)
        file.seek(start)
        sha.update(file.read(stop - start))
    return sha.digest()


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).digest()
