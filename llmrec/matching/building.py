"""Building an index folder: beside its place, then renamed."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from llmrec.errors import InputError
from llmrec.llm.embedder import Embedder, Role, Rows, vector_key
from llmrec.llm.vectors import VectorsFile, write_vectors
from llmrec.matching.bank import Bank, bank_of_items
from llmrec.matching.content_index import (
    BANK_FILES,
    HUB_FILES,
    ITEMS,
    MANIFEST,
    MANIFEST_ADAPTER,
    QUERIES,
    ROWS,
    BankEntry,
    ContentIndex,
    Manifest,
    file_digest,
    write_statistics,
)
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.item_text import RULE, item_text
from llmrec.matching.similarity import hub_statistics
from llmrec.records.reviews import Item, item_json

_BATCH = 256


async def build_index(
    items: Iterable[Item],
    folder: str | Path,
    embedder: Embedder,
    *,
    choice: EmbedderChoice,
    vectors: VectorsFile | None = None,
    stored: Bank | None = None,
) -> ContentIndex:
    """Embed a catalogue and write its index folder, in place of an older one.

    Args:
        items: the catalogue, ids unique.
        folder: where the index is to be; an older index there is replaced as a whole.
        embedder: makes the vectors.
        choice: which embedder that is.
        vectors: recorded vectors; its query vectors go into the index.
        stored: a bank to keep in the index, beside the one of its own items.

    Raises:
        InputError: there are no items, a bank is empty, a vector is not finite, or the folder
            holds something else.
        RecordingMissing: a vector is not recorded, and none may be made.
    """
    catalogue = tuple(items)
    if not catalogue:
        raise InputError("a catalogue of at least one item is expected, there is none")
    target = Path(folder)
    banks = [bank_of_items(catalogue), *([stored] if stored else [])]
    with _beside(target) as new:
        rows = await _write_rows(new / ROWS, catalogue, embedder)
        queries: dict[str, Rows] = {}
        for bank in banks:
            queries.update(await _write_bank(new, bank, rows, embedder))
        if vectors is not None:
            passages = {vector_key(embedder.model, "passage", item_text(i)) for i in catalogue}
            kept = {key: row for key, row in vectors.rows.items() if key not in passages}
            write_vectors(new / QUERIES, embedder.model, {**kept, **queries})
        (new / ITEMS).write_text("".join(f"{item_json(i)}\n" for i in catalogue), "utf-8")
        manifest = Manifest(
            embedder=choice.name,
            query_prefix=choice.query_prefix,
            passage_prefix=choice.passage_prefix,
            model=embedder.model,
            dim=rows.shape[1],
            n_items=len(catalogue),
            items=file_digest(new / ITEMS),
            item_text=RULE,
            banks={bank.kind: _entry(bank) for bank in banks},
            versions={package: version(package) for package in ("llmrec", "numpy")},
        )
        (new / MANIFEST).write_bytes(MANIFEST_ADAPTER.dump_json(manifest, indent=1))
    return ContentIndex(target)


async def _write_rows(path: Path, items: Sequence[Item], embedder: Embedder) -> Rows:
    rows: Rows | None = None
    for start in range(0, len(items), _BATCH):
        batch = items[start : start + _BATCH]
        made = await _embedded([item_text(item) for item in batch], "passage", embedder)
        if rows is None:
            rows = open_memmap(path, "w+", np.float32, (len(items), made.shape[1]))
        rows[start : start + len(batch)] = made
    assert rows is not None
    return rows


async def _write_bank(folder: Path, bank: Bank, rows: Rows, embedder: Embedder) -> dict[str, Rows]:
    """Write a bank's vectors and statistics; return its vectors by key."""
    if not bank.texts:
        raise InputError(f"the bank of {bank.source} is empty: there are none in its file")
    queries = await _embedded(bank.texts, "query", embedder)
    np.save(folder / BANK_FILES[bank.kind], queries)
    write_statistics(folder / HUB_FILES[bank.kind], hub_statistics(rows, queries))
    keys = [vector_key(embedder.model, "query", text) for text in bank.texts]
    return dict(zip(keys, queries, strict=True))


async def _embedded(texts: Sequence[str], role: Role, embedder: Embedder) -> Rows:
    rows = await embedder.embed(texts, role)
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(wrong):
        raise InputError(f"{embedder.model}: a vector is not finite: {texts[wrong[0]][:80]!r}")
    return rows


def _entry(bank: Bank) -> BankEntry:
    return BankEntry(bank.digest, bank.source, len(bank.texts), bank.reviews)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Give a new folder that takes the place of ``target`` at the end, if no error came."""
    if target.exists() and not target.is_dir():
        raise InputError("a folder is expected, this is a file", path=target)
    if target.exists() and not (target / MANIFEST).exists() and any(target.iterdir()):
        raise InputError("expected an index or no such folder: it holds other files", path=target)
    new = target.with_name(f".{target.name}.new-{os.getpid()}")
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    try:
        new.mkdir(parents=True)
        yield new
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=target) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
