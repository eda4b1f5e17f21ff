"""Vectors files: recording, cache and resume point of an embedder.

A vectors file is an uncompressed ``.npz`` of ``model`` (str), ``keys`` (n, S24) and ``rows``
(n, dim) float32. New vectors are appended to ``FILE.part`` and folded into it at the end.
"""

import json
import logging
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from llmrec.errors import IndexMismatch, InputError
from llmrec.llm.embedder import Rows
from llmrec.records.locking import locked, write_all
from llmrec.records.replacing import replaced

log = logging.getLogger(__name__)

_KEY_BYTES = 24
_UNIT_TOLERANCE = 1e-3
_MAX_DIM = 65_536
_MEMBERS = ("model.npy", "keys.npy", "rows.npy")


class VectorsFile:
    """The vectors of one model, by key.

    Args:
        path: of the ``.npz`` file; it need not exist.
        model: the embedder's name in keys.
        holds_new: whether vectors that are added are held in memory too, or only on disk.

    Attributes:
        path: as given.
        model: as given.

    Raises:
        InputError: the file is damaged, or not a vectors file.
        IndexMismatch: it holds the vectors of another model.
    """

    def __init__(self, path: str | Path, model: str, *, holds_new: bool = True) -> None:
        self.path = Path(path)
        self.model = model
        self._holds_new = holds_new
        self._dim: int | None = None
        self._rows: dict[str, Rows] = {}
        self._part = self.path.with_name(self.path.name + ".part")
        self._load()
        self._load_part()

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: str) -> Rows:
        return self._rows[key]

    @property
    def rows(self) -> Mapping[str, Rows]:
        """All rows by key, each (dim,) float32."""
        return self._rows

    def append(self, keys: Sequence[str], rows: Rows) -> None:
        """Add vectors; they are in ``FILE.part`` when this returns.

        Args:
            keys: of the rows.
            rows: (n, dim) float32.

        Raises:
            IndexMismatch: their dim is not that of the file.
            InputError: the file cannot be written.
        """
        self._check_dim(rows.shape[1])
        records = np.empty(len(keys), _record(rows.shape[1]))
        records["key"], records["row"] = [key.encode("ascii") for key in keys], rows
        records["sum"] = _sums(records)
        try:
            with locked(self._part, "a+b") as file:
                write_all(file, self._before(file, records) + records.tobytes())
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", path=self._part) from None
        if self._holds_new:
            self._rows.update(zip(keys, rows, strict=True))

    def fold(self) -> None:
        """Write everything into the ``.npz`` file and remove ``FILE.part``, if there is one.

        What another process added meanwhile is read again first, and kept; one that wants to add
        or to fold meanwhile waits.
        """
        try:
            with locked(self._part, "r+b"):
                self._load()
                self._load_part()
                write_vectors(self.path, self.model, self._rows)
                self._part.unlink()
        except FileNotFoundError:
            return  # nothing is new, or another process has folded it
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", path=self._part) from None

    def _before(self, file: IO[bytes], records: NDArray[np.void]) -> bytes:
        """Return what new records follow: the header, or padding after a record cut short."""
        header = _part_header(self.model, records["row"].shape[1])
        file.seek(0)
        if file.read(len(header)) != header:
            file.truncate(0)
            return header
        torn = (file.seek(0, os.SEEK_END) - len(header)) % records.itemsize
        return bytes(records.itemsize - torn) if torn else b""

    def _load(self) -> None:
        if not self.path.exists():
            return
        model, keys, rows = read_vectors(self.path)
        self._check_model(model, self.path)
        if keys:
            self._dim = rows.shape[1]
        self._rows.update(zip(keys, rows, strict=True))

    def _load_part(self) -> None:
        try:
            content = self._part.read_bytes()
        except (FileNotFoundError, NotADirectoryError):  # also: another has just folded it in
            return
        header, line_end, body = content.partition(b"\n")
        if not line_end:
            log.warning("%s: its beginning was cut short by a stop, ignored", self._part)
            return
        model, dim = _read_part_header(header, self._part)
        self._check_model(model, self._part)
        self._check_dim(dim)
        record = _record(dim)
        records = np.frombuffer(body, record, len(body) // record.itemsize)
        good = records["sum"] == _sums(records)
        if not good.all() or records.nbytes < len(body):
            log.warning("%s: vectors that a stop cut short are ignored", self._part)
        keys = [key.decode("ascii", "replace") for key in records["key"][good].tolist()]
        self._rows.update(zip(keys, records["row"][good], strict=True))

    def _check_model(self, model: str, path: Path) -> None:
        if model != self.model:
            raise IndexMismatch(
                f"{path}: vectors of {self.model!r} are expected, it holds those of {model!r}: "
                "give the file that was made with this embedder"
            )

    def _check_dim(self, dim: int) -> None:
        if self._dim not in (None, dim):
            raise IndexMismatch(
                f"{self.path}: vectors of {self._dim} dims are expected, came {dim}: give another "
                f"file, or have all made again without {self.path.name} and {self._part.name}"
            )
        self._dim = dim


_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    SyntaxError,
    OverflowError,
    RuntimeError,  # an encrypted archive
    tokenize.TokenError,
    zipfile.BadZipFile,
)
"""What zipfile and numpy raise for damaged files."""


