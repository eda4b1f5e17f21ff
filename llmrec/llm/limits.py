"""When the next attempt may begin: requests and tokens per minute, and what the server asks for."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from llmrec.errors import ChatUnavailable, SettingsError, Stopped
from llmrec.llm.per_minute import Clock, RequestsPerMinute, TokensPerMinute

Sleep = Callable[[float], Awaitable[None]]

_SELDOM = 20
"""After so many answers one refusal is an accident: it takes a pause, and no halving."""


class RateLimiter:
    """Lets attempts begin, first come first served, for all callers of one server.

    How many may be under way at once follows the refusals, so that a server that has enough is not
    asked by everybody at once (slow start and congestion avoidance, Jacobson 1988): a refusal that
    follows few answers halves it; an answer adds one up to where it was halved first, from there on
    one a round.

    Args:
        requests_per_min: None for no limit.
        tokens_per_min: of input and output together; None for no limit.
        clock: seconds that only grow.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        requests_per_min: float | None = None,
        tokens_per_min: float | None = None,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._requests = (
            None if requests_per_min is None else RequestsPerMinute(requests_per_min, clock)
        )
        self._tokens = None if tokens_per_min is None else TokensPerMinute(tokens_per_min, clock)
        self._clock = clock
        self._sleep = sleep
        self._not_before = clock()
        self._room = self._halved_at = math.inf
        self._answers = 0
        self._under_way = 0
        self._freed: asyncio.Future[None] | None = None
        self._refusals = 0
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )
        self._waiting: set[asyncio.Future[None]] = set()
        self._stopped = False

    @property
    def counts_tokens(self) -> bool:
        """Whether ``attempt`` must know the tokens of a request."""
        return self._tokens is not None

    @property
    def paused_s(self) -> float:
        """For how many seconds from now the server wants no request."""
        return max(0.0, self._not_before - self._clock())

    def pause(self, seconds: float) -> None:
        """Let nobody begin for so long: one caller was told, and it holds for all."""
        self._not_before = max(self._not_before, self._clock() + seconds)

    @asynccontextmanager
    async def attempt(
        self, tokens: float = 0, max_pause_s: float = math.inf
    ) -> AsyncIterator["Attempt"]:
        """Wait until an attempt may begin, and count it until the block ends.

        Args:
            tokens: that it may take, input and output.
            max_pause_s: how long a pause is worth waiting for.

        Raises:
            ChatUnavailable: the pause is longer.
            SettingsError: it is larger than what a minute allows.
            Stopped: ``stop`` was called.
        """
        if self._tokens is not None and tokens > self._tokens.per_min:
            raise SettingsError(
                f"a request of about {tokens:,.0f} tokens is larger than what --tpm "
                f"{self._tokens.per_min:,.0f} allows in a minute: raise --tpm, or send less"
            )
        async with self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            await self._turn(tokens, max_pause_s)
            begun = self._begin(tokens)
        try:
            yield begun
        finally:
            self._end()

    async def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            Stopped: ``stop`` was called, now or before.
        """
        await self._wait(asyncio.ensure_future(self._sleep(seconds)))

    def stop(self) -> None:
        """Let no further attempt begin, and end the waits: attempts under way go on."""
        self._stopped = True
        for waiting in self._waiting:
            waiting.cancel()

    async def _turn(self, tokens: float, max_pause_s: float) -> None:
        """Wait, as the first of all who wait, until an attempt may begin."""
        while True:
            self._refuse_if_stopped()
            if self.paused_s > max_pause_s:
                raise ChatUnavailable("the server wants no request for long", self.paused_s)
            if self._under_way + 1 > self._room:
                self._freed = asyncio.get_running_loop().create_future()
                await self._wait(self._freed)
            elif (seconds := self._wait_s(tokens)) > 0:
                await self.sleep(seconds)
            else:
                return

    def _wait_s(self, tokens: float) -> float:
        return max(
            self.paused_s,
            0.0 if self._requests is None else self._requests.wait_s(),
            0.0 if self._tokens is None else self._tokens.wait_s(tokens),
        )

    async def _wait(self, waiting: asyncio.Future[None]) -> None:
        self._waiting.add(waiting)
        try:
            self._refuse_if_stopped()
            await asyncio.wait([waiting])
            self._refuse_if_stopped()
        finally:
            waiting.cancel()
            self._waiting.discard(waiting)

    def _refuse_if_stopped(self) -> None:
        if self._stopped:
            raise Stopped("no call is made after a stop; the same command goes on from here")

    def _begin(self, tokens: float) -> "Attempt":
        if self._requests is not None:
            self._requests.take()
        self._use_tokens(tokens)
        self._under_way += 1
        return Attempt(self, tokens, self._refusals)

    def _end(self) -> None:
        self._under_way -= 1
        if self._freed is not None and not self._freed.done():
            self._freed.set_result(None)

    def _use_tokens(self, tokens: float) -> None:
        if self._tokens is not None:
            self._tokens.take(tokens)

    def _grow(self) -> None:
        """Make room for more after an answer."""
        self._answers += 1
        self._room += 1 if self._room < self._halved_at else 1 / self._room

    def _halve(self, refusals: int) -> None:
        """Leave less room, unless an attempt that began as early as this one did that already."""
        if refusals != self._refusals:
            return
        self._refusals += 1
        answers, self._answers = self._answers, 0
        if answers >= _SELDOM:
            return
        self._room = max(1.0, min(self._room, self._under_way) / 2)
        if answers:
            self._halved_at = self._room


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt under way, and what it took."""

    limiter: RateLimiter
    tokens: float
    refusals: int

    def answered(self, tokens: float | None) -> None:
        """Count the tokens that it used in place of those that it took, if the server says them."""
        self.limiter._grow()
        if tokens is not None:
            self.limiter._use_tokens(tokens - self.tokens)

    def refused(self, *, limited: bool) -> None:
        """Give its tokens back: the server did nothing.

        Args:
            limited: whether it refused because there is too much to do.
        """
        self.limiter._use_tokens(-self.tokens)
        if limited:
            self.limiter._halve(self.refusals)
