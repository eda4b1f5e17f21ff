"""A catalogue as vectors: a folder that is built once and opened often."""

import hashlib
import logging
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from llmrec.errors import IndexMismatch, InputError, SettingsError
from llmrec.llm.embedder import Rows
from llmrec.matching.bank import BankKind
from llmrec.matching.similarity import HubStatistics
from llmrec.records.messages import first_problem
from llmrec.records.profile import FORMAT, Format
from llmrec.records.reading import read_items
from llmrec.records.replacing import replaced
from llmrec.records.reviews import RECORD, Item

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
ITEMS = "items.jsonl"
ROWS = "rows.npy"
QUERIES = "queries.npz"
BANK_FILES = {"index": "bank.npy", "stored": "stored_bank.npy"}
HUB_FILES = {"index": "hub.npy", "stored": "stored_hub.npy"}


@dataclass(frozen=True, slots=True, config=RECORD)
class BankEntry:
    """What the manifest says of a bank.

    Attributes:
        digest: of its texts.
        source: what the texts are: ``interests``, ``reviews`` or ``items``.
        n: number of vectors.
        reviews: digests of the reviews behind it.
    """

    digest: str
    source: str
    n: Annotated[int, Field(ge=1)]
    reviews: Annotated[tuple[str, ...], Field(strict=False)] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class Manifest:
    """What an index is made of.

    Attributes:
        format: version of the folder's format.
        embedder: ``local``, ``lexical`` or ``openai:MODEL[,PASSAGE_MODEL]``.
        query_prefix: goes before every query that a server embeds.
        passage_prefix: goes before every passage that a server embeds.
        model: the embedder's name in keys.
        dim: of the vectors.
        n_items: number of items.
        items: digest of the entries' file.
        item_text: the rule that item texts were made by.
        banks: by kind, ``index`` always, ``stored`` where one was given.
        versions: of the packages that made it.
    """

    format: Format = FORMAT
    embedder: str
    query_prefix: str = ""
    passage_prefix: str = ""
    model: str
    dim: Annotated[int, Field(ge=1)]
    n_items: Annotated[int, Field(ge=1)]
    items: str
    item_text: str
    banks: dict[str, BankEntry]
    versions: dict[str, str]


MANIFEST_ADAPTER = TypeAdapter(Manifest)


class ContentIndex:
    """An opened index folder.

    Args:
        folder: as ``build_index`` wrote it.

    Attributes:
        folder: as given.
        manifest: what it is made of.
        rows: (n_items, dim) float32, unit rows, mapped from disk.

    Raises:
        InputError: it is not an index folder, or a later version wrote it.
        IndexMismatch: its files do not belong together.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = self._read_manifest()
        self.rows: Rows = self._load(ROWS)
        expected = (self.manifest.n_items, self.manifest.dim)
        if self.rows.shape != expected or self.rows.dtype != np.float32:
            raise IndexMismatch(
                f"{self.folder / ROWS}: float32 {expected} is expected after {MANIFEST}, came "
                f"{self.rows.dtype} {self.rows.shape}: build the index again"
            )

    def __len__(self) -> int:
        return self.manifest.n_items

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The entries, in the order of the rows."""
        path = self.folder / ITEMS
        if file_digest(path) != self.manifest.items:
            raise IndexMismatch(
                f"{path}: not the entries that {MANIFEST} was written for: build the index again"
            )
        return tuple(read_items(path))

    @cached_property
    def entries(self) -> dict[str, Item]:
        """The entries by item id."""
        return {item.item_id: item for item in self.items}

    @cached_property
    def titles(self) -> dict[str, str]:
        """The titles by item id."""
        return {item.item_id: item.title for item in self.items}

    def positions(self, item_ids: Collection[str]) -> list[int]:
        """Return the row of each of these items that the catalogue has."""
        places = self._places
        return sorted({places[item_id] for item_id in item_ids if item_id in places})

    def hub(self, kind: BankKind) -> HubStatistics:
        """Return the statistics over a bank that is kept in the index.

        Raises:
            SettingsError: it has no such bank.
        """
        if kind not in self.manifest.banks:
            raise SettingsError(
                f"{self.folder} has no {kind} bank: build it with --bank FILE, or choose another"
            )
        return self._statistics(HUB_FILES[kind])

    def run_hub(self, digest: str) -> HubStatistics | None:
        """Return the cached statistics over the bank of a run, or None."""
        name = _run_file(digest)
        return self._statistics(name) if (self.folder / name).exists() else None

    def keep_run_hub(self, digest: str, hub: HubStatistics) -> None:
        """Cache the statistics over the bank of a run, where the folder can be written to."""
        try:
            write_statistics(self.folder / _run_file(digest), hub)
        except InputError as error:
            log.warning("statistics of this run's bank are not kept: %s", error)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {item.item_id: place for place, item in enumerate(self.items)}

    def _read_manifest(self) -> Manifest:
        path = self.folder / MANIFEST
        try:
            return MANIFEST_ADAPTER.validate_json(path.read_bytes(), extra="ignore")
        except OSError as error:
            raise InputError(
                f"not an index ({MANIFEST} cannot be read: {error.strerror}): make one with "
                "llmrec index",
                path=self.folder,
            ) from None
        except ValidationError as error:
            raise InputError(first_problem(error), path=path) from None

    def _statistics(self, name: str) -> HubStatistics:
        both = self._load(name)
        if both.shape != (2, len(self)) or both.dtype != np.float64:
            raise IndexMismatch(
                f"{self.folder / name}: float64 {(2, len(self))} is expected, came {both.dtype} "
                f"{both.shape}: build the index again"
            )
        return HubStatistics(both[0], both[1])

    def _load(self, name: str) -> NDArray[np.float32]:
        try:
            array: NDArray[np.float32] = open_memmap(self.folder / name, mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"not an array file: {error}", path=self.folder / name) from None
        return array


def file_digest(path: Path) -> str:
    """Return the first 24 hex digits of the SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:24]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None


def write_statistics(path: Path, hub: HubStatistics) -> None:
    """Write hub statistics as (2, n_items) float64.

    Raises:
        InputError: the file cannot be written.
    """
    with replaced(path) as file:
        np.save(file, np.stack([hub.mean, hub.deviation]))


def _run_file(digest: str) -> str:
    return f"run_hub_{digest}.npy"
