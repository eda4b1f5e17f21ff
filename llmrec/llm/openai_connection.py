"""The openai package's client of one server: what is sent along, and what must not leave."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from llmrec.llm.server_settings import ServerSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_AZURE_VERSION = "api-version"


def opened(settings: ServerSettings, address: str) -> "AsyncOpenAI":
    """Return a client that neither retries nor follows redirects.

    Args:
        settings: of the server.
        address: its base URL, without the query, which goes with every request.
    """
    import openai

    query = dict(parse_qsl(urlsplit(settings.base_url).query))
    version = query.pop(_AZURE_VERSION, None)
    common: dict[str, Any] = {
        "base_url": address,
        "api_key": settings.api_key or "none",
        "timeout": None,  # each attempt has its own
        "max_retries": 0,
        "default_query": query,
        "http_client": openai.DefaultAsyncHttpxClient(
            follow_redirects=False,
            event_hooks={"request": [_take_out(settings, azure=version is not None)]},
        ),
    }
    if version is not None:
        return openai.AsyncAzureOpenAI(**common, api_version=version)
    return openai.AsyncOpenAI(**common)


def _take_out(settings: ServerSettings, *, azure: bool) -> Callable[[Any], Awaitable[None]]:
    """Return what takes headers out of requests that must not leave.

    Without a key that is the placeholder that the openai package insists on; Azure has a
    header of its own, and old versions send the key in both.
    """
    keyless = settings.api_key is None
    names = [
        *(["authorization"] if azure or keyless else []),
        *(["api-key"] if keyless else []),
    ]

    async def take_out(request: Any) -> None:
        for name in names:
            request.headers.pop(name, None)

    return take_out
