"""From settings to the objects that do the work: chat model and embedder, live or recorded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmrec.errors import SettingsError
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatModel
from llmrec.llm.embedder import Embedder
from llmrec.llm.recorded import LoggedChatModel, ReplayChatModel
from llmrec.llm.recorded_embedder import RecordedEmbedder
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.content_index import QUERIES, ContentIndex
from llmrec.matching.embedding import LEXICAL, LocalEmbedder, local_is_installed, named_embedder

Mode = Literal["default", "replay", "fresh"]


def open_chat(calls: str | Path, mode: Mode, live: ChatModel | None = None) -> ChatModel:
    """Return a chat model that answers from a call log as far as ``mode`` wants it.

    Args:
        calls: the call log.
        mode: ``default`` reuses what is recorded and calls for the rest, ``replay`` never calls,
            ``fresh`` always calls.
        live: the model to call.

    Raises:
        InputError: there is no such log to replay, or it is not one.
    """
    log = CallLog(calls, must_exist=mode == "replay")
    if mode == "replay":
        return ReplayChatModel(log)
    return LoggedChatModel(log, live, fresh=mode == "fresh")


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


def embedder_to_index(name: str, vectors: str | Path | None, mode: Mode) -> OpenedEmbedder:
    """Return the embedder of a name, over a vectors file if one is given.

    Raises:
        SettingsError: no such embedder, or the settings contradict each other.
    """
    live = named_embedder(name)
    if name == LEXICAL:
        _refuse_vectors(vectors)
        return OpenedEmbedder(live)
    if vectors is None:
        if mode == "replay":
            raise SettingsError("replaying needs recorded vectors: give a file (--vectors)")
        return OpenedEmbedder(live)
    file = VectorsFile(vectors, live.model)
    recorded = RecordedEmbedder(
        live.model, [file], live=None if mode == "replay" else live, record_to=file
    )
    return OpenedEmbedder(recorded, vectors=file, record_to=file)


def embedder_of_index(
    index: ContentIndex, vectors: str | Path | None, mode: Mode
) -> OpenedEmbedder:
    """Return the embedder that an index was made with, for queries.

    Query vectors come from the index, then from ``vectors``, then from the embedder where that
    is installed and ``mode`` allows it; new ones go into ``vectors``, else into the index.

    Raises:
        SettingsError: the index needs an embedder that is unknown here.
        IndexMismatch: ``vectors`` are of another model.
    """
    live = named_embedder(index.manifest.embedder)
    if index.manifest.embedder == LEXICAL:
        _refuse_vectors(vectors)
        return OpenedEmbedder(live)
    kept = VectorsFile(index.folder / QUERIES, index.manifest.model)
    given = None if vectors is None else VectorsFile(vectors, index.manifest.model)
    may_embed = mode != "replay" and (not isinstance(live, LocalEmbedder) or local_is_installed())
    record_to = given or kept
    recorded = RecordedEmbedder(
        index.manifest.model,
        [kept, *([given] if given else [])],
        live=live if may_embed else None,
        record_to=record_to,
    )
    return OpenedEmbedder(recorded, vectors=given, record_to=record_to)


def _refuse_vectors(vectors: str | Path | None) -> None:
    if vectors is not None:
        raise SettingsError("the lexical embedder is always computed: leave --vectors out")