def write_vectors(path: Path, model: str, rows: Mapping[str, Rows]) -> None:
    """Write a vectors file beside and rename it into place.

    Args:
        path: of the file.
        model: the embedder's name in keys.
        rows: by key, each (dim,) float32.

    Raises:
        InputError: it cannot be written.
    """
    keys = np.array([key.encode("ascii") for key in rows], dtype=f"S{_KEY_BYTES}")
    matrix = np.stack(list(rows.values())) if rows else np.zeros((0, 0), np.float32)
    with replaced(path) as file:
        np.savez(file, model=np.array(model), keys=keys, rows=matrix.astype(np.float32))


def read_vectors(path: Path) -> tuple[str, list[str], Rows]:
    """Read a vectors file, trusting nothing in it.

    Returns:
        The embedder's name, n keys, and (n, dim) float32 rows: unit or zero.

    Raises:
        InputError: it is damaged, or not a vectors file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            model, keys, rows = (_member(archive, name) for name in _MEMBERS)
        keyed = _keyed(_checked(keys, np.bytes_, 1), _checked(rows, np.float32, 2))
        return str(_checked(model, np.str_, 0)), *keyed
    except _UNREADABLE as e:
        raise InputError(
            f"not a vectors file (an uncompressed .npz of {', '.join(_MEMBERS)}): {e}", path=path
        ) from None


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with archive.open(info) as stream:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran_order, dtype = read_header(stream)
        content = stream.read()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"{name} holds {len(content)} bytes, not {shape} of {dtype}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")


def _checked(array: NDArray[Any], kind: type[np.generic], ndim: int) -> NDArray[Any]:
    if not np.issubdtype(array.dtype, kind) or array.ndim != ndim:
        raise ValueError(
            f"expected {ndim} axes of {kind.__name__}, came {array.ndim} of {array.dtype}"
        )
    return array


def _keyed(keys: NDArray[Any], rows: NDArray[Any]) -> tuple[list[str], Rows]:
    if len(keys) != len(rows) or (len(keys) and keys.dtype.itemsize != _KEY_BYTES):
        raise ValueError(f"{len(keys)} keys of {keys.dtype} for {len(rows)} rows")
    if not are_unit(rows).all():
        raise ValueError("its rows are not unit vectors")
    return [key.decode("ascii") for key in keys.tolist()], rows.astype(np.float32, copy=False)


def _record(dim: int) -> np.dtype[np.void]:
    """Return the layout of one vector in a part."""
    return np.dtype([("key", f"S{_KEY_BYTES}"), ("row", "<f4", (dim,)), ("sum", "<u4")])


def _sums(records: NDArray[np.void]) -> NDArray[np.uint32]:
    """Return the CRC-32 of each record's key and row: one cut short does not have it."""
    size = records.itemsize - 4
    return np.array([zlib.crc32(record.tobytes()[:size]) for record in records], np.uint32)


def are_unit(rows: Rows) -> NDArray[np.bool_]:
    """Say of each row whether its length is 1, or 0 as that of a text without any token."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    good: NDArray[np.bool_] = (np.abs(lengths - 1) < _UNIT_TOLERANCE) | ~rows.any(axis=1)
    return good


def _part_header(model: str, dim: int) -> bytes:
    return json.dumps({"model": model, "dim": dim}).encode("utf-8") + b"\n"


def _read_part_header(header: bytes, path: Path) -> tuple[str, int]:
    try:
        fields = json.loads(header)
        model, dim = str(fields["model"]), int(fields["dim"])
        if not 0 < dim <= _MAX_DIM:
            raise ValueError(f"{dim} dims")
        return model, dim
    except (ValueError, KeyError, TypeError, OverflowError):
        raise InputError(
            "not the beginning of a vectors file's part: remove it", path=path
        ) from None
