"""Files that several processes write to."""

import threading
from pathlib import Path

import pytest

from llmrec.records.locking import locked


def wait_for_lock(path: Path, got: list[bytes]) -> threading.Thread:
    def take() -> None:
        with locked(path, "a+b") as file:
            file.seek(0)
            got.append(file.read())
            file.write(b"mine")

    thread = threading.Thread(target=take)
    thread.start()
    return thread


def test_one_at_a_time_has_the_file(tmp_path: Path) -> None:
    path, got = tmp_path / "file", list[bytes]()
    with locked(path, "a+b") as file:
        thread = wait_for_lock(path, got)
        thread.join(0.1)
        assert got == []
        file.write(b"ours ")
    thread.join(10)
    assert got == [b"ours "]
    assert path.read_bytes() == b"ours mine"


@pytest.mark.parametrize("replaced", [True, False])
def test_who_waited_has_the_file_that_is_there_now(tmp_path: Path, replaced: bool) -> None:
    path, got = tmp_path / "file", list[bytes]()
    with locked(path, "a+b"):
        thread = wait_for_lock(path, got)
        thread.join(0.1)
        if replaced:
            (tmp_path / "new").write_bytes(b"new ")
            (tmp_path / "new").replace(path)
        else:
            path.unlink()
    thread.join(10)
    assert got == [b"new " if replaced else b""]
    assert path.read_bytes() == (b"new mine" if replaced else b"mine")


def test_a_file_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "file", "r+b"):
        pass
    assert list(tmp_path.iterdir()) == []
