"""Nothing in the suite can reach beyond this machine."""

import socket
import subprocess
import sys

import pytest


def test_this_process_reaches_loopback_only() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
    ):
        pass
    with socket.socket() as outside, pytest.raises(OSError, match="stay on this machine"):
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(OSError, match="stay on this machine"):
        socket.getaddrinfo("example.org", 80)


def test_a_process_it_starts_reaches_loopback_only() -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0
    assert "stay on this machine" in done.stderr
