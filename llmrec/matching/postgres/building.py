"""Building a store: the index is made in a folder first, out of the store that was there."""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from llmrec.llm.embedder import Embedder
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.bank import Bank
from llmrec.matching.building import build_index
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.postgres.address import parse_address
from llmrec.matching.postgres.connection import reading
from llmrec.matching.postgres.loading import bank_in_use, is_searched_by_index, load
from llmrec.matching.postgres.reading import bank_rows, write_folder
from llmrec.matching.postgres.store import PostgresIndex
from llmrec.matching.profile_match import Taste
from llmrec.records.reviews import Item

log = logging.getLogger(__name__)

N_TASTES: Final = 50
N_LIKES: Final = 3
RECALL_AT: Final = 10


async def build_store(
    items: Iterable[Item],
    place: str,
    embedder: Embedder,
    *,
    choice: EmbedderChoice,
    vectors: VectorsFile | None = None,
    stored: Bank | None = None,
) -> PostgresIndex:
    """Make the index of a catalogue in a database; see ``build_index``.

    Args:
        items: the catalogue, ids unique.
        place: of the store, ``postgres://…``; the store there is replaced when the new one is
            complete.
        embedder: makes the vectors.
        choice: which embedder that is.
        vectors: recorded vectors.
        stored: a bank to keep in the store.

    Raises:
        InputError, IndexMismatch, RecordingMissing: as ``build_index``, or the database cannot be
            reached or refuses.
    """
    address = parse_address(place)
    with older_folder(place) as folder:
        index = await build_index(
            items, folder, embedder, choice=choice, vectors=vectors, stored=stored
        )
        load(index, address)
    store = PostgresIndex(place)
    if is_searched_by_index(store.manifest.dim):
        log.info("%s: its index finds %.3f of the exact answers", address, measured_recall(store))
    else:
        log.info("%s: too many dims for an index, all items are looked at", address)
    return store


@contextmanager
def older_folder(place: str) -> Iterator[Path]:
    """Give a folder for a while, with the index of the store that is there, if there is one.

    Raises:
        InputError: the database cannot be reached or refuses.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "index"
        write_folder(parse_address(place), folder)
        yield folder


def measured_recall(store: PostgresIndex) -> float:
    """Return which part of the exact answers the store's index finds.

    Asked are 50 tastes of three likes, made of the queries of the bank in use; looked at are the
    first 10 items.
    """
    with reading(store.address) as connection:
        queries = bank_rows(connection, store.address, bank_in_use(store.manifest.banks))
    bank = store.bank("auto")
    found = []
    for start in range(0, min(len(queries), N_TASTES * N_LIKES), N_LIKES):
        likes = queries[start : start + N_LIKES]
        names = tuple(map(str, range(len(likes))))
        taste = Taste(names, np.ones(len(likes)), np.ones(len(likes), bool), likes)
        exact, fast = (
            {item.item_id for item in store.match(taste, bank, RECALL_AT, exactly=exactly)}
            for exactly in (True, False)
        )
        found.append(len(exact & fast) / len(exact))
    return float(np.mean(found))
