"""Files that are whole or not there."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llmrec.errors import InputError
from llmrec.records.locking import alone
from llmrec.records.replacing import replaced

KILLED = """
import os, signal, sys
from llmrec.records.replacing import replaced

with replaced(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_new_file_is_there_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    with replaced(path) as file:
        file.write("晚\n".encode())
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "晚\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_file_is_whole_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_bytes(b"old")
    with replaced(str(path)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def _fail_halfway(path: Path, error: type[BaseException]) -> None:
    with replaced(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_an_error_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "old.jsonl"
    path.write_bytes(b"old")
    with pytest.raises(error):
        _fail_halfway(path, error)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_no_new_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        _fail_halfway(tmp_path / "new.jsonl", ValueError)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    with pytest.raises(InputError) as caught, replaced(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_another_file_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="another"), replaced(tmp_path / "new") as file:
        file.write(Path("another").read_bytes())
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none" / "new.jsonl"
    with pytest.raises(InputError) as caught, replaced(path):
        pytest.fail("there is nothing to write to")
    assert str(caught.value) == f"{path}: cannot be written: No such file or directory"


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(InputError, match="cannot be written: Is a directory"), replaced(path):
        pass
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["file/new.jsonl", "n" * 300])
def test_an_impossible_name_is_an_error_of_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"), replaced(tmp_path / name):
        pytest.fail("there is nothing to write to")


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_folder_has_no_name_of_a_file(name: str) -> None:
    with pytest.raises(InputError, match="the name of a file is expected"), replaced(name):
        pytest.fail("there is nothing to write to")


def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "new.[json]l"
    killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    assert left.read_bytes() == b"half"
    with replaced(path) as file:
        file.write(b"whole")
        assert not left.exists()
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    path, other = tmp_path / "new.jsonl", tmp_path / f".new.jsonl.{os.getpid() + 1}"
    with alone(other), replaced(path):
        pass
    assert {*tmp_path.iterdir()} == {path, other}


def test_files_of_other_names_stay(tmp_path: Path) -> None:
    names = [".new.jsonl.", ".new.jsonl.bak", ".new.jsonl.1.old", "new.jsonl.1", ".other.jsonl.1"]
    for name in names:
        (tmp_path / name).touch()
    with replaced(tmp_path / "new.jsonl"):
        pass
    assert {one.name for one in tmp_path.iterdir()} == {"new.jsonl", *names}
