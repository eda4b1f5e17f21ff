"""Files that are written beside their place and renamed: a reader never sees half of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from llmrec.errors import InputError


@contextmanager
def replaced(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes the place of ``path`` at the end, if no error came.

    Raises:
        InputError: it cannot be written.
    """
    target = Path(path)
    try:
        beside = target.with_name(f".{target.name}.{os.getpid()}")
    except ValueError:
        raise InputError("the name of a file is expected", path=target) from None
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        if error.filename not in (None, str(beside)):
            raise  # what is written here came from another file
        raise InputError(f"cannot be written: {error.strerror}", path=target) from None
    finally:
        with suppress(OSError):
            beside.unlink()
