"""Memory stays flat however large a file is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROWS = 400_000
READ = """
import resource, sys
from llmrec.records.grouping import read_users
print(sum(len(user.reviews) for user in read_users(sys.argv[1])))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.parametrize("users_adjacent", [True, False])
def test_a_file_of_200_mb_takes_less_memory_than_it_has(
    tmp_path: Path, users_adjacent: bool
) -> None:
    path = tmp_path / "reviews.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for n in range(ROWS):
            user = n // 10 if users_adjacent else n % (ROWS // 10)
            file.write(json.dumps({"user_id": f"u{user}", "text": "quiet words " * 40}) + "\n")
    size = path.stat().st_size
    assert size > 200_000_000
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
    )
    rows, peak_kib = map(int, done.stdout.split())
    assert rows == ROWS
    assert peak_kib * 1024 < (size if users_adjacent else 2 * size)
