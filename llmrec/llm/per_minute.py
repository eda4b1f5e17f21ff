"""Requests and tokens per minute: in how many seconds there is room for more."""

import math
from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]

_USED = 0.97
"""Part of a limit that is used: the way to the server takes now more, now less time, and a refusal
costs more than the rest is worth."""

_NOTHING = 1e-6
"""A smaller amount is a rounding error: no wait is so short."""


class RequestsPerMinute:
    """At most as many requests in any second as a minute's limit allows a second (a sliding log).

    Many servers split a minute's limit into seconds; a program that was busy for a moment may catch
    up within the second, at twice the pace. A limit below one a second lets one through at a time.

    Args:
        per_min: the limit.
        clock: seconds that only grow.
    """

    def __init__(self, per_min: float, clock: Clock) -> None:
        at_once = max(1, math.floor(per_min / 60))
        self._window_s = at_once * 60 / (_USED * per_min)
        self._gap_s = self._window_s / at_once / 2
        self._begun: deque[float] = deque([-math.inf] * at_once, maxlen=at_once)
        self._clock = clock

    def wait_s(self) -> float:
        """Return in how many seconds the next request may begin."""
        next_at = max(self._begun[0] + self._window_s, self._begun[-1] + self._gap_s)
        seconds = next_at - self._clock()
        return seconds if seconds > _NOTHING else 0.0

    def take(self) -> None:
        """Begin a request."""
        self._begun.append(self._clock())


class TokensPerMinute:
    """Tokens, refilled evenly: a token bucket (Turner 1986) that holds a second's worth.

    An amount larger than that waits for a full bucket and leaves a debt, so that it comes through
    however many small ones there are.

    Args:
        per_min: the limit.
        clock: seconds that only grow.
    """

    def __init__(self, per_min: float, clock: Clock) -> None:
        self.per_min = per_min
        self._per_s = _USED * per_min / 60
        self._level = self._per_s
        self._clock = clock
        self._filled_at = clock()

    def wait_s(self, amount: float) -> float:
        """Return in how many seconds there is enough for an amount; 0 where there is now."""
        now = self._clock()
        self._level = min(self._per_s, self._level + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        missing = min(amount, self._per_s) - self._level
        return missing / self._per_s if missing > _NOTHING else 0.0

    def take(self, amount: float) -> None:
        """Use an amount; a negative one is given back."""
        self._level -= amount
