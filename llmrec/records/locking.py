"""Files that several processes write to: each has them alone while it writes."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from llmrec.errors import InputError

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(path: Path, mode: Literal["r+b", "a+b", "wb"]) -> Iterator[io.FileIO]:
    """Open a file, unbuffered, that no other process has open in this way meanwhile.

    Another process may have put a new file in its place while this one waited: then that one is
    opened. The lock goes with the process that holds it, so that none outlives a kill. On Windows
    there is no such lock: there, one process at a time.

    Args:
        path: of the file.
        mode: ``r+b`` for one that is there, ``a+b`` to make it if need be and to add to its end,
            ``wb`` for one that nobody else writes to.

    Raises:
        OSError: it cannot be opened for writing, or its file system has no locks.
    """
    while True:
        with path.open(mode, buffering=0) as file:
            if sys.platform != "win32":
                fcntl.flock(file, fcntl.LOCK_EX)
            if is_at(file, path):
                yield file
                return


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock on a file, which is made if need be, or refuse; Windows has no such locks.

    Raises:
        InputError: another process holds it.
        OSError: the file cannot be made.
    """
    with path.open("ab") as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    "another process is writing here: wait until it is done", path=path.parent
                ) from None
        yield


def write_all(file: IO[bytes], content: bytes) -> None:
    """Write to an unbuffered file until nothing is left, or an error comes.

    Raises:
        OSError: there is no room for the rest, or it cannot be written; what was written stays.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def is_at(file: IO[bytes], path: Path) -> bool:
    """Say whether an open file is still the one that a path names."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
