"""One OpenAI-compatible server: opening a client, its errors as ours, the one retry policy."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit
from weakref import WeakKeyDictionary

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from llmrec.errors import ChatUnavailable, SettingsError
from llmrec.llm.openai_errors import mapped

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
_AZURE_VERSION = "api-version"

Send = Callable[["AsyncOpenAI"], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where a server is, and how patient to be with it.

    Attributes:
        base_url: with its path (``…/v1``); a query such as ``?api-version=…`` (Azure) is kept.
        api_key: None for a server without keys.
        key_source: where the key was found, for messages.
        timeout_s: how long one attempt may take.
        max_attempts: of one call, the first included.
        max_wait_s: how long all attempts of one call may take together, waiting included.
        first_wait_s: scale of the random, growing waits between attempts.
    """

    base_url: str = OPENAI_URL
    api_key: str | None = field(default=None, repr=False)
    key_source: str = "none"
    timeout_s: float = 120.0
    max_attempts: int = 6
    max_wait_s: float = 300.0
    first_wait_s: float = 0.5


class Server:
    """Sends requests to one server and tries again where that can help.

    Tried again are timeouts, cut connections, replies that are no JSON, 408, 409, 429 and 5xx,
    after the time that the server asks for, else after a random time that grows; never 3xx, which
    would carry the key elsewhere, nor any other 4xx, nor a 429 for an exhausted quota.

    Args:
        settings: where it is.

    Attributes:
        address: scheme, host, port and path, without query or key.

    Raises:
        SettingsError: the URL is not one, or has a password in it.
    """

    def __init__(self, settings: ServerSettings) -> None:
        parts = urlsplit(settings.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(
                f"base URL: expected http(s)://host/path, came {settings.base_url[:80]!r}"
            )
        if parts.username or parts.password:
            raise SettingsError("base URL: leave user and password out, set the key instead")
        self.settings = settings
        self.address = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._query = dict(parse_qsl(parts.query))
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = (
            WeakKeyDictionary()
        )

    async def call(self, send: Send) -> dict[str, Any]:
        """Send a request, again where that can help, and return the JSON object that comes back.

        Args:
            send: sends it with the given client, through ``with_raw_response``.

        Raises:
            ChatUnavailable: still no answer after the last attempt.
            ChatRejected: another try would not help.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(ChatUnavailable),
            wait=self._wait_s,
            stop=stop_after_attempt(self.settings.max_attempts)
            | stop_before_delay(self.settings.max_wait_s),
            before_sleep=self._say,
            reraise=True,
        )
        result: dict[str, Any] = await retrying(self._attempt, send)
        return result

    async def models(self) -> list[str]:
        """Return the names of the models that the server offers, sorted.

        Raises:
            ChatError: it does not say.
        """
        listed = await self._attempt(lambda client: client.models.with_raw_response.list())
        models = listed.get("data") or []
        return sorted(str(model.get("id")) for model in models if isinstance(model, Mapping))

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    async def _attempt(self, send: Send) -> dict[str, Any]:
        import openai

        try:
            response = await send(self._client())
        except openai.APIError as error:
            raise mapped(error, self.address, self.settings) from None
        try:
            body = json.loads(response.content)
        except ValueError:
            raise ChatUnavailable(
                f"{self.address}: the answer is no JSON: {response.content[:80]!r}"
            ) from None
        if not isinstance(body, dict):
            raise ChatUnavailable(f"{self.address}: the answer is no JSON object: {body!r:.80}")
        return body

    def _client(self) -> "AsyncOpenAI":
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = self._opened()
        return client

    def _opened(self) -> "AsyncOpenAI":
        import openai

        common: dict[str, Any] = {
            "base_url": self.address,
            "api_key": self.settings.api_key or "none",
            "timeout": self.settings.timeout_s,
            "max_retries": 0,
            "http_client": openai.DefaultAsyncHttpxClient(follow_redirects=False),
        }
        query = dict(self._query)
        version = query.pop(_AZURE_VERSION, None)
        if version is not None:
            return openai.AsyncAzureOpenAI(**common, default_query=query, api_version=version)
        return openai.AsyncOpenAI(**common, default_query=query)

    def _wait_s(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, ChatUnavailable) else None
        if asked is not None:
            return asked
        return float(wait_random_exponential(self.settings.first_wait_s, max=30)(state))

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.info(
            "attempt %d: %s; once more in %.1f s", state.attempt_number, error, state.upcoming_sleep
        )
