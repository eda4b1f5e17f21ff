"""A lock that one holder has, and that nobody has to give back."""

import subprocess
import sys
from pathlib import Path

import pytest

from llmrec.errors import InputError
from llmrec.records.locking import alone

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")

HOLD = """
import sys, pathlib
from llmrec.records.locking import alone
with alone(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with alone(tmp_path / "lock"):
        with (
            pytest.raises(InputError, match="another process is writing here") as caught,
            alone(tmp_path / "lock"),
        ):
            pass
        assert caught.value.path == str(tmp_path)
    with alone(tmp_path / "lock"):
        pass


def test_a_holder_that_is_killed_holds_it_no_longer(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError), alone(tmp_path / "lock"):
            pass
        holder.kill()
        holder.wait()
        with alone(tmp_path / "lock"):
            pass
