"""Making the catalogue to recommend from: in a folder, or in a database."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llmrec.llm.embedder import Embedder, Role
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.bank import Bank
from llmrec.matching.building import build_index, texts_to_embed
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.postgres.address import is_address
from llmrec.matching.postgres.driver import refuse_without_driver
from llmrec.records.reviews import Item


async def build_catalogue(
    items: Iterable[Item],
    place: str | Path,
    embedder: Embedder,
    *,
    choice: EmbedderChoice,
    vectors: VectorsFile | None = None,
    stored: Bank | None = None,
) -> None:
    """Make the index of a catalogue, in a folder or at ``postgres://…``; see ``build_index``.

    Raises:
        InputError, IndexMismatch, RecordingMissing: as ``build_index``.
        SettingsError: what it takes to reach a database is not installed.
    """
    if not is_address(place):
        await build_index(items, place, embedder, choice=choice, vectors=vectors, stored=stored)
        return
    refuse_without_driver()
    from llmrec.matching.postgres.building import build_store

    await build_store(items, str(place), embedder, choice=choice, vectors=vectors, stored=stored)


@contextmanager
def texts_to_embed_at(
    items: Iterable[Item],
    place: str | Path,
    *,
    choice: EmbedderChoice,
    stored: Bank | None = None,
) -> Iterator[Iterator[tuple[Role, list[str]]]]:
    """Give what building an index has embedded, in a folder or at ``postgres://…``.

    Raises:
        InputError: as ``texts_to_embed``.
        SettingsError: what it takes to reach a database is not installed.
    """
    if not is_address(place):
        yield texts_to_embed(items, place, choice=choice, stored=stored)
        return
    refuse_without_driver()
    from llmrec.matching.postgres.building import older_folder

    with older_folder(str(place)) as folder:
        yield texts_to_embed(items, folder, choice=choice, stored=stored)
