"""One OpenAI-compatible server: opening a client, its errors as ours, the one retry policy."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlunsplit
from weakref import WeakKeyDictionary

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from llmrec.errors import ChatUnavailable, SettingsError
from llmrec.llm.billing import Attempting, Billing
from llmrec.llm.budget import Charge
from llmrec.llm.limit_headers import reset_s
from llmrec.llm.limits import Attempt, RateLimiter
from llmrec.llm.openai_connection import opened
from llmrec.llm.openai_errors import mapped, may_be_charged, timed_out, without_key
from llmrec.llm.server_settings import ServerSettings, checked_url

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

_SAID = 200

_KEY = re.compile(r"[!-~]+")
_SECRET_LENGTH = 16
"""A shorter key is a word like ``ollama``, that an answer may well have in it."""

T = TypeVar("T")
Send = Callable[["AsyncOpenAI"], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a JSON object must have, or it is no answer.

    Attributes:
        name: of a field.
        kind: of its value.
        not_empty: whether there must be something in it.
    """

    name: str
    kind: type = list
    not_empty: bool = False

    def is_in(self, body: Mapping[str, Any]) -> bool:
        """Say whether an object has it."""
        value = body.get(self.name)
        return isinstance(value, self.kind) and bool(value or not self.not_empty)


class Server:
    """Sends requests to one server and tries again where that can help.

    Tried again are timeouts, cut connections, answers that are not what the API promises, 408,
    409, 425, 429 and 5xx, after the time that the server asks for, else after a random time that
    grows; never 3xx, which would carry the key elsewhere, nor any other 4xx, nor a 429 for an
    exhausted quota. Every attempt passes budget and limiter, and what one answer says of the
    server's limits holds for all callers.

    Args:
        settings: where it is.
        limiter: lets attempts begin; None for one without limits.
        billing: pays for them; None for one that knows no prices.

    Attributes:
        address: scheme, host, port and path, without query or key.
        limiter: lets attempts begin.
        billing: pays for them.

    Raises:
        SettingsError: the URL is not one or has a password in it, or the key cannot be sent.
    """

    def __init__(
        self,
        settings: ServerSettings,
        limiter: RateLimiter | None = None,
        billing: Billing | None = None,
    ) -> None:
        parts = checked_url(settings.base_url)
        if settings.api_key is not None and not _KEY.fullmatch(settings.api_key):
            raise SettingsError(
                f"the key from {settings.key_source}: expected visible ASCII characters only"
            )
        self.settings = settings
        self.limiter = limiter or RateLimiter()
        self.billing = billing or Billing()
        self._secret = settings.api_key if len(settings.api_key or "") >= _SECRET_LENGTH else None
        self.address = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = (
            WeakKeyDictionary()
        )

    async def call(
        self,
        send: Send,
        expected: Expected,
        *,
        tokens: float = 0,
        attempting: Attempting | None = None,
    ) -> dict[str, Any]:
        """Send a request, again where that can help, and return the JSON object that comes back.

        Args:
            send: sends it with the given client, through ``with_raw_response``.
            expected: what the object must have.
            tokens: that an attempt may take, input and output.
            attempting: pays for each attempt; None where it costs nothing.

        Raises:
            BudgetExceeded: an attempt could pass the budget.
            ChatUnavailable: still no answer after the last attempt.
            ChatRejected: another try would not help.
            SettingsError: it has more tokens than a minute allows.
            Stopped: an attempt or a wait would follow a stop.
        """
        return await self._retried(self._attempt, send, expected, tokens, attempting)

    async def once(self, send: Send, expected: Expected) -> dict[str, Any]:
        """Send a request that should not be sent twice without a look at what the first did.

        Raises:
            ChatUnavailable: no answer came; the server may have done what it was asked.
            ChatRejected: it refuses.
        """
        return await self._attempt(send, expected)

    async def download(self, send: Send) -> bytes:
        """Send a request, again where that can help, and return what comes back, without the key.

        Raises:
            ChatError: nothing comes.
        """

        async def attempt() -> bytes:
            async with self.limiter.attempt(max_pause_s=self.settings.max_wait_s) as attempt:
                response = await self._sent(send, attempt, Charge())
                attempt.answered(None)
                content: bytes = response.content
                return content.replace(self._secret.encode(), b"...") if self._secret else content

        return await self._retried(attempt)

    async def _retried(self, attempt: Callable[..., Awaitable[T]], *arguments: object) -> T:
        retrying = AsyncRetrying(
            sleep=self.limiter.sleep,
            retry=retry_if_exception_type(ChatUnavailable),
            wait=self._wait_s,
            stop=self._gives_up,
            before_sleep=self._say,
            reraise=True,
        )
        try:
            return await retrying(attempt, *arguments)
        except ChatUnavailable as error:
            attempts = retrying.statistics["attempt_number"]
            raise ChatUnavailable(_given_up(error, attempts), error.retry_after_s) from None

    async def models(self) -> list[str]:
        """Return the names of the models that the server offers, sorted.

        Raises:
            ChatError: it does not say.
        """
        listed = await self.once(
            lambda client: client.models.with_raw_response.list(), Expected("data")
        )
        return sorted(str(m.get("id")) for m in listed["data"] if isinstance(m, Mapping))

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    async def _attempt(
        self,
        send: Send,
        expected: Expected,
        tokens: float = 0,
        attempting: Attempting | None = None,
    ) -> dict[str, Any]:
        async with (
            (attempting or self.billing.free)() as charge,
            self.limiter.attempt(tokens, self.settings.max_wait_s) as attempt,
        ):
            charge.sent()
            response = await self._sent(send, attempt, charge)
            self.limiter.pause(min(reset_s(response.headers) or 0, self.settings.max_wait_s))
            body = self._read(response.content, expected)
            charge.answered(body)
            attempt.answered(_used_tokens(body))
            return body

    async def _sent(self, send: Send, attempt: Attempt, charge: Charge) -> Any:
        """Return the response; what a refusal asks of one caller holds for all."""
        import openai

        try:
            async with asyncio.timeout(self.settings.timeout_s):
                return await send(self._client())
        except TimeoutError:
            raise timed_out(self.address, self.settings) from None
        except openai.APIError as error:
            if not may_be_charged(error):
                charge.refused()
            refused = mapped(error, self.address, self.settings)
            asked_s = refused.retry_after_s if isinstance(refused, ChatUnavailable) else None
            if isinstance(error, openai.APIStatusError):
                attempt.refused(limited=error.status_code == 429 or asked_s is not None)
            self.limiter.pause(asked_s or 0)
            raise refused from None

    def _read(self, content: bytes, expected: Expected) -> dict[str, Any]:
        try:
            body: Any = without_key(json.loads(content), self._secret)
        except (ValueError, RecursionError):
            what = "is no JSON"
        else:
            what = f"has no {expected.name}" if isinstance(body, dict) else "is no JSON object"
            if isinstance(body, dict) and expected.is_in(body):
                return body
        said = without_key(content.decode("utf-8", "replace"), self.settings.api_key)
        raise ChatUnavailable(f"{self.address}: the answer {what}: {said[:_SAID]!r}")

    def _client(self) -> "AsyncOpenAI":
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = opened(self.settings, self.address)
        return client

    def _wait_s(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, ChatUnavailable) else None
        if asked is not None:
            return asked
        return float(wait_random_exponential(self.settings.first_wait_s, max=30)(state))

    def _gives_up(self, state: RetryCallState) -> bool:
        """Say whether this was the last attempt; waiting for the limiter costs no patience."""
        return (
            state.attempt_number >= self.settings.max_attempts
            or state.idle_for + state.upcoming_sleep >= self.settings.max_wait_s
        )

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.info(
            "attempt %d: %s; once more in %.1f s", state.attempt_number, error, state.upcoming_sleep
        )


def _used_tokens(body: Mapping[str, Any]) -> int | None:
    usage = body.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, Mapping) else None
    return total if isinstance(total, int) else None


def _given_up(error: ChatUnavailable, attempts: int) -> str:
    tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    asked = f", it asks to wait {error.retry_after_s:g} s" if error.retry_after_s else ""
    return f"{error} (given up after {tries}{asked})"
