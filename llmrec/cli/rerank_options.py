"""The options that say how a list is reranked, gathered into what the reranker takes."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from llmrec.cli import list_options
from llmrec.errors import SettingsError
from llmrec.reranking.options import RerankOptions
from llmrec.reranking.order import ShownOrder

T = TypeVar("T")

_OF_RERANKING = (
    list_options.rerank_weight,
    list_options.rerank_facts,
    list_options.rerank_stride,
    list_options.rerank_window,
    list_options.rerank_passes,
    list_options.rerank_order,
)


def reranks(function: Callable[..., T]) -> Callable[..., T]:
    """Add the options that say how a list is reranked; the command gets ``rerank_options``."""

    @functools.wraps(function)
    def command(
        *arguments: Any,
        rerank_order: ShownOrder | None,
        rerank_passes: int,
        rerank_window: int | None,
        rerank_stride: int | None,
        rerank_weight: float,
        rerank_facts: bool,
        **others: Any,
    ) -> T:
        order = rerank_order or ("first-stage" if others.get("candidates") else "hash")
        if rerank_stride is not None and rerank_stride > (rerank_window or 0):
            raise SettingsError("--rerank-stride needs a --rerank-window that is no smaller")
        chosen = RerankOptions(
            order, rerank_passes, rerank_window, rerank_stride, rerank_weight, rerank_facts
        )
        return function(*arguments, rerank_options=chosen, **others)

    for option in _OF_RERANKING:
        command = option(command)
    return command
