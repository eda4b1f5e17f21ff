"""Hub statistics less what language adds: made when first needed, and kept in the index."""

import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmrec.errors import InputError
from llmrec.llm.embedder import Rows
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.item_text import item_text
from llmrec.matching.language_offsets import (
    ItemLanguages,
    LanguageOffsets,
    known_languages,
    language_offsets,
)
from llmrec.matching.similarity import HubStatistics, hub_statistics
from llmrec.records.replacing import replaced
from llmrec.records.writing import language

log = logging.getLogger(__name__)

_ITEM_LANGUAGES = "languages.npz"


def item_languages(index: ContentIndex) -> ItemLanguages:
    """Return the language of every item's text, as far as its script tells."""
    path = index.files / _ITEM_LANGUAGES
    kept = _read(path)
    if kept is not None:
        return ItemLanguages(tuple(kept["names"].tolist()), kept["of_items"])
    languages = ItemLanguages.of([language(item_text(item)) for item in index.items])
    _keep(path, names=np.array(languages.names), of_items=languages.of_items)
    return languages


def kept_hub(index: ContentIndex, digest: str) -> HubStatistics | None:
    """Return the statistics over a bank that ``hub_by_language`` has kept, or None."""
    kept = _read(_path(index, digest))
    if kept is None:
        return None
    names = tuple(kept["languages"].tolist())
    offsets = LanguageOffsets(names, kept["table"], item_languages(index).of_items)
    return HubStatistics(kept["mean"], kept["deviation"], offsets)


def hub_by_language(
    index: ContentIndex, digest: str, queries: Rows, languages: Sequence[str]
) -> HubStatistics | None:
    """Return the statistics over a bank, less what language adds, and keep them in the index.

    None where bank or catalogue have one language: there is nothing to be taken away.

    Args:
        index: the catalogue.
        digest: of the bank.
        queries: (n_bank, dim) float32, its vectors.
        languages: (n_bank,) of its queries.
    """
    offsets = language_offsets(index.rows, item_languages(index), queries, languages)
    if offsets is None:
        return None
    hub = hub_statistics(index.rows, queries, offsets, languages)
    _keep(
        _path(index, digest),
        mean=hub.mean,
        deviation=hub.deviation,
        languages=np.array(offsets.languages),
        table=offsets.table,
    )
    return hub


def say_languages(languages: Sequence[str]) -> None:
    """Log which languages too few of a bank's queries are in to know what they add."""
    known = known_languages(languages)
    unknown = sorted({name for name in languages if name}.difference(known))
    if len(known) < 2:
        log.warning("the bank has one language only: hub-by-language is the same as hub")
    elif unknown:
        log.warning("too few queries of the bank to correct for language: %s", ", ".join(unknown))


def _path(index: ContentIndex, digest: str) -> Path:
    return index.files / f"hub_by_language_{digest}.npz"


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    """Return what was kept; None where nothing was, or it was torn."""
    try:
        with path.open("rb") as stream, np.load(stream) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _keep(path: Path, **arrays: NDArray[Any]) -> None:
    try:
        with replaced(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
    except InputError as error:
        log.warning("what was found out about languages is not kept: %s", error)
