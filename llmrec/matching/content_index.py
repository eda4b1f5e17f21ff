"""A catalogue as vectors: a folder that is built once and opened often."""

import logging
from collections.abc import Collection
from pathlib import Path

import numpy as np

from llmrec.errors import IndexMismatch, InputError, SettingsError
from llmrec.llm.embedder import Rows
from llmrec.matching.array_files import array_bytes, map_array
from llmrec.matching.bank import BankKind
from llmrec.matching.entries import Entries, EntriesById, Titles
from llmrec.matching.index_folder import (
    BANK_FILES,
    HUB_FILES,
    ROWS,
    Manifest,
    files_of,
    read_manifest,
)
from llmrec.matching.similarity import HubStatistics
from llmrec.records.replacing import replaced

log = logging.getLogger(__name__)


class ContentIndex:
    """An opened index folder; it stays whole while the folder gets a newer index.

    Args:
        folder: as ``build_index`` wrote it.

    Attributes:
        folder: as given.
        manifest: what it is made of.
        files: the folder of its files.
        rows: (n_items, dim) float32, unit rows, mapped from disk.
        items: the entries, in the order of the rows, each read when it is asked for.
        entries: the same by item id.
        titles: likewise.

    Raises:
        InputError: it is not an index folder, or a later version wrote it.
        IndexMismatch: its files do not belong together.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        while True:
            self.manifest = read_manifest(self.folder)
            try:
                self._open(self.manifest)
                break
            except (InputError, IndexMismatch):
                if read_manifest(self.folder) == self.manifest:
                    raise  # else a newer index has just taken its place

    def __len__(self) -> int:
        return self.manifest.n_items

    def positions(self, item_ids: Collection[str]) -> list[int]:
        """Return the row of each of these items that the catalogue has."""
        return sorted(self.items.places(set(item_ids)).values())

    def hub(self, kind: BankKind) -> HubStatistics:
        """Return the statistics over a bank that is kept in the index.

        Raises:
            SettingsError: it has no such bank.
        """
        if kind not in self._hubs:
            raise SettingsError(
                f"{self.folder} has no {kind} bank: build it with --bank FILE, or choose another"
            )
        return self._hubs[kind]

    def bank_rows(self, kind: BankKind) -> Rows:
        """Return the vectors of a bank that is kept in the index, (n_bank, dim) float32."""
        shape = (self.manifest.banks[kind].n, self.manifest.dim)
        return map_array(self.files / BANK_FILES[kind], np.float32, shape)

    def run_hub(self, digest: str) -> HubStatistics | None:
        """Return the cached statistics over the bank of a run, or None."""
        path = self.files / f"run_hub_{digest}.npy"
        return self._statistics(path) if path.exists() else None

    def keep_run_hub(self, digest: str, hub: HubStatistics) -> None:
        """Cache the statistics over the bank of a run, where the folder can be written to."""
        try:
            write_statistics(self.files / f"run_hub_{digest}.npy", hub)
        except InputError as error:
            log.warning("statistics of this run's bank are not kept: %s", error)

    def _open(self, manifest: Manifest) -> None:
        self.files = files_of(self.folder, manifest.generation)
        self.rows: Rows = map_array(self.files / ROWS, np.float32, (manifest.n_items, manifest.dim))
        self.items = Entries(self.files, manifest.items)
        if len(self.items) != manifest.n_items:
            raise IndexMismatch(
                f"{self.files}: {manifest.n_items} entries are expected, there are "
                f"{len(self.items)}: build the index again"
            )
        self.entries = EntriesById(self.items)
        self.titles = Titles(self.entries)
        self._hubs = {
            kind: self._statistics(self.files / HUB_FILES[kind]) for kind in manifest.banks
        }

    def _statistics(self, path: Path) -> HubStatistics:
        mean, deviation = map_array(path, np.float64, (2, self.manifest.n_items))
        return HubStatistics(mean, deviation)


def write_statistics(path: Path, hub: HubStatistics) -> None:
    """Write hub statistics as (2, n_items) float64.

    Raises:
        InputError: the file cannot be written.
    """
    with replaced(path) as file:
        file.write(array_bytes(np.stack([hub.mean, hub.deviation])))
