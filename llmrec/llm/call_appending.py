"""Adding lines to a call log that other processes may be adding to as well."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import IO

from llmrec.records.locking import locked


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


def append_lines(path: Path, lines: Sequence[bytes]) -> Appended:
    """Add whole lines to the end of a file: one write, one fsync, no other process in between.

    Where the disk is full, the lines that still fit stay, and nothing is left of the others.

    Raises:
        OSError: the file cannot be opened for writing, or it is not sure what reached the disk.
    """
    with locked(path, "a+b") as file:
        before = b"" if _ends_a_line(file) else b"\n"  # a stop can leave half a line
        start = file.seek(0, os.SEEK_END) + len(before)
        ends = list(accumulate(map(len, lines), initial=start))
        error = _write(file, before + b"".join(lines))
        size = os.fstat(file.fileno()).st_size
        kept = sum(end <= size for end in ends[1:])
        if error is not None:
            file.truncate(min(size, ends[kept]))
        os.fsync(file.fileno())
    return Appended(start, kept, error)


def _write(file: IO[bytes], content: bytes) -> OSError | None:
    """Write until an error comes, and return that: what is on disk by then stays."""
    rest = memoryview(content)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        return error
    return None


def _ends_a_line(file: IO[bytes]) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
