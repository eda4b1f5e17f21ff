"""Arrays in files: written whole, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from llmrec.errors import InputError
from llmrec.matching.content_index import write_statistics
from llmrec.matching.similarity import HubStatistics

resource = pytest.importorskip("resource")


def test_a_small_file_that_no_disk_takes_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with pytest.raises(InputError, match="cannot be written"):
            write_statistics(tmp_path / "hub.npy", HubStatistics(np.ones(160), np.ones(160)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
