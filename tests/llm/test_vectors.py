"""Vectors files: what was made is kept, and nothing in a file is trusted."""

import hashlib
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from llmrec.errors import IndexMismatch, InputError
from llmrec.llm.embedder import Rows, vector_key
from llmrec.llm.vectors import VectorsFile, read_vectors, write_vectors

A, B, C = ("a" * 24, "b" * 24, "c" * 24)
VECTORS: dict[str, Rows] = {
    A: np.array([0.8, 0.6], np.float32),
    B: np.array([0.6, -0.8], np.float32),
    C: np.array([0, 1], np.float32),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.npz"


@pytest.fixture
def part(path: Path) -> Path:
    """Where new vectors of ``path`` are before they are folded in."""
    return path.with_name("vectors.npz.part")


def append(file: VectorsFile, *keys: str) -> None:
    file.append(keys, np.stack([VECTORS[key] for key in keys]))


def assert_holds(file: VectorsFile, *keys: str) -> None:
    assert set(file.rows) == set(keys)
    assert len(file) == len(keys)
    for key in keys:
        assert key in file
        assert file[key].dtype == np.float32
        np.testing.assert_array_equal(file[key], VECTORS[key])


def test_key_is_the_documented_formula() -> None:
    expected = hashlib.sha256("tiny\nquery\n喜欢赋格".encode()).hexdigest()[:24]
    assert vector_key("tiny", "query", "喜欢赋格") == expected
    assert vector_key("tiny", "passage", "喜欢赋格") != expected


def test_the_recorded_vectors_are_read(demo: Path) -> None:
    model = "multilingual-e5-small"
    file = VectorsFile(demo / "vectors.npz", model)
    assert len(file) == 428
    row = file[vector_key(model, "query", "喜欢看电影，喜欢看科幻电影")]
    assert (row.shape, row.dtype) == ((384,), np.float32)


def test_a_file_that_is_not_there_is_empty(path: Path) -> None:
    assert_holds(VectorsFile(path, "tiny"))
    assert not path.exists()


def test_vectors_come_back_as_they_were_written(path: Path) -> None:
    write_vectors(path, "tiny 模型", VECTORS)
    model, keys, rows = read_vectors(path)
    assert (model, keys, rows.dtype) == ("tiny 模型", [A, B, C], np.float32)
    np.testing.assert_array_equal(rows, list(VECTORS.values()))
    assert_holds(VectorsFile(path, "tiny 模型"), A, B, C)


def test_the_row_of_a_text_without_tokens_comes_back(path: Path) -> None:
    write_vectors(path, "tiny", {A: np.zeros(2, np.float32)})
    assert VectorsFile(path, "tiny")[A].tolist() == [0, 0]


def test_no_vectors_come_back_as_none(path: Path) -> None:
    write_vectors(path, "tiny", {})
    assert_holds(VectorsFile(path, "tiny"))


def test_no_keys_of_any_length_are_none(path: Path) -> None:
    write_npz(path, GOOD | {"keys": _npy(np.array([], "S")), "rows": _npy(np.zeros((0, 2), "<f4"))})
    assert_holds(VectorsFile(path, "tiny"))


UNIT_ROWS = arrays(
    np.float32, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-9, 9, width=32)
).map(lambda rows: rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-3))


@settings(deadline=None)
@given(st.text(min_size=1).filter(lambda name: "\0" not in name), UNIT_ROWS)
def test_any_unit_rows_come_back_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, model: str, rows: Rows
) -> None:
    lengths = np.linalg.norm(rows, axis=1)
    vectors = {
        f"{n:024x}": row for n, row in enumerate(rows) if lengths[n] > 0.9999 or not row.any()
    }
    path = tmp_path_factory.mktemp("vectors") / "vectors.npz"
    write_vectors(path, model, vectors)
    file = VectorsFile(path, model)
    assert {key: row.tobytes() for key, row in file.rows.items()} == {
        key: row.tobytes() for key, row in vectors.items()
    }


