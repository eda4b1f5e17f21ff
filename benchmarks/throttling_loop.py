"""A throttling loop in the manner of openai-cookbook's parallel processor, for comparison.

Written from its description: one loop that takes a request when the capacity since the last turn
has one, starts it as a task, sleeps a millisecond, and stops for 15 seconds after a rate limit
error; a refused request is put back, and tried again up to five times.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import openai

PAUSE_S = 15.0
ATTEMPTS = 5
TURN_S = 0.001


async def throttled(url: str, bodies: Sequence[dict[str, Any]], rpm: float) -> list[float]:
    """Make calls, at most ``rpm`` a minute, and return when each was answered, in seconds."""
    waiting = deque((body, ATTEMPTS) for body in bodies)
    again: deque[tuple[dict[str, Any], int]] = deque()
    under_way: set[asyncio.Task[None]] = set()
    refused_at = -PAUSE_S
    answered: list[float] = []
    capacity, updated = rpm, time.monotonic()

    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def call(body: dict[str, Any], attempts: int) -> None:
            nonlocal refused_at
            try:
                await client.chat.completions.create(**body)
            except openai.RateLimitError:
                refused_at = time.monotonic()
                if attempts > 1:
                    again.append((body, attempts - 1))
            else:
                answered.append(time.perf_counter())

        while waiting or again or under_way:
            now = time.monotonic()
            capacity, updated = min(rpm, capacity + rpm * (now - updated) / 60), now
            if (again or waiting) and capacity >= 1:
                capacity -= 1
                task = asyncio.create_task(call(*(again or waiting).popleft()))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            await asyncio.sleep(TURN_S)
            if time.monotonic() - refused_at < PAUSE_S:
                await asyncio.sleep(refused_at + PAUSE_S - time.monotonic())
    return answered
