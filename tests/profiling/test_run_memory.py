"""Memory stays flat however many users there are."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_100_000_users_take_no_more_memory_than_25_000() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "memory.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["peak_mb"] < 400
    assert measured["growth_mb"] < 60
