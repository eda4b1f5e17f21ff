"""A call for vectors, as a call log has it: what it used, without a text or a row."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from llmrec.digests import digest
from llmrec.llm.chat import Usage

EMBED_URL: Final = "/v1/embeddings"
EMBED_STAGE: Final = "embed"
"""What calls for vectors are kept by, where calls of a chat model have the stage of their label."""


@dataclass(frozen=True)
class EmbedCall:
    """One request for vectors.

    Attributes:
        model: the model's name.
        texts: as they are sent.
        tokens: of these, counted here.
    """

    model: str
    texts: Sequence[str]
    tokens: int

    label = EMBED_STAGE
    url = EMBED_URL

    @cached_property
    def body(self) -> dict[str, Any]:
        """What stands for the request: how many texts, and a digest that tells them from others."""
        return {
            "model": self.model,
            "texts": len(self.texts),
            "tokens": self.tokens,
            "digest": digest(list(self.texts)),
        }

    @cached_property
    def custom_id(self) -> str:
        """24 hex digits that are the same for the same texts and model on every machine."""
        return digest([self.url, self.body])


def receipt_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of an answer: when it came (``created``), and the server's count."""
    return {"created": int(time.time()), "usage": answer.get("usage")}


def vectors_usage(body: Mapping[str, Any]) -> Usage | None:
    """Return the tokens that a server counted of the texts, or None where it did not."""
    usage = body.get("usage")
    asked = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
    return Usage(input_tokens=asked) if isinstance(asked, int) else None
