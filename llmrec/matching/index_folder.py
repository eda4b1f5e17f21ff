"""An index folder: a manifest, and beside it the folder of files that it speaks of.

Every build makes a folder of files of its own and replaces the manifest last: whoever opens the
index finds the old one whole or the new one whole, also after a stop at any moment.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from llmrec.digests import text_digest
from llmrec.errors import InputError
from llmrec.records.locking import alone
from llmrec.records.messages import first_problem
from llmrec.records.profile import known_format
from llmrec.records.reviews import RECORD

INDEX_FORMAT = 2
"""2: the files stand in a folder of their own; 1: beside the manifest, and is still read."""

MANIFEST = "manifest.json"
ROWS = "rows.npy"
QUERIES = "queries.npz"
BANK_FILES = {"index": "bank.npy", "stored": "stored_bank.npy"}
HUB_FILES = {"index": "hub.npy", "stored": "stored_hub.npy"}

_LOCK = "lock"
_UNFINISHED = "unfinished-"
_DIGEST_LENGTH = 8
_FORMAT_1_FILES = (
    "items.jsonl",
    ROWS,
    QUERIES,
    f"{QUERIES}.part",
    *BANK_FILES.values(),
    *HUB_FILES.values(),
)


@dataclass(frozen=True, slots=True, config=RECORD)
class BankEntry:
    """What the manifest says of a bank.

    Attributes:
        digest: of its texts.
        source: what the texts are: ``interests``, ``reviews`` or ``items``.
        n: number of vectors.
        reviews: digests of the reviews behind it.
        languages: of its texts; none in an index of an older version.
    """

    digest: str
    source: str
    n: Annotated[int, Field(ge=1)]
    reviews: Annotated[tuple[str, ...], Field(strict=False)] = ()
    languages: Annotated[tuple[str, ...], Field(strict=False)] = ()


@dataclass(frozen=True, slots=True, config=RECORD)
class Growth:
    """What became of the rows of the index that was there before.

    Attributes:
        reused: number of rows whose item text was there.
        embedded: number of rows that were made.
        removed: number of items that are no longer in the catalogue.
    """

    reused: int = 0
    embedded: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class Manifest:
    """What an index is made of.

    Attributes:
        format: version of the folder's format.
        generation: counts the builds; names the folder of files. 0 in format 1.
        embedder: ``local``, ``lexical``, ``openai:MODEL[,PASSAGE_MODEL]``, or ``own:MODEL`` for an
            object that was given.
        query_prefix: goes before every query that a server embeds.
        passage_prefix: goes before every passage that a server embeds.
        model: the embedder's name in keys.
        dim: of the vectors.
        n_items: number of items.
        items: digest of the entries' file.
        item_text: the rule that item texts were made by.
        banks: by kind, ``index`` always, ``stored`` where one was given.
        growth: how this build came from the one before; all 0 in format 1.
        versions: of the packages that made it.
    """

    format: Annotated[
        int, Field(ge=1), AfterValidator(lambda version: known_format(version, INDEX_FORMAT))
    ] = 1
    generation: Annotated[int, Field(ge=0)] = 0
    embedder: str
    query_prefix: str = ""
    passage_prefix: str = ""
    model: str
    dim: Annotated[int, Field(ge=1)]
    n_items: Annotated[int, Field(ge=1)]
    items: str
    item_text: str
    banks: dict[str, BankEntry]
    growth: Growth = Growth()
    versions: dict[str, str]


_MANIFEST = TypeAdapter(Manifest)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an index.

    Raises:
        InputError: it is not an index folder, or a later version wrote it.
    """
    path = folder / MANIFEST
    try:
        return parse_manifest(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(
            f"not an index ({MANIFEST} cannot be read: {error.strerror}): make one with "
            "llmrec index",
            path=folder,
        ) from None


def parse_manifest(text: bytes | str, place: str) -> Manifest:
    """Read a manifest that stands at a place.

    Raises:
        InputError: it is none, or a later version wrote it.
    """
    try:
        return _MANIFEST.validate_json(text, extra="ignore")
    except ValidationError as error:
        raise InputError(first_problem(error), path=place) from None


def manifest_json(manifest: Manifest) -> bytes:
    """Return the JSON of a manifest."""
    return _MANIFEST.dump_json(manifest, indent=1)


def files_of(folder: Path, generation: int) -> Path:
    """Return the folder of an index's files."""
    return folder / f"data-{generation}" if generation else folder


def unfinished_vectors(folder: Path, model: str) -> Path:
    """Return the vectors file in which a build keeps what it pays for, until it is complete."""
    return folder / f"{_UNFINISHED}{text_digest(model)[:_DIGEST_LENGTH]}.npz"


@dataclass(frozen=True, slots=True)
class Generation:
    """A build under way.

    Attributes:
        folder: of the index.
        number: of the build.
    """

    folder: Path
    number: int

    @property
    def files(self) -> Path:
        """Where the files of this build go."""
        return files_of(self.folder, self.number)

    def publish(self, manifest: Manifest) -> None:
        """Make this build the index.

        Raises:
            OSError: a file cannot be written.
        """
        written = self.files / MANIFEST
        written.write_bytes(manifest_json(manifest))
        for file in self.files.iterdir():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
        written.replace(self.folder / MANIFEST)


@contextmanager
def next_generation(folder: Path) -> Iterator[Generation]:
    """Give a folder for a new build's files; unless it is published, the index stays as it is.

    Raises:
        InputError: the folder holds something else, cannot be written to, or another process
            is writing to it.
    """
    refuse_other_files(folder)
    new = Generation(folder, _newest(folder) + 1)
    try:
        new.files.mkdir(parents=True, exist_ok=True)
        with alone(new.files / _LOCK):
            if _newest(folder) >= new.number:
                raise InputError("another process has just written here: try again", path=folder)
            try:
                _empty(new.files)
                yield new
            finally:
                _clear(new)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=folder) from None


