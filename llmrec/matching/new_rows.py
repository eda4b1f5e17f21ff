"""A file of rows to be filled, which has all of its place on the disk before it is mapped."""

import os
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from llmrec.llm.embedder import Rows

_AT_ONCE = 1 << 20


def new_rows(path: Path, n_rows: int, dim: int) -> Rows:
    """Make a file of zeros, and map it to be written to.

    A file as numpy makes it is a hole: when the disk is full, writing into it through memory ends
    the process with a bus error. Here the disk is found to be full before.

    Args:
        path: of the ``.npy`` file.
        n_rows: number of rows.
        dim: of a row.

    Returns:
        The rows, (n_rows, dim) float32, mapped.

    Raises:
        OSError: the file cannot be written, or has no place.
    """
    rows: Rows = open_memmap(path, "w+", np.float32, (n_rows, dim))
    with path.open("r+b") as file:
        file.seek(-rows.nbytes, os.SEEK_END)
        for start in range(0, rows.nbytes, _AT_ONCE):
            file.write(bytes(min(_AT_ONCE, rows.nbytes - start)))
    return rows
