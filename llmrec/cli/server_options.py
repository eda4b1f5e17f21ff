"""The options that say which servers are called, gathered into what opens them."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from llmrec.cli import options
from llmrec.opening import ServerChoice

T = TypeVar("T")

_OF_EVERY_SERVER = (
    options.base_url,
    options.api_key_env,
    options.timeout_s,
    options.requests_per_min,
    options.tokens_per_min,
)


def calls_a_server(function: Callable[..., T]) -> Callable[..., T]:
    """Add the options of a chat server; the command gets them as ``server``."""

    @functools.wraps(function)
    def command(
        *arguments: Any,
        base_url: str | None,
        api_key_env: str | None,
        timeout_s: float,
        requests_per_min: float | None,
        tokens_per_min: float | None,
        **others: Any,
    ) -> T:
        server = ServerChoice(base_url, api_key_env, timeout_s, requests_per_min, tokens_per_min)
        return function(*arguments, server=server, **others)

    for option in reversed(_OF_EVERY_SERVER):
        command = option(command)
    return command


def embeds(function: Callable[..., T]) -> Callable[..., T]:
    """Add the options of a chat server and of one for vectors, as ``server``, ``embed_server``."""

    @functools.wraps(function)
    def command(
        *arguments: Any,
        server: ServerChoice,
        embed_base_url: str | None,
        embed_api_key_env: str | None,
        **others: Any,
    ) -> T:
        embed_server = server.for_embeddings(embed_base_url, embed_api_key_env)
        return function(*arguments, server=server, embed_server=embed_server, **others)

    for option in (options.embed_api_key_env, options.embed_base_url):
        command = option(command)
    return calls_a_server(command)
