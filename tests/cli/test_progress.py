"""How far a run is: said on a terminal all the time, elsewhere every 30 seconds, or not at all."""

import asyncio
import io
import logging
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from llmrec.cli import progress
from llmrec.cli.interrupts import stop_on_interrupt
from llmrec.cli.progress import Progress
from llmrec.llm.budget import Budget
from llmrec.llm.chat import Usage
from llmrec.llm.metering import MeteredChatModel


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    log = logging.getLogger("llmrec")
    before = log.level
    log.setLevel(logging.INFO)
    yield
    log.setLevel(before)


@pytest.fixture
def run() -> Any:
    """Stands in for a run: 2 of 10 users made, 1 failed, 4 calls, 2 under way, 1 replayed."""
    meter: Any = MeteredChatModel(SimpleNamespace())  # type: ignore[arg-type]
    meter.replies, meter.replayed, meter.usage = 5, 1, Usage(1200, 34)
    meter.under_way = 2
    return SimpleNamespace(made=2, failed={"bo": "no"}, meters=[meter])


def test_elsewhere_it_is_one_plain_line_every_30_seconds(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    with Progress(run, 10, Budget(), clock=lambda: now[0]) as shown:
        for second in range(100, 191):
            now[0] = second
            shown.update()
    said = capsys.readouterr().err.splitlines()
    counts = "3 of 10 users, 4 calls, 2 under way, 1 replayed, 1 failed, 1,234 tokens"
    assert said == [f"{counts}, about {n} min left" for n in (1, 2, 4)]


def test_speed_and_money_are_shown_where_something_was_called(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    budget, now = Budget(), [0.0]
    run.meters[0].live_tokens, budget.known_usd = 3_100, 0.25
    with Progress(run, 10, budget, clock=lambda: now[0]) as shown:
        now[0] = 31
        shown.update()
    assert "1,234 tokens (100 a second), $0.2500, about 1 min left" in capsys.readouterr().err


def test_before_the_first_user_is_done_no_end_is_foretold(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run.made, run.failed = 0, {}
    now = [0.0]
    with Progress(run, 10, Budget(), clock=lambda: now[0]) as shown:
        now[0] = 31
        shown.update()
    assert capsys.readouterr().err.endswith("1,234 tokens\n")


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_is_silent(run: Any, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    logging.getLogger("llmrec").setLevel(logging.ERROR)
    stderr = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    now = [0.0]
    with Progress(run, 10, Budget(), clock=lambda: now[0]) as shown:
        now[0] = 99
        shown.update()
    assert stderr.getvalue() == ""


def test_on_a_terminal_it_is_one_line_that_lives(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", stderr := Terminal())
    with Progress(run, 10, Budget()) as shown:
        shown.update()
        assert shown._live is not None
        shown._live.refresh()
    said = stderr.getvalue()
    assert "3/10" in said
    assert "4 calls, 2 under way, 1 replayed, 1 failed, 1,234 tokens" in said
    assert said.endswith("\x1b[2K")


def test_it_goes_on_while_a_call_takes_long(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_UPDATED_EVERY_S", 0)
    updates: list[int] = []
    monkeypatch.setattr(Progress, "update", lambda self: updates.append(1))

    async def a_call() -> None:
        async with Progress(run, 10, Budget()).kept_up():
            while len(updates) < 3:
                await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(a_call())
    assert len(updates) == 3


@pytest.mark.parametrize("prints", [True, False])
def test_nothing_lives_where_results_are_printed_to_the_same_terminal(
    run: Any, monkeypatch: pytest.MonkeyPatch, prints: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stderr := Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    now = [0.0]
    with Progress(run, 10, Budget(), lambda: now[0], prints=prints) as shown:
        now[0] = 31
        shown.update()
        assert (shown._live is None) == prints
    assert ("3 of 10 users, 4 calls" in stderr.getvalue()) == prints


def test_the_calls_of_several_stages_are_added_up(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run.meters *= 2
    now = [0.0]
    with Progress(run, 10, Budget(), clock=lambda: now[0]) as shown:
        now[0] = 31
        shown.update()
    said = capsys.readouterr().err
    assert "8 calls, 4 under way, 2 replayed, 1 failed, 2,468 tokens" in said


def test_where_there_are_no_signals_nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def whole() -> None:
        loop = asyncio.get_running_loop()

        def refuse(*_: object) -> None:
            raise NotImplementedError

        monkeypatch.setattr(loop, "add_signal_handler", refuse)
        stop_on_interrupt(lambda: None)

    asyncio.run(whole())
