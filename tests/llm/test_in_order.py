"""Many at once, in order: nothing is lost, nothing waits for long, memory does not grow."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from itertools import count, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.llm import in_order as module
from llmrec.llm.in_order import in_order


class Works:
    """Work that ends when a test lets it, and who is at it."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.gates: dict[int, asyncio.Future[None]] = {}
        self.cancelled: list[int] = []

    async def __call__(self, element: int) -> str:
        self.begun.append(element)
        self.gates[element] = asyncio.get_running_loop().create_future()
        try:
            await self.gates[element]
        except asyncio.CancelledError:
            self.cancelled.append(element)
            raise
        return f"r{element}"

    def end(self, *elements: int, error: Exception | None = None) -> None:
        for element in elements:
            if error is None:
                self.gates[element].set_result(None)
            else:
                self.gates[element].set_exception(error)


async def soon() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def gathered(results: AsyncGenerator[str, None], into: list[str]) -> None:
    async for result in results:
        into.append(result)


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 8), st.integers(0, 3))
def test_results_come_in_order_however_long_each_takes(
    turns: list[int], concurrency: int, waiting: int
) -> None:
    at_once, most = 0, 0

    async def work(element: tuple[int, int]) -> int:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        for _ in range(element[1]):
            await asyncio.sleep(0)
        at_once -= 1
        return element[0]

    async def whole() -> list[int]:
        return [n async for n in in_order(work, enumerate(turns), concurrency)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WAITING_RESULTS", waiting)
        assert asyncio.run(whole()) == list(range(len(turns)))
    assert most <= concurrency
    assert bool(most) == bool(turns)


def test_the_next_begins_when_any_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_RESULTS", 2)

    async def whole() -> None:
        work, results = Works(), list[str]()
        reading = asyncio.create_task(gathered(in_order(work, count(), 3), results))
        await soon()
        assert work.begun == [0, 1, 2]
        work.end(1)
        await soon()
        assert (work.begun, results) == ([0, 1, 2, 3], [])
        work.end(2, 3)
        await soon()
        assert (work.begun, results) == ([0, 1, 2, 3, 4], [])  # the window is full
        work.end(0)
        await soon()
        assert results == ["r0", "r1", "r2", "r3"]
        assert work.begun == [*range(7)]
        reading.cancel()
        await asyncio.wait([reading])

    asyncio.run(whole())


def test_elements_are_read_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def elements() -> Iterator[int]:
        for n in count():
            read.append(n)
            yield n

    async def work(element: int) -> int:
        return element

    async def whole() -> list[int]:
        results = in_order(work, elements(), 2)
        first = [await anext(results) for _ in range(5)]
        await results.aclose()
        return first

    assert asyncio.run(whole()) == [0, 1, 2, 3, 4]
    assert len(read) <= 5 + 2


def test_when_the_elements_end_those_under_way_are_finished() -> None:
    async def whole() -> None:
        work, results, stopped = Works(), list[str](), list[bool]()
        elements = takewhile(lambda _: not stopped, count())
        reading = asyncio.create_task(gathered(in_order(work, elements, 3), results))
        await soon()
        stopped.append(True)
        work.end(2)
        await soon()
        work.end(0, 1)
        await reading
        assert results == ["r0", "r1", "r2"]
        assert work.begun == [0, 1, 2]

    asyncio.run(whole())


def test_an_error_is_raised_in_its_turn_when_the_others_are_finished() -> None:
    async def whole() -> None:
        work, results = Works(), list[str]()
        reading = asyncio.create_task(gathered(in_order(work, count(), 4), results))
        await soon()
        work.end(2, error=ValueError("two"))
        await soon()
        work.end(1, error=ValueError("one"))
        work.end(0)
        await soon()
        assert (results, reading.done()) == (["r0"], False)
        assert work.begun == [0, 1, 2, 3]
        work.end(3)
        with pytest.raises(ValueError, match="one"):
            await reading
        assert work.cancelled == []

    asyncio.run(whole())


def test_closing_cancels_what_is_under_way() -> None:
    async def whole() -> None:
        work, results = Works(), list[str]()
        reading = asyncio.create_task(gathered(in_order(work, count(), 3), results))
        await soon()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert sorted(work.cancelled) == [0, 1, 2]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())


def test_an_error_of_the_elements_lets_those_under_way_finish() -> None:
    def elements() -> Iterator[int]:
        yield 0
        raise ValueError("a bad row")

    async def whole() -> None:
        work, results = Works(), list[str]()
        reading = asyncio.create_task(gathered(in_order(work, elements(), 3), results))
        await soon()
        assert not reading.done()
        work.end(0)
        with pytest.raises(ValueError, match="a bad row"):
            await reading
        assert work.cancelled == []

    asyncio.run(whole())
