"""The file beside a large call log that saves reading it: ``LOG.index``.

Nothing needs it, and nothing trusts it: it is used where it fits the log's beginning, and made
anew where it does not.
"""

import hashlib
import logging
import os
import struct
from collections.abc import Mapping
from itertools import islice, starmap
from pathlib import Path
from typing import IO, NamedTuple

from llmrec.errors import InputError
from llmrec.records.replacing import replaced

log = logging.getLogger(__name__)

_MAGIC = b"llmrec call index 1\n"
_HEAD = struct.Struct("<QQ32s32s")  # end, number of lines, sum of the log, sum of the places
_PLACE = struct.Struct("<12sQ")
_PART = 10_000
_SAMPLES = 64
_SAMPLE_BYTES = 4096


class Known(NamedTuple):
    """What is known of a log's beginning.

    Attributes:
        places: where the newest line of each request begins, by the 12 bytes of its id.
        end: the byte behind the last line known.
        n_lines: number of lines before it.
    """

    places: dict[bytes, int]
    end: int
    n_lines: int


class SideIndex:
    """The index file of one log.

    Args:
        path: of the log.

    Attributes:
        path: of the index.
        is_stale: whether one is there that does not fit the log.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".index")
        self.is_stale = False

    def load(self, log_file: IO[bytes]) -> Known | None:
        """Return what the file says, or None where there is none, or it does not fit the log."""
        try:
            content = self.path.read_bytes()
        except OSError as error:
            log.debug("goes without an index beside the log: %s", error)
            return None
        try:
            return _unpacked(content, log_file)
        except (ValueError, struct.error) as error:
            log.warning("%s does not fit its call log (%s): made anew", self.path, error)
            self.is_stale = True
            return None

    def write(
        self, log_file: IO[bytes], places: Mapping[bytes, int], end: int, n_lines: int
    ) -> None:
        """Write the file anew; where it cannot be written, the log goes without."""
        self.is_stale = False
        packed = _packed(places)
        try:
            with replaced(self.path) as file:
                file.write(_MAGIC)
                file.write(_HEAD.pack(end, n_lines, _sum(log_file, end), _digest(packed)))
                file.write(packed)
        except InputError as error:
            log.debug("goes without an index beside the log: %s", error)


def _packed(places: Mapping[bytes, int]) -> bytearray:
    """Return the records of all places, made a part at a time: objects take 15 times the room."""
    packed, items = bytearray(), iter(places.items())
    while part := b"".join(starmap(_PLACE.pack, islice(items, _PART))):
        packed += part
    return packed


def _unpacked(content: bytes, log_file: IO[bytes]) -> Known:
    """Return what an index says, or raise ValueError or struct.error where it does not fit."""
    if not content.startswith(_MAGIC):
        raise ValueError("it begins otherwise")
    end, n_lines, log_sum, places_sum = _HEAD.unpack_from(content, len(_MAGIC))
    packed = memoryview(content)[len(_MAGIC) + _HEAD.size :]
    if _digest(packed) != places_sum:
        raise ValueError("it is damaged")
    if os.fstat(log_file.fileno()).st_size < end or _sum(log_file, end) != log_sum:
        raise ValueError("the log has changed")
    return Known(dict(_PLACE.iter_unpack(packed)), end, n_lines)


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


def _digest(content: bytearray | memoryview) -> bytes:
    return hashlib.sha256(content).digest()
