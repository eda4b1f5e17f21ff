"""How far a run is: a live line on a terminal, else one plain line every 30 seconds."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from llmrec.cli.money import dollars
from llmrec.llm.budget import Budget
from llmrec.llm.chat import Usage
from llmrec.llm.user_run import UserRun

if TYPE_CHECKING:
    from rich.progress import Progress as Live

_PLAIN_EVERY_S = 30.0
_UPDATED_EVERY_S = 1.0


class Progress:
    """Shows on stderr how far a run is; silent under --quiet.

    The live line is for a terminal of its own: where results go to the same one, it is plain lines.

    Args:
        run: what is under way.
        n_users: how many users there are.
        budget: that its calls are paid from.
        clock: seconds that only grow.
        prints: whether results are printed as they come.
    """

    def __init__(
        self,
        run: UserRun[Any, Any],
        n_users: int,
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
        *,
        prints: bool = False,
    ) -> None:
        self._run = run
        self._n_users = n_users
        self._budget = budget
        self._clock = clock
        self._began = self._said = clock()
        self._shares = prints and sys.stdout.isatty()
        self._quiet = not logging.getLogger("llmrec").isEnabledFor(logging.INFO)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet and not self._shares:
            self._live = _live_line()
            self._live.add_task(self._counts(), total=self._n_users)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @asynccontextmanager
    async def kept_up(self) -> AsyncIterator[None]:
        """Update every second inside this block, also while one call takes long."""
        updating = asyncio.create_task(self._keep_updating())
        try:
            yield
        finally:
            updating.cancel()

    async def _keep_updating(self) -> None:
        while True:
            await asyncio.sleep(_UPDATED_EVERY_S)
            self.update()

    def update(self) -> None:
        """Show how far it is now."""
        if self._live is not None:
            task = self._live.task_ids[0]
            self._live.update(task, completed=self._done, description=self._counts())
        elif not self._quiet and self._clock() - self._said >= _PLAIN_EVERY_S:
            self._said = self._clock()
            click.echo(
                f"{self._done} of {self._n_users} users, {self._counts()}{self._time_left()}",
                err=True,
            )

    @property
    def _done(self) -> int:
        return self._run.made + len(self._run.failed)

    def _time_left(self) -> str:
        if not self._done:
            return ""
        left_s = (self._clock() - self._began) / self._done * (self._n_users - self._done)
        return f", about {max(1, round(left_s / 60))} min left"

    def _counts(self) -> str:
        meters = self._run.meters
        replayed = sum(meter.replayed for meter in meters)
        usage = sum((meter.usage for meter in meters), Usage())
        return (
            f"{sum(meter.replies for meter in meters) - replayed} calls, "
            f"{sum(meter.under_way for meter in meters)} under way, {replayed} replayed, "
            f"{len(self._run.failed)} failed, "
            f"{usage.input_tokens + usage.output_tokens:,} tokens{self._spent()}"
        )

    def _spent(self) -> str:
        """Return how fast tokens come from the server, and what was spent, where that is known."""
        live = sum(meter.live_tokens for meter in self._run.meters)
        seconds = self._clock() - self._began
        speed = f" ({live / seconds:,.0f} a second)" if live and seconds else ""
        spent_usd = self._budget.spent_usd
        return f"{speed}, {dollars(spent_usd)}" if spent_usd else speed


def _live_line() -> "Live":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Live

    return Live(
        TextColumn("users"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )
