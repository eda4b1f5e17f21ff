"""Building an index folder: only what the older index there lacks is embedded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmrec.digests import text_digest
from llmrec.errors import IndexMismatch, InputError
from llmrec.llm.embedder import Embedder, Role, Rows, vector_key
from llmrec.llm.vectors import VectorsFile, write_vectors
from llmrec.matching.array_files import write_array
from llmrec.matching.bank import Bank, BankKind, bank_of_items
from llmrec.matching.content_index import ContentIndex, write_statistics
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.entries import write_entries
from llmrec.matching.index_folder import (
    BANK_FILES,
    HUB_FILES,
    INDEX_FORMAT,
    QUERIES,
    ROWS,
    BankEntry,
    Growth,
    Manifest,
    next_generation,
    refuse_other_files,
)
from llmrec.matching.item_text import RULE, item_text
from llmrec.matching.new_rows import new_rows
from llmrec.matching.reuse import OlderIndex, older_index
from llmrec.matching.similarity import HubStatistics, hub_statistics
from llmrec.pace import Pace
from llmrec.records.reviews import Item

_BATCH = 256
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class _EmbeddedBank:
    kind: BankKind
    entry: BankEntry
    queries: Rows
    texts: tuple[str, ...]


async def build_index(
    items: Iterable[Item],
    folder: str | Path,
    embedder: Embedder,
    *,
    choice: EmbedderChoice,
    vectors: VectorsFile | None = None,
    stored: Bank | None = None,
) -> ContentIndex:
    """Make the index of a catalogue, out of an older one there as far as that goes.

    The index holds exactly the items given. Of an older index by the same embedder the rows of
    all item texts that are still the same are kept, and its stored bank unless another is given.

    Args:
        items: the catalogue, ids unique.
        folder: where the index is to be; an older index there is replaced as a whole.
        embedder: makes the vectors.
        choice: which embedder that is.
        vectors: recorded vectors; its query vectors go into the index.
        stored: a bank to keep in the index, beside the one of its own items.

    Raises:
        InputError: there are no items, a bank is empty, a vector is not finite, or the folder
            holds something else or is being written to.
        IndexMismatch: the embedder's vectors have another dim than before.
        RecordingMissing: a vector is not recorded, and none may be made.
    """
    catalogue = _catalogue(items)
    target = Path(folder)
    with next_generation(target) as new:
        older = older_index(target, choice)
        places = _places(catalogue, older)
        rows = await _write_rows(new.files / ROWS, catalogue, embedder, older, places)
        banks = await _embedded_banks(_banks(catalogue, stored), embedder, older)
        if stored is None and older is not None:
            banks += _kept_bank(older)
        for bank in banks:
            _write_bank(new.files, bank, rows, older, places)
        queries = dict(older.queries) if older else {}
        if vectors is not None:
            queries |= _recorded_queries(vectors, catalogue, banks)
        if queries:
            write_vectors(new.files / QUERIES, embedder.model, queries)
        new.publish(
            Manifest(
                format=INDEX_FORMAT,
                generation=new.number,
                embedder=choice.name,
                query_prefix=choice.query_prefix,
                passage_prefix=choice.passage_prefix,
                model=embedder.model,
                dim=rows.shape[1],
                n_items=len(catalogue),
                items=write_entries(new.files, catalogue),
                item_text=RULE,
                banks={bank.kind: bank.entry for bank in banks},
                growth=_growth(catalogue, older, places),
                versions={package: version(package) for package in ("llmrec", "numpy")},
            )
        )
    return ContentIndex(target)


def texts_to_embed(
    items: Iterable[Item], folder: str | Path, *, choice: EmbedderChoice, stored: Bank | None = None
) -> Iterator[tuple[Role, list[str]]]:
    """Yield what building an index has embedded, call by call; nothing is written.

    Args:
        items: the catalogue, ids unique.
        folder: where the index is to be; an older one there spares its rows.
        choice: which embedder.
        stored: a bank to keep in the index.

    Raises:
        InputError: there are no items, a bank is empty, or the folder holds something else.
    """
    catalogue = _catalogue(items)
    refuse_other_files(Path(folder))
    older = older_index(Path(folder), choice)
    for _, texts in _passages(catalogue, _new(_places(catalogue, older), _firsts(catalogue))):
        yield "passage", texts
    for bank in _banks(catalogue, stored):
        texts, _ = _new_queries(bank, older)
        if texts:
            yield "query", texts


async def _write_rows(
    path: Path,
    items: Sequence[Item],
    embedder: Embedder,
    older: OlderIndex | None,
    places: NDArray[np.intp],
) -> Rows:
    """Write a row for each item: of its place in the older index, or embedded where that is -1."""
    rows: Rows | None = None
    if older is not None:
        rows = new_rows(path, len(items), older.rows.shape[1])
        for block in _blocks(np.flatnonzero(places >= 0), _BLOCK):
            rows[block] = older.rows[places[block]]
    firsts = _firsts(items)
    new = _new(places, firsts)
    pace = Pace(len(new), "item texts embedded")
    for block, texts in _passages(items, new):
        made = await _embedded(texts, "passage", embedder)
        if rows is None:
            rows = new_rows(path, len(items), made.shape[1])
        if made.shape[1] != rows.shape[1]:
            like, advice = "the first answer", "one model must make all of them"
            if older is not None:
                like, advice = "the index that is there", "remove it to embed all items again"
            raise IndexMismatch(
                f"{embedder.model}: vectors of {rows.shape[1]} dims are expected, as in {like}, "
                f"came {made.shape[1]}: {advice}"
            )
        rows[block] = made
        pace.add(len(block))
    assert rows is not None
    again = np.flatnonzero((places < 0) & (firsts < np.arange(len(items))))
    for block in _blocks(again, _BLOCK):
        rows[block] = rows[firsts[block]]
    return rows


async def _embedded_banks(
    banks: Sequence[Bank], embedder: Embedder, older: OlderIndex | None
) -> list[_EmbeddedBank]:
    """Embed those texts of banks that the older index does not know, each once."""
    made: dict[str, Rows] = {}
    embedded = []
    for bank in banks:
        new, known = _new_queries(bank, older)
        new = [text for text in new if text not in made]
        if new:
            made.update(zip(new, await _embedded(new, "query", embedder), strict=True))
        entry = BankEntry(bank.digest, bank.source, len(bank.texts), bank.reviews, bank.languages)
        queries = np.stack([known[text] if text in known else made[text] for text in bank.texts])
        embedded.append(_EmbeddedBank(bank.kind, entry, queries, bank.texts))
    return embedded


def _write_bank(
    folder: Path,
    bank: _EmbeddedBank,
    rows: Rows,
    older: OlderIndex | None,
    places: NDArray[np.intp],
) -> None:
    """Write a bank's vectors and statistics; the latter are computed where they may differ."""
    write_array(folder / BANK_FILES[bank.kind], bank.queries)
    mean, deviation = np.empty((2, len(rows)))
    kept = older.hub(bank.kind, bank.entry.digest) if older else None
    to_compute = np.arange(len(rows))
    if kept is not None:
        same = places >= 0
        mean[same], deviation[same] = kept.mean[places[same]], kept.deviation[places[same]]
        to_compute = np.flatnonzero(~same)
    for block in _blocks(to_compute, _BLOCK):
        hub = hub_statistics(rows[block], bank.queries)
        mean[block], deviation[block] = hub.mean, hub.deviation
    write_statistics(folder / HUB_FILES[bank.kind], HubStatistics(mean, deviation))


def _kept_bank(older: OlderIndex) -> list[_EmbeddedBank]:
    """Return the stored bank of the older index, if it has one."""
    entry = older.bank("stored")
    return [] if entry is None else [_EmbeddedBank("stored", entry, older.bank_rows("stored"), ())]


def _recorded_queries(
    vectors: VectorsFile, items: Sequence[Item], banks: Sequence[_EmbeddedBank]
) -> dict[str, Rows]:
    """Return by key what was recorded and is no item's, and what was made for the banks."""
    passages = {vector_key(vectors.model, "passage", item_text(item)) for item in items}
    queries = {key: row for key, row in vectors.rows.items() if key not in passages}
    for bank in banks:
        keys = (vector_key(vectors.model, "query", text) for text in bank.texts)
        queries.update(zip(keys, bank.queries, strict=False))
    return queries


def _catalogue(items: Iterable[Item]) -> tuple[Item, ...]:
    catalogue = tuple(items)
    if not catalogue:
        raise InputError("a catalogue of at least one item is expected, there is none")
    return catalogue


def _places(items: Sequence[Item], older: OlderIndex | None) -> NDArray[np.intp]:
    """Return for each item its row in the older index, -1 where it has none."""
    return older.places(items) if older else np.full(len(items), -1)


def _new(places: NDArray[np.intp], firsts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the numbers of the items without a row, of those with one text the first."""
    return np.flatnonzero((places < 0) & (firsts == np.arange(len(places))))


def _passages(
    items: Sequence[Item], numbers: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], list[str]]]:
    """Yield the numbers and texts of items, for one call each."""
    for block in _blocks(numbers, _BATCH):
        yield block, [item_text(items[number]) for number in block]


def _firsts(items: Sequence[Item]) -> NDArray[np.intp]:
    """Return for each item the number of the first that has the same text."""
    known: dict[str, int] = {}
    numbers = (
        known.setdefault(text_digest(item_text(item)), number) for number, item in enumerate(items)
    )
    return np.fromiter(numbers, np.intp, len(items))


def _banks(items: Sequence[Item], stored: Bank | None) -> list[Bank]:
    """Return the banks that an index gets, beside one that it keeps."""
    return [bank_of_items(items), *([] if stored is None else [stored])]


def _new_queries(bank: Bank, older: OlderIndex | None) -> tuple[list[str], dict[str, Rows]]:
    """Return those texts of a bank that have no vector yet, and the vectors of the others."""
    if not bank.texts:
        raise InputError(f"the bank of {bank.source} is empty: none in its file has any words")
    known = older.known_queries(bank) if older else {}
    return [text for text in dict.fromkeys(bank.texts) if text not in known], known


def _growth(items: Sequence[Item], older: OlderIndex | None, places: NDArray[np.intp]) -> Growth:
    reused = int((places >= 0).sum())
    return Growth(reused, len(items) - reused, older.n_removed(items) if older else 0)


def _blocks(numbers: NDArray[np.intp], size: int) -> list[NDArray[np.intp]]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


async def _embedded(texts: Sequence[str], role: Role, embedder: Embedder) -> Rows:
    rows = await embedder.embed(texts, role)
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(wrong):
        raise InputError(f"{embedder.model}: a vector is not finite: {texts[wrong[0]][:80]!r}")
    return rows
