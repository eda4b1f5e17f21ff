"""Writing in groups: everything is written once, in order, and each caller learns its outcome."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from llmrec.llm.group_commit import GroupCommit


class Disk:
    """Keeps what is written; is busy while ``free`` is not set; says 10 times each number."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.busy = threading.Event()
        self.free = threading.Event()

    def write(self, items: Sequence[int]) -> Sequence[int]:
        self.groups.append(list(items))
        self.busy.set()
        assert self.free.wait(10)
        return [10 * item for item in items]


@pytest.fixture
def disk() -> Disk:
    return Disk()


async def one_under_way(group: GroupCommit[int, int], disk: Disk) -> asyncio.Task[int]:
    first = asyncio.create_task(group.commit(0))
    await asyncio.to_thread(disk.busy.wait, 10)
    return first


async def all_waiting(tasks: Sequence[asyncio.Task[int]]) -> None:
    """Let tasks run until they wait."""
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


def test_what_waits_while_the_disk_is_busy_is_one_group(disk: Disk) -> None:
    async def run() -> list[int]:
        group = GroupCommit(disk.write)
        first = await one_under_way(group, disk)
        others = [asyncio.create_task(group.commit(n)) for n in range(1, 200)]
        await all_waiting([first, *others])
        disk.free.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(run()) == [10 * n for n in range(200)]
    assert disk.groups == [[0], list(range(1, 200))]


def test_what_a_cancelled_caller_wanted_is_written_and_the_others_hear_of_theirs(
    disk: Disk,
) -> None:
    async def run() -> None:
        group = GroupCommit(disk.write)
        first = await one_under_way(group, disk)
        cancelled, other = (asyncio.create_task(group.commit(n)) for n in (1, 2))
        await all_waiting([first, cancelled, other])
        first.cancel()
        cancelled.cancel()
        await asyncio.wait([first, cancelled])
        disk.free.set()
        assert await other == 20

    asyncio.run(run())
    assert disk.groups == [[0], [1, 2]]


def test_one_group_commit_serves_one_event_loop_after_another(disk: Disk) -> None:
    disk.free.set()
    group = GroupCommit(disk.write)
    assert [asyncio.run(group.commit(n)) for n in (1, 2)] == [10, 20]


def test_an_error_of_writing_reaches_all_of_its_group_and_not_the_next() -> None:
    def write(items: Sequence[int]) -> Sequence[int]:
        if 0 in items:
            raise ValueError("zero")
        return items

    group = GroupCommit(write)
    with pytest.raises(ValueError, match="zero"):
        asyncio.run(group.commit(0))
    assert asyncio.run(group.commit(1)) == 1
