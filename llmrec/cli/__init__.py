"""The command line: one file a command. Data goes to stdout, everything else to stderr."""

import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from llmrec.cli.terminal import say
from llmrec.errors import (
    BudgetExceeded,
    ChatError,
    IndexMismatch,
    InputError,
    LLMRecError,
    PromptError,
    RecordingMissing,
    SettingsError,
)

COMMANDS = {
    "audit": "Say whether profiles have seen what an evaluation holds out.",
    "batch": "Have calls answered within a day, at half the price.",
    "calls": "Look into call logs, and keep of them what is needed.",
    "compare": "Compare two evaluations user by user.",
    "demo": "Show what this does, offline, with the data that comes with it.",
    "doctor": "Say what works with these settings.",
    "evaluate": "Say how well systems find what is held out, with intervals.",
    "explain": "Say why the first items of lists were chosen.",
    "extract": "Make interest profiles from reviews.",
    "fit": "Learn how much each part of a score should count.",
    "index": "Make the index of a catalogue.",
    "recommend": "Recommend items for profiles, or for a sentence.",
    "rerank": "Put lists in order with a chat model.",
    "show": "Show profiles as a person wants to read them.",
    "split": "Split reviews into history and held-out ones.",
}
"""Help lines, kept here so that --help imports no command."""

_WITHOUT_NUMPY = {"batch", "calls", "show", "split"}

_EXIT_CODES: dict[type[LLMRecError], int] = {
    InputError: 2,
    SettingsError: 2,
    IndexMismatch: 2,
    PromptError: 2,
    BudgetExceeded: 3,
    RecordingMissing: 4,
    ChatError: 5,
}
_INTERRUPTED = 130


class _Commands(click.Group):
    """Imports a command's module when the command is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _imported(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Give the command its settings; whatever they are, it can be explained and completed."""
        name, command, rest = super().resolve_command(ctx, args)
        try:
            settings = {} if ctx.resilient_parsing else _settings()
        except SettingsError as error:
            if {*ctx.help_option_names}.isdisjoint(rest):
                raise
            say(f"warning: {error}")
        else:
            ctx.default_map = dict.fromkeys(COMMANDS, settings)
        return name, command, rest

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader of stdout has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _imported(name: str) -> click.Command:
    """Import a command; what is imported stays, so that the collector need never look at it.

    Once only: garbage that is there when all is frozen is never collected. Packages that make
    thousands of calls while they are imported come first: under as many frames as our modules
    put on them, CPython maps and unmaps a piece of its stack for many of these calls, which
    takes 10 µs each time.
    """
    module = f"llmrec.cli.{name}"
    if module not in sys.modules:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            for package in () if name in _WITHOUT_NUMPY else ("numpy", "pydantic.dataclasses"):
                importlib.import_module(package)
            importlib.import_module(module)
        finally:
            gc.freeze()
            if was_enabled:
                gc.enable()
    command: click.Command = sys.modules[module].command
    return command


def flags_of(name: str) -> set[str]:
    """Return the options that a command has; none where there is no such command."""
    command = llmrec.get_command(click.Context(llmrec), name)
    return {flag for parameter in (command.params if command else ()) for flag in parameter.opts}


def _settings() -> dict[str, Any]:
    """Return the settings of the current folder; where it has none nothing is imported."""
    if not any(os.path.exists(name) for name in ("llmrec.toml", "pyproject.toml")):  # noqa: PTH110
        return {}
    settings: dict[str, Any] = importlib.import_module("llmrec.cli.settings").read_settings()
    return settings


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"llmrec {importlib.import_module('importlib.metadata').version('llmrec')}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version and exit.",
)  # fmt: skip
def llmrec() -> None:
    """Recommendations you can explain, from what people wrote.

    Settings come from llmrec.toml (or [tool.llmrec] in pyproject.toml) in the current folder,
    then from environment variables (LLMREC_…, named in each command's help), then from options.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 ok · 1 some users failed · 2 usage, settings, input · 3 budget · 4 recording missing ·
    5 provider · 130 interrupted.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a character
    try:
        result = llmrec.main(arguments, prog_name="llmrec", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    except LLMRecError as error:
        say(f"error: {error}")
        return next((code for kind, code in _EXIT_CODES.items() if isinstance(error, kind)), 1)
    return result if isinstance(result, int) else 0
