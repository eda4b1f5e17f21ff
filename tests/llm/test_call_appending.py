"""Adding lines where there may be no room for them: the whole ones stay, and nothing else."""

import errno
import os
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.llm.call_appending import Appended, append_lines
from llmrec.records.locking import locked


@contextmanager
def room_for(n_bytes: int) -> Iterator[None]:
    """Let no file grow beyond some size: a full disk that needs no disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def append(path: Path, lines: Sequence[bytes]) -> Appended:
    with locked(path, "a+b") as file:
        return append_lines(file, lines)


def test_lines_are_added_where_they_are_said_to_begin(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert append(path, [b"one\n", b"two\n"]) == Appended(0, 2)
    assert append(path, [b"three\n"]) == Appended(8, 1)
    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_after_half_a_line_the_next_begins_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"ha")
    assert append(path, [b"one\n"]) == Appended(3, 1)
    assert path.read_bytes() == b"ha\none\n"


@settings(deadline=None, max_examples=50)
@given(
    before=st.sampled_from([b"", b"old\n", b"ha"]),
    lines=st.lists(st.binary(max_size=5).map(lambda b: b.replace(b"\n", b"") + b"\n"), min_size=1),
    room=st.integers(0, 60),
)
def test_of_what_does_not_fit_only_whole_lines_stay(
    tmp_path_factory: pytest.TempPathFactory, before: bytes, lines: list[bytes], room: int
) -> None:
    path = tmp_path_factory.mktemp("full") / "log"
    path.write_bytes(before)
    with room_for(max(room, len(before))):
        appended = append(path, lines)
    if appended.error is None:
        assert appended.kept == len(lines)
    else:
        assert appended.error.errno == errno.EFBIG
        assert appended.kept < len(lines)
    kept = b"".join(lines[: appended.kept])
    newline = b"" if before[-1:] in (b"", b"\n") else b"\n"
    assert path.read_bytes() in {before + newline + kept, before + kept}
    after = append(path, [b"new\n"])
    assert path.read_bytes().splitlines()[-1] == b"new"
    assert path.read_bytes()[after.start :] == b"new\n"


def test_what_may_not_have_reached_the_disk_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(OSError, match="Input/output error"):
        append(tmp_path / "log", [b"one\n"])
