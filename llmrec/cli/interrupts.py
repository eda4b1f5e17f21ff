"""Ctrl-C: once to stop in good order, twice to stop at once."""

import asyncio
import signal
from collections.abc import Callable

import click


def stop_on_interrupt(stop: Callable[[], None]) -> None:
    """Let the first Ctrl-C call ``stop`` and the second interrupt, in the running event loop.

    Where the system has no such signals (Windows), every Ctrl-C interrupts.
    """
    loop = asyncio.get_running_loop()

    def first() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        click.echo("stopping after the calls under way; Ctrl-C again stops at once", err=True)
        stop()

    try:
        loop.add_signal_handler(signal.SIGINT, first)
    except (NotImplementedError, ValueError):
        return
