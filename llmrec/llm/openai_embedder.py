"""Embeddings from any OpenAI-compatible server."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np

from llmrec.errors import ChatError
from llmrec.llm.embed_call import EmbedCall, receipt_of
from llmrec.llm.embedder import Role, Rows, refuse_blank
from llmrec.llm.embedding_requests import EmbeddingRoles, batches_of
from llmrec.llm.openai_client import Expected, Server


class OpenAIEmbedder:
    """Embeds by calling a server, in batches.

    Args:
        server: to call.
        roles: models and prefixes.

    Attributes:
        model: the name in keys.
        input_tokens: counted by the server so far.
    """

    def __init__(self, server: Server, roles: EmbeddingRoles) -> None:
        self.model = roles.key_model
        self.input_tokens = 0
        self._server = server
        self._roles = roles

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        """Embed texts; see ``Embedder``. Rows are scaled to length 1.

        Raises:
            InputError: a text is blank.
            ChatError: the server gave no vectors.
            BudgetExceeded: the call could pass the server's budget.
        """
        made = [rows async for rows in self.embed_batches(texts, role)]
        return np.concatenate(made) if made else np.zeros((0, 0), np.float32)

    async def embed_batches(self, texts: Sequence[str], role: Role) -> AsyncIterator[Rows]:
        """Yield the rows of the texts of each request; see ``BatchEmbedder``."""
        refuse_blank(texts)
        model, _ = self._roles.of(role)
        dims = set[int]()
        for batch, tokens in batches_of(texts, role, self._roles):
            rows = await self._batch(model, batch, tokens)
            dims.add(rows.shape[1])
            if len(dims) > 1:
                raise ChatError(
                    f"{self._server.address}: vectors of {sorted(dims)} dims came for one model"
                )
            yield rows

    async def _batch(self, model: str, texts: list[str], tokens: int) -> Rows:
        body = {"model": model, "input": texts}
        answer = await self._server.call(
            lambda client: client.embeddings.with_raw_response.create(
                model=model, input=texts, encoding_format="float"
            ),
            Expected("data"),
            tokens=tokens,
            attempting=self._server.billing.of(model, self._server.address, body),
        )
        receipts = self._server.billing.receipts
        if receipts is not None:
            call = EmbedCall(model, texts, tokens)
            await receipts.record(call, receipt_of(answer), server=self._server.address)
        usage = answer.get("usage")
        self.input_tokens += (usage.get("prompt_tokens") or 0) if isinstance(usage, dict) else 0
        return self._rows(answer, len(texts))

    def _rows(self, answer: dict[str, Any], n: int) -> Rows:
        """Return the vectors in the order asked for, whatever order they came in."""
        where = self._server.address
        try:
            by_index = {int(entry["index"]): entry["embedding"] for entry in answer["data"]}
            rows = np.array([by_index[place] for place in range(n)], np.float64)
            with np.errstate(over="ignore"):
                lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        except (KeyError, TypeError, ValueError):
            raise ChatError(
                f"{where}: {n} vectors of the same dims are expected, with indices from 0; "
                f"came {len(answer['data'])} that are not"
            ) from None
        if rows.ndim != 2 or not np.isfinite(lengths).all() or not lengths.all():
            raise ChatError(f"{where}: finite vectors are expected, and none of them zero")
        unit: Rows = (rows / lengths).astype(np.float32)
        return unit
