"""Embeddings from any OpenAI-compatible server."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llmrec.errors import ChatError, SettingsError
from llmrec.llm.embed_call import EmbedCall, receipt_of
from llmrec.llm.embedder import Role, Rows, refuse_blank
from llmrec.llm.openai_client import Expected, Server
from llmrec.llm.tokens import count_tokens, encoding_of

MAX_BATCH_TEXTS = 128
MAX_BATCH_TOKENS = 100_000


@dataclass(frozen=True, slots=True)
class EmbeddingRoles:
    """What a server is asked for queries and for passages.

    Attributes:
        query_model: the model's name for queries.
        passage_model: for passages; often the same.
        query_prefix: goes before every query.
        passage_prefix: goes before every passage.
    """

    query_model: str
    passage_model: str
    query_prefix: str = ""
    passage_prefix: str = ""

    @property
    def key_model(self) -> str:
        """The name in keys: all that decides a vector, so that no two settings share one."""
        models = dict.fromkeys((self.query_model, self.passage_model))
        prefixes = (self.query_prefix, self.passage_prefix)
        return ",".join(models) + ("|" + "|".join(prefixes) if any(prefixes) else "")

    def of(self, role: Role) -> tuple[str, str]:
        """Return model and prefix of a role."""
        if role == "query":
            return self.query_model, self.query_prefix
        return self.passage_model, self.passage_prefix


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
        refuse_blank(texts)
        model, _ = self._roles.of(role)
        made = [
            await self._batch(model, batch, tokens) for batch, tokens in self.batches(texts, role)
        ]
        dims = sorted({rows.shape[1] for rows in made})
        if len(dims) > 1:
            raise ChatError(f"{self._server.address}: vectors of {dims} dims came for one model")
        return np.concatenate(made) if made else np.zeros((0, 0), np.float32)

    def batches(self, texts: Sequence[str], role: Role) -> Iterator[tuple[list[str], int]]:
        """Yield the texts of each request, as they are sent, and the number of their tokens."""
        return batches_of(texts, role, self._roles)

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


def batches_of(
    texts: Sequence[str], role: Role, roles: EmbeddingRoles
) -> Iterator[tuple[list[str], int]]:
    """Yield the texts of each request, as they are sent, and the number of their tokens."""
    model, prefix = roles.of(role)
    encoding = encoding_of(model)
    batch: list[str] = []
    tokens = 0
    for text in (prefix + text for text in texts):
        size = count_tokens(text, encoding)
        if batch and (len(batch) == MAX_BATCH_TEXTS or tokens + size > MAX_BATCH_TOKENS):
            yield batch, tokens
            batch, tokens = [], 0
        batch.append(text)
        tokens += size
    if batch:
        yield batch, tokens


def embedding_roles(name: str, query_prefix: str = "", passage_prefix: str = "") -> EmbeddingRoles:
    """Return the roles of ``MODEL`` or ``QUERY_MODEL,PASSAGE_MODEL``.

    Raises:
        SettingsError: there is no model in the name.
    """
    query, _, passage = name.partition(",")
    if not query:
        raise SettingsError(f"openai:MODEL[,PASSAGE_MODEL] is expected, came openai:{name!r}")
    return EmbeddingRoles(query, passage or query, query_prefix, passage_prefix)
