"""Files that are written beside their place and renamed: a reader never sees half of one."""

import glob
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from llmrec.errors import InputError
from llmrec.records.locking import alone, locked


@contextmanager
def replaced(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes the place of ``path`` at the end, if no error came.

    It is locked until then; what killed processes left beside ``path`` is not, and removed.

    Raises:
        InputError: it cannot be written.
    """
    target = Path(path)
    try:
        beside = target.with_name(f".{target.name}.{os.getpid()}")
    except ValueError:
        raise InputError("the name of a file is expected", path=target) from None
    try:
        _remove_left(target)
        with locked(beside, "wb") as raw:
            file = io.BufferedWriter(raw)
            yield file
            file.flush()
            os.fsync(raw.fileno())
            if sys.platform == "win32":
                file.close()  # no open file is renamed there, and none is locked
            beside.replace(target)
    except OSError as error:
        if error.filename not in (None, str(beside)):
            raise  # what is written here came from another file
        raise InputError(f"cannot be written: {error.strerror}", path=target) from None
    finally:
        with suppress(OSError):
            beside.unlink()


def _remove_left(target: Path) -> None:
    """Remove what is beside a file and locked by no process, but where there are no locks."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.*"):
        if left.suffix[1:].isdecimal():
            with suppress(InputError, OSError), alone(left):
                left.unlink()
