"""The protocol every embedder keeps, and the keys its vectors are stored under."""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from llmrec.digests import text_digest
from llmrec.errors import InputError

Role = Literal["query", "passage"]
Rows = NDArray[np.float32]


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns texts into vectors."""

    @property
    def model(self) -> str:
        """The name that enters the keys of its vectors: two embedders never share one."""
        ...

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        """Embed texts.

        Args:
            texts: none of them blank.
            role: ``query`` for what a person wants, ``passage`` for an item.

        Returns:
            (n_texts, dim) float32, unit rows, or a zero row for a text without any token.

        Raises:
            InputError: a text is blank.
            SettingsError: the embedder is not installed.
            RecordingMissing: only recorded vectors are allowed, and one is missing.
            ChatError: what makes them gave none.
        """
        ...


@runtime_checkable
class BatchEmbedder(Embedder, Protocol):
    """An embedder that gives what it has made before it goes on: each batch may have been paid."""

    def embed_batches(self, texts: Sequence[str], role: Role) -> AsyncIterator[Rows]:
        """Yield the rows of ``embed``, some at a time, in order.

        Raises:
            InputError, SettingsError, RecordingMissing: as ``embed``.
        """
        ...


def vector_key(model: str, role: Role, text: str) -> str:
    """Return the key of a vector: SHA-256 of model, role and text, a line each, 24 hex digits."""
    return text_digest(f"{model}\n{role}\n{text}")


def refuse_blank(texts: Sequence[str]) -> None:
    """Check texts before they are embedded.

    Raises:
        InputError: one has no visible character, or half a character (a lone surrogate).
    """
    for number, text in enumerate(texts):
        if not text or text.isspace():
            raise InputError(f"text {number} of {len(texts)} to embed is blank")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise InputError(f"text {number} of {len(texts)} to embed is not Unicode") from None