def test_what_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "no folder" / "vectors.npz"
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_vectors(path, "tiny", VECTORS)
    with pytest.raises(InputError, match="cannot be written: No such file"):
        append(VectorsFile(path, "tiny"), A)


# New vectors: FILE.part


def test_appended_vectors_are_in_the_part_then_in_the_file(path: Path, part: Path) -> None:
    write_vectors(path, "tiny", {A: VECTORS[A]})
    file = VectorsFile(path, "tiny")
    append(file, B)
    append(file, C)
    assert_holds(file, A, B, C)
    assert read_vectors(path)[1] == [A]

    again = VectorsFile(path, "tiny")
    assert_holds(again, A, B, C)
    again.fold()
    assert not part.exists()
    assert read_vectors(path)[1] == [A, B, C]
    assert_holds(VectorsFile(path, "tiny"), A, B, C)


def test_a_folded_file_takes_new_vectors(path: Path, part: Path) -> None:
    file = VectorsFile(path, "tiny")
    for key in (A, B):
        append(file, key)
        file.fold()
    append(file, C)
    assert part.exists()
    assert_holds(VectorsFile(path, "tiny"), A, B, C)


def test_folding_nothing_writes_nothing(path: Path) -> None:
    write_vectors(path, "tiny", VECTORS)
    before = path.stat()
    VectorsFile(path, "tiny").fold()
    after = path.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_part_cut_anywhere_keeps_what_is_whole(
    path: Path, part: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = VectorsFile(path, "tiny")
    append(file, A, B)
    whole = part.read_bytes()
    header = whole.index(b"\n") + 1
    record = (len(whole) - header) // 2
    for length in range(header, len(whole) + 1):
        part.write_bytes(whole[:length])
        caplog.clear()
        file = VectorsFile(path, "tiny")
        kept = [A, B][: (length - header) // record]
        assert_holds(file, *kept)
        cut = (length - header) % record != 0
        assert caplog.messages == [f"{part}: vectors that a stop cut short are ignored"] * cut
        append(file, C)
        assert_holds(VectorsFile(path, "tiny"), *kept, C)


@pytest.mark.parametrize("length", [0, 1, 10])
def test_a_part_cut_in_its_header_is_empty(path: Path, part: Path, length: int) -> None:
    append(VectorsFile(path, "tiny"), A)
    part.write_bytes(part.read_bytes()[:length])
    assert_holds(VectorsFile(path, "tiny"))


def test_a_part_cut_at_the_end_of_its_header_takes_new_vectors(path: Path, part: Path) -> None:
    append(VectorsFile(path, "tiny"), A)
    part.write_bytes(part.read_bytes().partition(b"\n")[0])
    append(VectorsFile(path, "tiny"), B)
    assert_holds(VectorsFile(path, "tiny"), B)


def _part(dim: object, *records: bytes) -> bytes:
    return json.dumps({"model": "tiny", "dim": dim}).encode() + b"\n" + b"".join(records)


def _record(key: str, *row: float) -> bytes:
    content = key.encode("latin-1") + np.array(row, "<f4").tobytes()
    return content + zlib.crc32(content).to_bytes(4, "little")


@pytest.mark.parametrize(
    "header",
    [
        b"Dear diary,",
        b"[]",
        b"17",
        b'{"model": "tiny"}',
        b'{"dim": 2}',
        b'{"model": "tiny", "dim": "two"}',
        b'{"model": "tiny", "dim": null}',
    ],
)
def test_a_part_that_begins_otherwise_is_an_input_error(
    path: Path, part: Path, header: bytes
) -> None:
    part.write_bytes(header + b"\n")
    with pytest.raises(InputError, match="not the beginning of a vectors file's part") as wrong:
        VectorsFile(path, "tiny")
    assert wrong.value.path == str(part)


@pytest.mark.parametrize("dim", [0, -1, -6, 10**30, float("inf"), float("nan")])
def test_a_part_of_an_impossible_dim_is_an_input_error(path: Path, part: Path, dim: float) -> None:
    part.write_bytes(_part(dim, bytes(64)))
    with pytest.raises(InputError, match="not the beginning of a vectors file's part"):
        VectorsFile(path, "tiny")


@pytest.mark.parametrize("row", [(3, 4), (np.nan, 1), (np.inf, 0), (0.9, 0)])
def test_a_damaged_row_in_a_part_is_ignored_with_a_note(
    path: Path, part: Path, caplog: pytest.LogCaptureFixture, row: tuple[float, float]
) -> None:
    write_vectors(path, "tiny", {A: VECTORS[A]})
    part.write_bytes(_part(2, _record(C, *row)[:-4] + b"sum?", _record(B, *VECTORS[B])))
    VectorsFile(path, "tiny").fold()
    assert set(caplog.messages) == {f"{part}: vectors that a stop cut short are ignored"}
    assert_holds(VectorsFile(path, "tiny"), A, B)


def test_a_damaged_key_in_a_part_does_not_keep_the_rest_from_being_folded(
    path: Path, part: Path
) -> None:
    part.write_bytes(_part(2, b"\xff" * 24 + _record(A, 1, 0)[24:], _record(B, *VECTORS[B])))
    VectorsFile(path, "tiny").fold()
    assert_holds(VectorsFile(path, "tiny"), B)


def test_a_row_whose_cut_end_weighs_little_is_not_taken_for_a_vector(
    path: Path, part: Path
) -> None:
    light = _record(A, 0.99995, 0.01)
    part.write_bytes(_part(2, light[:-8]))
    append(VectorsFile(path, "tiny"), B)
    assert_holds(VectorsFile(path, "tiny"), B)


def test_the_row_of_a_text_without_tokens_is_kept_in_a_part(path: Path) -> None:
    VectorsFile(path, "tiny").append([A], np.zeros((1, 2), np.float32))
    assert A in VectorsFile(path, "tiny")


def test_what_another_process_adds_is_kept(path: Path) -> None:
    one, other = VectorsFile(path, "tiny"), VectorsFile(path, "tiny")
    append(one, A)
    append(other, B)
    append(one, C)
    assert_holds(VectorsFile(path, "tiny"), A, B, C)
    other.fold()
    one.fold()
    assert_holds(VectorsFile(path, "tiny"), A, B, C)


# Mixed up


def test_vectors_of_another_model_are_refused(path: Path) -> None:
    write_vectors(path, "huge", VECTORS)
    with pytest.raises(IndexMismatch, match=r"vectors of 'tiny' are expected.*'huge'") as wrong:
        VectorsFile(path, "tiny")
    assert str(path) in str(wrong.value)


def test_new_vectors_of_another_model_are_refused(path: Path, part: Path) -> None:
    append(VectorsFile(path, "huge"), A)
    with pytest.raises(IndexMismatch, match=r"'tiny' are expected.*'huge'") as wrong:
        VectorsFile(path, "tiny")
    assert str(part) in str(wrong.value)


@pytest.mark.parametrize("folded", [True, False])
def test_vectors_of_another_dim_are_refused(path: Path, part: Path, folded: bool) -> None:
    file = VectorsFile(path, "tiny")
    append(file, A)
    if folded:
        file.fold()
    for seen in (file, VectorsFile(path, "tiny")):
        with pytest.raises(IndexMismatch, match="2 dims are expected, came 3") as wrong:
            seen.append([B], np.eye(3, dtype=np.float32)[:1])
        assert f"without {path.name} and {part.name}" in str(wrong.value)
        assert_holds(seen, A)


def test_a_part_of_another_dim_than_its_file_is_refused(path: Path, part: Path) -> None:
    write_vectors(path, "tiny", {A: VECTORS[A]})
    part.write_bytes(_part(3, _record(B, 1, 0, 0)))
    with pytest.raises(IndexMismatch, match="2 dims are expected, came 3"):
        VectorsFile(path, "tiny")


# Damaged and hostile files


class Touches:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return (Path.touch, (self.path,))


def _npy(array: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asanyarray(array), allow_pickle=True)
    return stream.getvalue()


def _npy_of(header: str, content: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    size = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + size + header.encode("latin-1") + content


def _float32(shape: str, content: bytes = b"") -> bytes:
    return _npy_of(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}", content)


GOOD = {
    "model": _npy("tiny"),
    "keys": _npy(np.array([A, B], "S24")),
    "rows": _npy(np.stack([VECTORS[A], VECTORS[B]])),
}


def write_npz(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


@pytest.mark.parametrize(
    "rows",
    [
        np.array([[1, 0], [0, 1]], ">f4"),
        np.asfortranarray(np.array([[0.6, 0.8], [0, 1]], "<f4")),
        np.array([[0, 0], [0, 1]], "<f4"),
    ],
)
def test_rows_are_read_in_any_order_of_bytes_and_axes(path: Path, rows: Rows) -> None:
    write_npz(path, GOOD | {"rows": _npy(rows)})
    np.testing.assert_array_equal(read_vectors(path)[2], rows)


DAMAGED = [
    ({"rows": _npy(np.array([[1, 0], [np.nan, 1]], "<f4"))}, "not unit vectors"),
    ({"rows": _npy(np.array([[1, 0], [np.inf, 0]], "<f4"))}, "not unit vectors"),
    ({"rows": _npy(np.array([[1, 0], [3, 4]], "<f4"))}, "not unit vectors"),
    ({"rows": _npy(np.array([[1, 0], [0, 0.99]], "<f4"))}, "not unit vectors"),
    ({"rows": _npy(np.array([[1, 0]], "<f4"))}, "2 keys of |S24 for 1 rows"),
    ({"keys": _npy(np.array([A], "S24"))}, "1 keys of |S24 for 2 rows"),
    ({"keys": _npy(np.array([A[:8], B[:8]], "S8"))}, "keys of |S8"),
    ({"keys": _npy(np.array([b"\xff" * 24, B.encode()], "S24"))}, "'ascii' codec"),
    ({"keys": _npy(np.array([A, B], "U24"))}, "expected 1 axes of bytes_"),
    ({"keys": _npy(np.array([[A, B]], "S24"))}, "expected 1 axes of bytes_"),
    ({"model": _npy(np.array(b"tiny"))}, "expected 0 axes of str_"),
    ({"model": _npy(np.array(["tiny"]))}, "expected 0 axes of str_"),
    ({"rows": _npy(np.eye(2))}, "expected 2 axes of float32, came 2 of float64"),
    ({"rows": _npy(np.eye(2, dtype=np.float16))}, "expected 2 axes of float32, came 2 of float16"),
    ({"rows": _npy(np.eye(2, dtype=np.int8))}, "expected 2 axes of float32"),
    ({"rows": _npy(np.eye(2, dtype=np.complex64))}, "expected 2 axes of float32"),
    ({"rows": _npy(np.array([1, 0], "<f4"))}, "expected 2 axes of float32"),
    ({"rows": _npy(np.zeros(2, [("x", "<f4")]))}, "expected 2 axes of float32"),
    ({"rows": _float32("(9999999999, 384)", bytes(16))}, "holds 16 bytes, not (9999999999"),
]

HOSTILE = {
    "diary": b"Dear diary,",
    "empty": b"",
    "header-of-4-GiB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}",
    "header-of-blanks": _npy_of(" " * 60_000),
    "unknown-version": b"\x93NUMPY\x09\x00\x02\x00\x00\x00{}",
    "shape-beyond-int64": _float32(f"({10**30}, 0)"),
    "negative-shape": _float32("(-2, -2)", bytes(16)),
    "shape-of-text": _float32("'all of it'", bytes(16)),
    "unclosed-header": _float32("(2, 2", bytes(16)),
    "unhashable-key": _npy_of("{[]: 1}"),
    "unknown-dtype": _npy_of("{'descr': 'zz', 'fortran_order': False, 'shape': (2, 2)}"),
    "rows-of-nothing": _npy_of("{'descr': '|V0', 'fortran_order': False, 'shape': (2, 2)}"),
}


@pytest.mark.parametrize(("changed", "what"), DAMAGED)
def test_a_damaged_member_is_an_input_error(
    path: Path, changed: dict[str, bytes], what: str
) -> None:
    write_npz(path, GOOD | changed)
    with pytest.raises(InputError, match="not a vectors file") as wrong:
        VectorsFile(path, "tiny")
    assert what in wrong.value.what
    assert wrong.value.path == str(path)


@pytest.mark.parametrize("rows", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_member_is_an_input_error(path: Path, rows: bytes) -> None:
    write_npz(path, GOOD | {"rows": rows})
    with pytest.raises(InputError, match="not a vectors file"):
        VectorsFile(path, "tiny")


def test_huge_rows_are_an_input_error(path: Path) -> None:
    write_npz(path, GOOD | {"rows": _npy(np.full((2, 2), 1e30, "<f4"))})
    with pytest.raises(InputError, match="not unit vectors"):
        VectorsFile(path, "tiny")


@pytest.mark.parametrize("name", GOOD)
def test_objects_are_never_unpickled(path: Path, tmp_path: Path, name: str) -> None:
    touched = tmp_path / "touched"
    array = np.empty((), dtype=object)
    array[()] = Touches(touched)
    write_npz(path, GOOD | {name: _npy(array)})
    np.load(path, allow_pickle=True)[name]
    assert touched.exists()
    touched.unlink()
    with pytest.raises(InputError, match=f"{name}.npy holds"):
        VectorsFile(path, "tiny")
    assert not touched.exists()


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_member_is_an_input_error(path: Path, name: str) -> None:
    write_npz(path, {other: content for other, content in GOOD.items() if other != name})
    with pytest.raises(InputError, match=f"{name}.npy"):
        VectorsFile(path, "tiny")


def test_a_compressed_file_is_an_input_error(path: Path) -> None:
    write_npz(path, GOOD, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match=r"model\.npy is compressed"):
        VectorsFile(path, "tiny")


def test_an_encrypted_file_is_an_input_error(path: Path) -> None:
    write_npz(path, GOOD)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="encrypted"):
        VectorsFile(path, "tiny")


@pytest.mark.parametrize("content", [b"", b"Dear diary,", b"\x93NUMPY", GOOD["rows"]])
def test_a_file_that_is_no_zip_is_an_input_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a vectors file"):
        VectorsFile(path, "tiny")


def test_a_folder_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a vectors file"):
        VectorsFile(tmp_path, "tiny")


def test_a_file_cut_anywhere_is_an_input_error(path: Path) -> None:
    write_vectors(path, "tiny", VECTORS)
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="not a vectors file"):
            read_vectors(path)


def test_a_changed_byte_is_an_input_error_or_changes_nothing(path: Path) -> None:
    write_vectors(path, "tiny", VECTORS)
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            model, keys, rows = read_vectors(path)
        except InputError:
            refused += 1
        else:
            assert (model, keys) == ("tiny", [A, B, C])
            np.testing.assert_array_equal(rows, list(VECTORS.values()))
    assert refused > len(whole) / 6


FOLD_MANY = """
import sys
import numpy as np
from pathlib import Path
from llmrec.llm.vectors import VectorsFile
file = VectorsFile(Path(sys.argv[1]), "tiny")
for n in range(40):
    file.append([sys.argv[2] + f"{n:023d}"], np.eye(1, 8, dtype=np.float32))
    file.fold()
"""


def test_processes_that_add_and_fold_at_once_lose_nothing(path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", FOLD_MANY, path, name]) for name in ("a", "b")
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(VectorsFile(path, "tiny")) == 80


def test_a_part_that_cannot_be_locked_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(37, "No locks available")

    file = VectorsFile(path, "tiny")
    monkeypatch.setattr("llmrec.llm.vectors.locked", refused)
    with pytest.raises(InputError, match=r"part: cannot be written: No locks available"):
        file.fold()
