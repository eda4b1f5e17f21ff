"""What a live embedder makes, some rows at a time, each of them looked at."""

from collections.abc import AsyncIterator, Sequence
from inspect import isawaitable

import numpy as np

from llmrec.errors import ChatUnavailable, InputError, SettingsError
from llmrec.llm.embedder import BatchEmbedder, Embedder, Role, Rows
from llmrec.llm.vectors import are_unit

_BATCH = 64


async def live_batches(live: Embedder, texts: Sequence[str], role: Role) -> AsyncIterator[Rows]:
    """Yield rows in batches, each to be recorded before the next is made.

    Raises:
        InputError: there are more or fewer rows than texts (whose they are nobody knows), or one
            is no unit row.
        SettingsError: the embedder does not work asynchronously.
        ChatUnavailable: a file or connection failed that the embedder needs.
    """
    n_rows = 0
    try:
        async for rows in _batches(live, texts, role):
            n_rows += len(rows)
            if n_rows > len(texts):
                break
            yield rows
    except OSError as error:  # as it is it would pass for a fault of the files written here
        raise ChatUnavailable(f"{live.model}: {error}") from error
    _refuse_other_number(live, n_rows, len(texts))


async def _batches(live: Embedder, texts: Sequence[str], role: Role) -> AsyncIterator[Rows]:
    if isinstance(live, BatchEmbedder):
        async for made in live.embed_batches(texts, role):
            yield _checked(live, made)
        return
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        making = live.embed(batch, role)
        if not isawaitable(making):
            raise SettingsError(f"{live.model}: its method embed must be async (async def embed…)")
        rows = _checked(live, await making)
        _refuse_other_number(live, len(rows), len(batch))
        yield rows


def _checked(live: Embedder, made: Rows) -> Rows:
    """Return the rows as float32."""
    rows = np.asarray(made, np.float32)
    if rows.ndim != 2:
        raise InputError(
            f"{live.model}: rows are expected, (n_texts, dim), came an array of {rows.ndim} axes"
        )
    wrong = np.flatnonzero(~are_unit(rows))
    if len(wrong):
        length = np.linalg.norm(rows[wrong[0]].astype(np.float64))
        raise InputError(
            f"{live.model}: rows of length 1 are expected, came one of length {length:.6g}: divide "
            "each by its length"
        )
    return rows


def _refuse_other_number(live: Embedder, n_rows: int, n_texts: int) -> None:
    if n_rows != n_texts:
        raise InputError(
            f"{live.model}: a row for each of {n_texts} texts is expected, came {n_rows}"
        )
