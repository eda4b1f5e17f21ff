"""Making the index of a catalogue, or only planning what a server would be asked for."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from llmrec.embedder_opening import embedder_to_index, planned_embedder_to_index
from llmrec.llm.embedder import Embedder
from llmrec.llm.planning import Plan
from llmrec.matching.bank import Bank
from llmrec.matching.catalogue_building import build_catalogue, texts_to_embed_at
from llmrec.matching.embedding import LOCAL, EmbedderChoice
from llmrec.opening import Mode
from llmrec.records.reviews import Item

if TYPE_CHECKING:
    from llmrec.llm.openai_client import Server


async def make_index(
    items: Iterable[Item],
    place: str | Path,
    choice: EmbedderChoice,
    server: "Server | None",
    vectors: str | Path | None,
    mode: Mode,
    bank: Bank | None,
) -> None:
    """Make an index; see ``Recommender.index``."""
    opened = embedder_to_index(choice, vectors, mode, place, server)
    try:
        await build_catalogue(
            items, place, opened.embedder, choice=choice, vectors=opened.vectors, stored=bank
        )
    finally:
        opened.close()
        if server is not None:
            await server.aclose()


def plan_index(
    items: Iterable[Item],
    place: str | Path,
    plan: Plan,
    *,
    embedder: str | EmbedderChoice | Embedder = LOCAL,
    vectors: str | Path | None = None,
    bank: Bank | None = None,
) -> None:
    """Take down the calls that ``Recommender.index`` would make, without a call, a key or a file.

    What the older index, the vectors file and a build that was stopped hold is not asked again.
    Embedders that are no server's call nothing.

    Args:
        items: as for ``Recommender.index``.
        place: likewise.
        plan: takes them down, in its ``embeddings``.
        embedder: likewise.
        vectors: likewise.
        bank: likewise.

    Raises:
        InputError: the catalogue or a file cannot be used.
        SettingsError: there is no such embedder, or it takes no vectors file.
    """
    choice = EmbedderChoice.of(embedder)
    planned = planned_embedder_to_index(choice, vectors, place, plan)
    with texts_to_embed_at(items, place, choice=choice, stored=bank) as calls:
        for role, texts in calls:
            if planned is not None:
                planned.plan(texts, role)
