"""``llmrec calls``: looking into call logs, and keeping of them what is needed."""

import json
import shlex
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

import click
from rich.console import Console

from llmrec.cli import cost_options, flags_of, llmrec, options
from llmrec.cli.call_output import print_exchange, print_tallies
from llmrec.cli.cost_output import print_costs
from llmrec.cli.json_output import print_json, wants_json
from llmrec.cli.silence import silence
from llmrec.errors import InputError, SettingsError
from llmrec.llm.call_costs import cost_of_calls
from llmrec.llm.call_files import Rewritten, compact_calls, merge_calls, prune_calls, sort_calls
from llmrec.llm.call_lines import logged_lines
from llmrec.llm.call_stats import LoggedExchange, Tally, count_calls
from llmrec.llm.calls import looked_up
from llmrec.llm.pricing import Price, price_list

_output = click.option(
    "-o", "--output", required=True, metavar="OUT", help="Where the lines go; LOG itself will do."
)


@click.group("calls")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look into call logs, and keep of them what is needed."""
    ctx.default_map = dict.fromkeys(command.commands, ctx.default_map)


@command.command("show")
@click.argument("log")
@click.option("--label", metavar="PATTERN", help="Those labelled so, such as 'extract_profile/*'.")
@click.option("--id", "custom_id", metavar="CUSTOM_ID", help="Those of this request.")
@options.output_format
@options.says_on_stderr
def show(log: str, label: str | None, custom_id: str | None, output_format: str | None) -> None:
    """Show exchanges as a person wants to read them.

    All of LOG, oldest first; with --format json the lines themselves.
    """
    found = False
    as_json = wants_json(output_format)
    console = Console(highlight=False)
    newest = {} if as_json else {line.custom_id: line.offset for line in logged_lines(log)}
    for line in logged_lines(log):
        exchange = LoggedExchange.of(line.exchange)
        if label is not None and not fnmatchcase(exchange.label, label):
            continue
        if custom_id is not None and exchange.custom_id != custom_id:
            continue
        found = True
        if as_json:
            click.echo(line.raw.rstrip(b"\r\n"))
        else:
            superseded = newest[line.custom_id] != line.offset
            print_exchange(console, exchange, line.exchange["body"], superseded)
    if not found and (label or custom_id):
        raise InputError(f"no exchange has {_wanted(label, custom_id)}", path=log)


@command.command("stats")
@click.argument("log")
@options.output_format
@options.says_on_stderr
def stats(log: str, output_format: str | None) -> None:
    """Count exchanges and tokens.

    By stage (the label's part before the first /), model and server of LOG's exchanges.
    """
    tallies = count_calls(log)
    total = sum(tallies.values(), Tally())
    if wants_json(output_format):
        groups = [{**group._asdict(), **tally.to_dict()} for group, tally in tallies.items()]
        print_json(json.dumps({"total": total.to_dict(), "groups": groups}, ensure_ascii=False))
    else:
        print_tallies(Console(highlight=False), tallies, total)


@command.command("cost")
@click.argument("log")
@options.price
@cost_options.embed_price
@options.output_format
@options.says_on_stderr
def cost(
    log: str, price: Price | None, embed_price: Price | None, output_format: str | None
) -> None:
    """Add up what exchanges cost.

    By stage, model and day of LOG's exchanges, and by user; superseded and useless replies, which
    were paid for too, stand apart as wasted. A price that is not known adds no money.
    """
    costs = cost_of_calls(log, price_list(price), price_list(embed_price))
    if wants_json(output_format):
        print_json(json.dumps(costs.to_dict(), ensure_ascii=False))
    else:
        print_costs(Console(highlight=False), costs)


@command.command("sort")
@click.argument("log")
@_output
@options.says_on_stderr
def sort(log: str, output: str) -> None:
    """Put lines in the order of their labels.

    Lines of LOG with one label are in the order of their ids; of several exchanges of one request
    the newest stays the newest.
    """
    _say(output, sort_calls(log, output))


@command.command("merge")
@click.argument("logs", nargs=-1, required=True)
@_output
@options.says_on_stderr
def merge(logs: tuple[str, ...], output: str) -> None:
    """Make one log of several.

    The LOGS' lines follow each other, so that the last log given counts as the newest; of lines
    that are the same only the last stays.
    """
    _say(output, merge_calls(logs, output))


@command.command("prune")
@click.argument("log")
@click.option("-o", "--output", metavar="OUT", help="Where the lines go, instead of LOG itself.")
@click.option(
    "--used-by", "lines", required=True, multiple=True, metavar="COMMAND",
    help="Keep what this command asks for, such as 'extract REVIEWS --model NAME'; repeatable.",
)  # fmt: skip
@options.says_on_stderr
def prune(log: str, output: str | None, lines: tuple[str, ...]) -> None:
    """Keep only what some commands ask for.

    Each command is run under --replay on LOG, and what it makes is thrown away. The newest
    exchange of each request that it asks for stays, refusals and follow-ups included; so does
    what a run adds meanwhile.
    """
    since = _size(log)
    kept: set[str] = set()
    for line in lines:
        kept |= _asked_for(line, log)
    _say(output or log, prune_calls(log, kept, output or log, since=since))


@command.command("compact")
@click.argument("log")
@click.option("-o", "--output", metavar="OUT", help="Where the lines go, instead of LOG itself.")
@options.says_on_stderr
def compact(log: str, output: str | None) -> None:
    """Keep only the newest exchange of each request.

    It is all that LOG is replayed or resumed from; the cost of older exchanges is forgotten.
    """
    before = _size(log)
    target = output or log
    _say(target, compact_calls(log, target))
    click.echo(f"{before:,} bytes before, {_size(target):,} after", err=True)


def _asked_for(line: str, log: str) -> set[str]:
    """Replay a command and return the ids of the requests that it looked up in the log.

    Raises:
        SettingsError: it uses no call log, or cannot be replayed, or uses nothing of this one.
    """
    click.echo(f"replaying: llmrec {line}", err=True)
    with tempfile.TemporaryDirectory() as folder:
        arguments = _replaying(line, log, Path(folder) / "output")
        with silence(), looked_up() as ids:
            llmrec.main(arguments, prog_name="llmrec", standalone_mode=False)
    if not ids:
        raise SettingsError(f"llmrec {line}: asks for nothing: nothing was pruned")
    return ids


def _replaying(line: str, log: str, output: Path) -> list[str]:
    """Return a command's arguments, made to replay the log; the last of an option counts."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise SettingsError(f"--used-by: {error} in {line!r}") from None
    name = words[0] if words else ""
    flags = flags_of(name)
    if not {"--calls", "--replay", "--model"} <= flags:
        raise SettingsError(f"--used-by: expected a command that uses a call log, came {line!r}")
    written_to = ["-o", str(output)] if "-o" in flags else []
    return [*words, "--calls", log, "--replay", *written_to]


def _wanted(label: str | None, custom_id: str | None) -> str:
    wanted = {"label": label, "id": custom_id}
    return " and ".join(f"the {name} {value!r}" for name, value in wanted.items() if value)


def _size(log: str) -> int:
    try:
        return Path(log).stat().st_size
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=log) from None


def _say(output: str, rewritten: Rewritten) -> None:
    click.echo(f"{output}: {rewritten.kept} lines kept, {rewritten.dropped} dropped", err=True)
