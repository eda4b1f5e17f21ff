"""When the next attempt may begin: requests and tokens per minute, and what the server asks for."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

from llmrec.errors import ChatUnavailable, SettingsError, Stopped

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

_USED = 0.98
"""Part of a limit that is used: answers and clocks are never quite even, and a refusal costs more
than the rest is worth."""

_BURST_S = 0.5
"""Seconds' worth of a limit that may be used at once: long enough for a program that was busy to
catch up, and short enough for servers that split a minute's limit into seconds."""

_NOTHING = 1e-6
"""A smaller amount is a rounding error: no wait is so short."""


class Bucket:
    """What may be used per minute, refilled evenly: a token bucket (Turner 1986).

    An amount larger than the bucket waits for a full one and leaves a debt, so that it comes
    through however many small ones there are.

    Args:
        per_min: the limit.
        clock: seconds that only grow.
    """

    def __init__(self, per_min: float, clock: Clock) -> None:
        self.per_min = per_min
        self._per_s = _USED * per_min / 60
        self._full = max(1.0, _BURST_S * self._per_s)
        self._level = self._full
        self._clock = clock
        self._filled_at = clock()

    def wait_s(self, amount: float) -> float:
        """Return in how many seconds there is enough for an amount; 0 where there is now."""
        now = self._clock()
        self._level = min(self._full, self._level + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        missing = min(amount, self._full) - self._level
        return missing / self._per_s if missing > _NOTHING else 0.0

    def take(self, amount: float) -> None:
        """Use an amount; a negative one is given back."""
        self._level -= amount


class RateLimiter:
    """Lets attempts begin, first come first served, for all callers of one server.

    Args:
        requests_per_min: None for no limit.
        tokens_per_min: of input and output together; None for no limit.
        clock: seconds that only grow.
        sleep: waits for some seconds.

    Attributes:
        clock: as given.
    """

    def __init__(
        self,
        requests_per_min: float | None = None,
        tokens_per_min: float | None = None,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._requests = None if requests_per_min is None else Bucket(requests_per_min, clock)
        self._tokens = None if tokens_per_min is None else Bucket(tokens_per_min, clock)
        self._clock = clock
        self._sleep = sleep
        self._not_before = clock()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )
        self._sleeping: set[asyncio.Future[None]] = set()
        self._stopped = False

    @property
    def counts_tokens(self) -> bool:
        """Whether ``take`` must know the tokens of a request."""
        return self._tokens is not None

    @property
    def paused_s(self) -> float:
        """For how many seconds from now the server wants no request."""
        return max(0.0, self._not_before - self._clock())

    def pause(self, seconds: float) -> None:
        """Let nobody begin for so long: one caller was told, and it holds for all."""
        self._not_before = max(self._not_before, self._clock() + seconds)

    async def take(self, tokens: float = 0, max_pause_s: float = math.inf) -> None:
        """Wait until an attempt may begin, and count it.

        Args:
            tokens: that it may take, input and output; ``settle`` corrects it.
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
            while (seconds := self._wait_s(tokens)) > 0:
                if self.paused_s > max_pause_s:
                    raise ChatUnavailable("no call is made before the server's wait", self.paused_s)
                await self.sleep(seconds)
            self._refuse_if_stopped()
            if self._requests is not None:
                self._requests.take(1)
            self.settle(0, tokens)

    def settle(self, taken: float, used: float) -> None:
        """Count the tokens that were used in place of those that were taken."""
        if self._tokens is not None:
            self._tokens.take(used - taken)

    async def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            Stopped: ``stop`` was called, now or before.
        """
        self._refuse_if_stopped()
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        self._sleeping.add(sleeping)
        try:
            await asyncio.wait([sleeping])
        finally:
            sleeping.cancel()
            self._sleeping.discard(sleeping)
        self._refuse_if_stopped()

    def stop(self) -> None:
        """Let no further attempt begin, and end the waits: attempts under way go on."""
        self._stopped = True
        for sleeping in self._sleeping:
            sleeping.cancel()

    def _wait_s(self, tokens: float) -> float:
        return max(
            self.paused_s,
            0.0 if self._requests is None else self._requests.wait_s(1),
            0.0 if self._tokens is None else self._tokens.wait_s(tokens),
        )

    def _refuse_if_stopped(self) -> None:
        if self._stopped:
            raise Stopped("no call is made after a stop; the same command goes on from here")
