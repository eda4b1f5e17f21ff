"""Adding lines to a call log: whole ones, and on disk."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import IO

from llmrec.records.locking import write_all


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of lines that were to be added.

    Attributes:
        start: the byte where the first begins.
        kept: how many of them, from the first on, are on disk.
        error: why the others are not, or None where all are.
    """

    start: int
    kept: int
    error: OSError | None = None


def append_lines(file: IO[bytes], lines: Sequence[bytes]) -> Appended:
    """Add whole lines to the end of a file: one write, one fsync.

    Where the disk is full, the lines that still fit stay, and nothing is left of the others.

    Args:
        file: open for adding and reading, unbuffered; nobody else adds to it meanwhile.
        lines: each with its line end.

    Raises:
        OSError: it is not sure what reached the disk.
    """
    before = b"" if _ends_a_line(file) else b"\n"  # a stop can leave half a line
    start = file.seek(0, os.SEEK_END) + len(before)
    ends = list(accumulate(map(len, lines), initial=start))
    error = None
    try:
        write_all(file, before + b"".join(lines))
    except OSError as came:
        error = came
    size = os.fstat(file.fileno()).st_size
    kept = sum(end <= size for end in ends[1:])
    if error is not None:
        file.truncate(min(size, ends[kept]))
    os.fsync(file.fileno())
    return Appended(start, kept, error)


def _ends_a_line(file: IO[bytes]) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
