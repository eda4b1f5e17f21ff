"""Many elements at once, their results in order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[T], Coroutine[Any, Any, R]]

WAITING_RESULTS = 1_000
"""How many results may wait for one before them that takes long: enough for the minutes in which a
call is tried again and again, and little memory."""


async def in_order(
    work: Work[T, R], elements: Iterable[T], concurrency: int = 1
) -> AsyncGenerator[R, None]:
    """Work on several elements at once and yield the results in the order of the elements.

    Elements are taken as there is room for them, so that memory does not grow with their number:
    at most ``concurrency`` are under way, and at most ``WAITING_RESULTS`` results wait for their
    turn. To stop, end ``elements``: what is under way is finished. Closing what this returns
    cancels it.

    Args:
        work: makes the result of one element; an error that it raises ends all.
        elements: may be endless.
        concurrency: how many are under way at once, 1 or more.

    Raises:
        Exception: the first error of ``work`` in the order of the elements, after the results
            before it, or an error of ``elements``. Once there is one no element is begun, and what
            is under way is finished.
    """
    window = _Window(work, elements, concurrency)
    try:
        while window.fill():
            yield await window.first()
    except (GeneratorExit, asyncio.CancelledError):
        window.cancel()
        raise
    finally:
        await window.finish()


class _Window(Generic[T, R]):
    """The elements whose results were not yielded yet, in order."""

    def __init__(self, work: Work[T, R], elements: Iterable[T], concurrency: int) -> None:
        self._work = work
        self._elements = iter(elements)
        self._concurrency = concurrency
        self._tasks: deque[asyncio.Task[R]] = deque()
        self._under_way: set[asyncio.Task[R]] = set()
        self._ended = asyncio.Event()
        self._failed = False

    def fill(self) -> bool:
        """Begin elements while there is room; say whether there is anything left to yield."""
        while (
            not self._failed
            and len(self._under_way) < self._concurrency
            and len(self._tasks) < self._concurrency + WAITING_RESULTS
        ):
            try:
                element = next(self._elements)
            except StopIteration:
                break
            task = asyncio.create_task(self._work(element))
            task.add_done_callback(self._end)
            self._tasks.append(task)
            self._under_way.add(task)
        return bool(self._tasks)

    async def first(self) -> R:
        """Return the first result, when there is one."""
        while not self._tasks[0].done():
            self.fill()
            self._ended.clear()
            await self._ended.wait()
        return self._tasks.popleft().result()

    def cancel(self) -> None:
        """Cancel what is under way."""
        for task in self._under_way:
            task.cancel()

    async def finish(self) -> None:
        """Wait until nothing is under way."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _end(self, task: asyncio.Task[R]) -> None:
        self._under_way.discard(task)
        self._failed |= not task.cancelled() and task.exception() is not None
        self._ended.set()
