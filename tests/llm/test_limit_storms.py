"""Two hours of a server that refuses everything now and then, on a clock that costs no time."""

import asyncio
import selectors
from typing import Any

import pytest

from llmrec.errors import ChatUnavailable
from llmrec.llm.limits import RateLimiter

CALLERS = 200
PER_MIN = 3000
LATENCY_S = 0.8
HOURS_S = 7200
STORMS = [(600, 660), (1200, 1500), (2400, 3600), (4000, 4010), (4015, 4030), (5000, 5600)]
MAX_ATTEMPTS = 6


class _InstantSelector(selectors.DefaultSelector):
    """Passes the time that it should have waited."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now += timeout or 0
        return super().select(0)


class InstantLoop(asyncio.SelectorEventLoop):
    """An event loop in which only waiting takes time, and none of ours."""

    def __init__(self) -> None:
        self.selector = _InstantSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now


def clock() -> float:
    return asyncio.get_running_loop().time()


class Run:
    """200 callers who call again and again, and a server that allows so many calls a minute."""

    def __init__(self, retry_after_s: float | None, limits: dict[str, float]) -> None:
        self.limiter = RateLimiter(**limits, clock=clock)
        self.retry_after_s = retry_after_s
        self.answered: list[float] = []
        self.refused: list[float] = []
        self.failed = 0
        self.longest_s = 0.0
        self._let_in: list[float] = []

    async def attempt(self) -> bool:
        async with self.limiter.attempt(50) as attempt:
            now = clock()
            await asyncio.sleep(LATENCY_S)
            storm = any(begin <= now < end for begin, end in STORMS)
            while self._let_in and self._let_in[0] <= now - 1:
                self._let_in.pop(0)
            if storm or len(self._let_in) >= PER_MIN / 60:
                self.refused.append(now)
                attempt.refused(limited=True)
                self.limiter.pause(self.retry_after_s or 0)
                return False
            self._let_in.append(now)
            attempt.answered(50)
            self.answered.append(clock())
            return True

    async def call(self) -> None:
        for number in range(MAX_ATTEMPTS):
            if await self.attempt():
                return
            await self.limiter.sleep(self.retry_after_s or 0.5 * 2**number)
        raise ChatUnavailable("given up")

    async def caller(self) -> None:
        while (began := clock()) < HOURS_S:
            try:
                await self.call()
            except ChatUnavailable:
                self.failed += 1
            self.longest_s = max(self.longest_s, clock() - began)

    async def whole(self) -> None:
        await asyncio.gather(*(self.caller() for _ in range(CALLERS)))

    def per_min(self, begin: float, end: float) -> float:
        return 60 * sum(begin <= time < end for time in self.answered) / (end - begin)


@pytest.mark.slow
@pytest.mark.parametrize("retry_after_s", [5.0, None])
def test_nobody_starves_and_a_minute_after_each_storm_all_is_as_before(
    retry_after_s: float | None,
) -> None:
    with asyncio.Runner(loop_factory=InstantLoop) as runner:

        async def whole() -> Run:
            run = Run(retry_after_s, {"requests_per_min": PER_MIN, "tokens_per_min": 50 * PER_MIN})
            await run.whole()
            return run

        run = runner.run(whole())
    calm = run.per_min(60, 600)
    assert calm > 0.95 * PER_MIN
    for _, end in STORMS[:3] + STORMS[-2:]:
        assert run.per_min(end + 60, end + 120) > 0.95 * calm
    longest_storm_s = max(end - begin for begin, end in STORMS)
    assert run.longest_s < longest_storm_s + 120
    # nobody uses up six attempts where the server says how long to wait
    assert run.failed <= (0 if retry_after_s else CALLERS)
    between = sum(not any(b <= t < e for b, e in STORMS) for t in run.refused)
    assert between == 0
