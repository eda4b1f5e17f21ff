"""Many callers, one write: what waits while the disk is busy goes to it together."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class GroupCommit(Generic[Item, Outcome]):
    """Hands what many coroutines want written to one thread, a group at a time.

    A group is what came in while the one before was being written: a lone caller never waits for
    others, and 200 at once share one write. The event loop goes on meanwhile, and any number of
    loops may use it.

    Args:
        write: writes a group in the order given and returns one outcome for each of it.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Outcome]]) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(1, "group-commit")
        self._lock = Lock()
        self._waiting: list[Item] = []
        self._group: Future[Sequence[Outcome]] | None = None

    async def commit(self, item: Item) -> Outcome:
        """Return the outcome of writing an item; it is written also if the caller is cancelled."""
        with self._lock:
            if self._group is None:
                self._group = self._thread.submit(self._write_waiting)
            group, position = self._group, len(self._waiting)
            self._waiting.append(item)
        return (await asyncio.shield(asyncio.wrap_future(group)))[position]

    def _write_waiting(self) -> Sequence[Outcome]:
        with self._lock:
            items, self._waiting, self._group = self._waiting, [], None
        return self._write(items)
