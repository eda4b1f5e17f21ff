"""One writer at a time: a lock that the system takes back from a process that dies."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmrec.errors import InputError

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on a file, which is made if need be; Windows has no such locks.

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
