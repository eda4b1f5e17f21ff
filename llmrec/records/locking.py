"""Files that several processes write to: each has them alone while it writes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(path: Path, mode: Literal["r+b", "a+b"]) -> Iterator[IO[bytes]]:
    """Open a file, unbuffered, that no other process has open in this way meanwhile.

    Another process may have put a new file in its place while this one waited: then that one is
    opened. The lock goes with the process that holds it, so that none outlives a kill. On Windows
    there is no such lock: there, one process at a time.

    Args:
        path: of the file.
        mode: ``r+b`` for one that is there, ``a+b`` to make it if need be and to add to its end.

    Raises:
        OSError: it cannot be opened for writing, or its file system has no locks.
    """
    while True:
        with path.open(mode, buffering=0) as file:
            if sys.platform != "win32":
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                yield file
                return


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
