"""A new file of rows: zeros that have their place on the disk."""

from pathlib import Path

import numpy as np
import pytest

from llmrec.matching.new_rows import new_rows


@pytest.mark.parametrize(("n_rows", "dim"), [(1, 1), (7, 3), (3_000, 257)])
def test_all_rows_have_their_place_before_they_are_filled(
    tmp_path: Path, n_rows: int, dim: int
) -> None:
    path = tmp_path / "rows.npy"
    rows = new_rows(path, n_rows, dim)
    found = path.stat()
    assert found.st_blocks * 512 >= found.st_size > n_rows * dim * 4
    assert (rows.shape, rows.dtype, rows.any()) == ((n_rows, dim), np.float32, False)
    rows[:] = np.arange(dim)
    rows.flush()
    np.testing.assert_array_equal(np.load(path), np.tile(np.arange(dim), (n_rows, 1)))
    assert path.stat().st_size == found.st_size


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        new_rows(tmp_path / "no folder" / "rows.npy", 2, 2)