def refuse_other_files(folder: Path) -> None:
    """Refuse a folder that is neither an index nor the beginning of one.

    Raises:
        InputError: it is a file, or holds other files.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("a folder is expected, this is a file", path=folder)
    if not folder.exists() or (folder / MANIFEST).exists():
        return
    kept = _kept(folder)
    if not all(child in kept or _is_begun(child) for child in folder.iterdir()):
        raise InputError("expected an index or no such folder: it holds other files", path=folder)


def _newest(folder: Path) -> int:
    """Return the number of the last complete build; 0 for none, and for one not to be read."""
    try:
        return read_manifest(folder).generation
    except InputError:
        return 0


def _generation(path: Path) -> int | None:
    number = path.name.removeprefix("data-")
    return int(number) if number != path.name and number.isdecimal() else None


def _is_begun(path: Path) -> bool:
    """Say whether a folder is what a build that was stopped has left, and not somebody else's."""
    if _generation(path) is None or not path.is_dir():
        return False
    return (path / _LOCK).is_file() or not any(path.iterdir())


def _kept(folder: Path) -> list[Path]:
    """Return the vectors that builds which were stopped have left."""
    digest = "[0-9a-f]" * _DIGEST_LENGTH
    return list(folder.glob(f"{_UNFINISHED}{digest}.npz.part"))


def _empty(files: Path) -> None:
    """Remove what a build that was stopped has left."""
    for file in files.iterdir():
        if file.name != _LOCK:
            file.unlink()


def _clear(build: Generation) -> None:
    """Remove what is no longer, or not, part of the index; nothing of it is ever needed."""
    newest = _newest(build.folder)
    if newest == build.number:
        (build.files / _LOCK).unlink()
        older = [build.folder / name for name in _FORMAT_1_FILES]
        for file in (*older, *build.folder.glob("run_hub_*.npy"), *_kept(build.folder)):
            file.unlink(missing_ok=True)
    else:
        shutil.rmtree(build.files, ignore_errors=True)
    for child in build.folder.iterdir():
        # The folder after the newest may be another's build that has just begun.
        if _generation(child) not in (None, newest, newest + 1):
            shutil.rmtree(child, ignore_errors=True)
    if not any(build.folder.iterdir()):
        build.folder.rmdir()
