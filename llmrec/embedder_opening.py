"""From settings to the embedder that does the work, and the files of its vectors."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmrec.errors import IndexMismatch, SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.llm.planned_embedder import PlannedEmbedder
from llmrec.llm.planning import Plan
from llmrec.llm.recorded_embedder import INSTALLED, RecordedEmbedder
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.catalogue import Catalogue
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import (
    LEXICAL,
    LOCAL,
    EmbedderChoice,
    live_embedder,
    local_is_installed,
)
from llmrec.matching.index_folder import QUERIES, unfinished_vectors
from llmrec.matching.postgres.address import is_address
from llmrec.opening import Mode

if TYPE_CHECKING:
    from llmrec.llm.openai_client import Server


_GIVEN = "no replay, and the embedder, an object, given to Recommender.open as embedder="


@dataclass(frozen=True, slots=True)
class OpenedEmbedder:
    """An embedder, and the files of its vectors.

    Attributes:
        embedder: to embed with.
        vectors: the file given, or None.
        record_to: the file that new vectors go into, or None.
    """

    embedder: Embedder
    vectors: VectorsFile | None = None
    record_to: VectorsFile | None = None

    def close(self) -> None:
        """Fold new vectors into their file."""
        if self.record_to is not None:
            self.record_to.fold()


def embedder_to_index(
    choice: EmbedderChoice,
    vectors: str | Path | None,
    mode: Mode,
    place: str | Path,
    server: "Server | None" = None,
) -> OpenedEmbedder:
    """Return the embedder that was chosen, over a vectors file if one is given.

    What a server makes is kept in any case until the index is complete, so that a build that stops
    pays for nothing twice; but for that of a database, which has no place for it. What a server
    made and cannot be kept ends the build.

    Args:
        choice: which embedder.
        vectors: recorded vectors, to be added to.
        mode: as for ``open_chat``.
        place: where the index is to be.
        server: for an embedder that is called.

    Raises:
        SettingsError: there is no such embedder, or the settings contradict each other.
    """
    if choice.name == LEXICAL:
        _refuse_vectors(vectors)
        return OpenedEmbedder(live_embedder(choice, None))
    live = None if mode == "replay" else live_embedder(choice, server)
    if vectors is not None:
        file = VectorsFile(vectors, choice.key_model)
        recorded = RecordedEmbedder(
            choice.key_model, [file], live=live, record_to=file, must_keep=choice.name != LOCAL
        )
        return OpenedEmbedder(recorded, vectors=file, record_to=file)
    if live is None:
        raise SettingsError("replaying needs recorded vectors: give a file (--vectors)")
    if choice.name == LOCAL:
        return OpenedEmbedder(live)
    kept = _kept_until_complete(choice, place)
    if kept is None and server is not None and server.billing.budget.ceiling_usd < math.inf:
        raise SettingsError(
            "--max-cost needs --vectors FILE.npz for an index in a database, to keep what was paid "
            "for if it stops the build"
        )
    files = [] if kept is None else [kept]
    return OpenedEmbedder(
        RecordedEmbedder(choice.key_model, files, live=live, record_to=kept, must_keep=True)
    )


def planned_embedder_to_index(
    choice: EmbedderChoice, vectors: str | Path | None, place: str | Path, plan: Plan
) -> PlannedEmbedder | None:
    """Return what plans the calls of ``embedder_to_index``, or None where a server is not asked.

    Raises:
        SettingsError: there is no such embedder, or it takes no vectors file.
    """
    if choice.name == LEXICAL:
        _refuse_vectors(vectors)
    if not choice.is_served:
        return None
    roles = choice.roles
    if vectors is None:
        file = _kept_until_complete(choice, place)
    else:
        file = VectorsFile(vectors, choice.key_model)
    recorded = RecordedEmbedder(choice.key_model, [] if file is None else [file])
    return PlannedEmbedder(recorded, roles, plan)


def _kept_until_complete(choice: EmbedderChoice, place: str | Path) -> VectorsFile | None:
    """Return the file beside a build that keeps what was paid for; a database has none."""
    if is_address(place):
        return None
    path = unfinished_vectors(Path(place), choice.key_model)
    return VectorsFile(path, choice.key_model, holds_new=False)


def embedder_of_index(
    index: Catalogue,
    vectors: str | Path | None,
    mode: Mode,
    server: "Server | None" = None,
    own: Embedder | None = None,
) -> OpenedEmbedder:
    """Return the embedder that an index was made with, for queries.

    Query vectors come from the index, then from ``vectors``, then from the embedder where it
    can be had and ``mode`` allows it; new ones go into ``vectors``, else into the index. An index
    in a database holds none.

    Args:
        index: opened.
        vectors: recorded vectors, beside those in the index.
        mode: as for ``open_chat``.
        server: for an embedder that is called.
        own: an object that makes such vectors as the index has, to be asked in any case.

    Raises:
        SettingsError: the index needs an embedder that is unknown here.
        IndexMismatch: ``own`` or ``vectors`` are of another model.
    """
    manifest = index.manifest
    choice = _choice_of(index, own)
    if choice.name == LEXICAL and own is None:
        _refuse_vectors(vectors)
        return OpenedEmbedder(live_embedder(choice, None))
    if choice.key_model != manifest.model:
        raise IndexMismatch(
            f"the index was made with {manifest.model!r}, and {choice.name} is "
            f"{choice.key_model!r} here: build it again"
        )
    kept = None
    if isinstance(index, ContentIndex):
        kept = VectorsFile(index.files / QUERIES, manifest.model)
    given = None if vectors is None else VectorsFile(vectors, manifest.model)
    record_to = kept if given is None else given
    is_asked = mode != "replay" and _is_there(choice, server)
    recorded = RecordedEmbedder(
        manifest.model,
        [file for file in (kept, given) if file is not None],
        live=live_embedder(choice, server) if is_asked else None,
        record_to=record_to,
        dim=manifest.dim,
        how_made=_GIVEN if choice.is_own else INSTALLED,
    )
    return OpenedEmbedder(recorded, vectors=given, record_to=record_to)


def needs_server(index: Catalogue) -> bool:
    """Say whether a server makes vectors such as those of an index."""
    return _choice_of(index).is_served


def planned_embedder_of_index(
    index: Catalogue, vectors: str | Path | None, plan: Plan
) -> OpenedEmbedder:
    """Return the embedder of ``embedder_of_index``, with a plan in the place of its server.

    Raises:
        SettingsError, IndexMismatch: as ``embedder_of_index``.
    """
    opened = embedder_of_index(index, vectors, "default")
    choice = _choice_of(index)
    if not choice.is_served or not isinstance(opened.embedder, RecordedEmbedder):
        return opened
    return replace(opened, embedder=PlannedEmbedder(opened.embedder, choice.roles, plan))


def _choice_of(index: Catalogue, own: Embedder | None = None) -> EmbedderChoice:
    """Return the choice that an index was made by, with an object in its place if one is given.

    Raises:
        SettingsError: the object is no embedder.
        IndexMismatch: it is another one.
    """
    manifest = index.manifest
    if own is not None and (model := EmbedderChoice.of_own(own).key_model) != manifest.model:
        raise IndexMismatch(
            f"the index was made with {manifest.model!r}, and the embedder given is {model!r}: "
            "give the one it was made with, or make the index again"
        )
    return EmbedderChoice(manifest.embedder, manifest.query_prefix, manifest.passage_prefix, own)


def _is_there(choice: EmbedderChoice, server: "Server | None") -> bool:
    """Say whether what makes the vectors can be had here."""
    if choice.is_served:
        return server is not None
    return choice.own is not None or (choice.name == LOCAL and local_is_installed())


def _refuse_vectors(vectors: str | Path | None) -> None:
    if vectors is not None:
        raise SettingsError("the lexical embedder is always computed: leave --vectors out")
