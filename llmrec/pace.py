"""How far long work is, said in the log."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

_EVERY_S = 30.0


class Pace:
    """Notes every half minute how much is done, and how long the rest takes at the latest pace.

    Not at the mean one: what is already recorded goes by in no time, and what follows does not.

    Args:
        n: how much there is to do.
        what: of which, in the plural.
        clock: seconds that only grow.
    """

    def __init__(self, n: int, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._n = n
        self._what = what
        self._clock = clock
        self._done = self._new = 0
        self._said = clock()

    def add(self, n: int) -> None:
        """Count so many more as done."""
        self._done += n
        self._new += n
        now = self._clock()
        if now - self._said < _EVERY_S or self._done == self._n:
            return
        left_s = (now - self._said) / self._new * (self._n - self._done)
        self._said, self._new = now, 0
        log.info(
            "%s of %s %s, about %d min left",
            f"{self._done:,}",
            f"{self._n:,}",
            self._what,
            max(1, round(left_s / 60)),
        )
