"""Files mapped into memory: opened in no time, read where they are looked at."""

import io
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from llmrec.errors import IndexMismatch, InputError

Scalar = TypeVar("Scalar", bound=np.generic)


def map_array(path: Path, dtype: type[Scalar], shape: int | tuple[int, ...]) -> NDArray[Scalar]:
    """Map an ``.npy`` file.

    Args:
        path: of the file.
        dtype: that its numbers must have.
        shape: that it must have, or its number of axes.

    Raises:
        InputError: it cannot be read, or is not such a file.
        IndexMismatch: it holds something else.
    """
    try:
        array: NDArray[Any] = open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"not an array file: {error}", path=path) from None
    fits = array.ndim == shape if isinstance(shape, int) else array.shape == shape
    if array.dtype != dtype or not fits:
        expected = f"{shape} axes" if isinstance(shape, int) else shape
        raise IndexMismatch(
            f"{path}: {np.dtype(dtype)} {expected} is expected, came {array.dtype} "
            f"{array.shape}: build the index again"
        )
    return array


def array_bytes(array: NDArray[Any]) -> memoryview:
    """Return an ``.npy`` file.

    Into a file numpy writes past Python, and the last 4 kB that a full disk refuses are lost
    without an error.
    """
    memory = io.BytesIO()
    np.save(memory, array)
    return memory.getbuffer()


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an ``.npy`` file; see ``array_bytes``."""
    path.write_bytes(array_bytes(array))


def map_bytes(path: Path) -> NDArray[np.uint8]:
    """Map any file that is not empty.

    Raises:
        InputError: it cannot be read, or is empty.
    """
    try:
        return np.memmap(path, np.uint8, mode="r")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None
    except ValueError:
        raise InputError("it is empty", path=path) from None
