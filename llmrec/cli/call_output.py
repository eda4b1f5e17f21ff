"""Exchanges and their counts as a person wants to read them."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from llmrec.cli.terminal import visible
from llmrec.llm.call_stats import Group, LoggedExchange, Tally

_OUTCOMES = {
    "answered": "green",
    "incomplete": "yellow",
    "refused": "yellow",
    "failed": "red",
}
_SAID = 300


def print_exchange(
    console: Console, exchange: LoggedExchange, body: Mapping[str, Any], superseded: bool
) -> None:
    """Print an exchange: what it was for, what was asked, and what came back.

    Args:
        console: to print on.
        exchange: the line.
        body: of its request.
        superseded: whether a newer exchange of the same request counts.
    """
    console.print(
        Text.assemble(
            (visible(exchange.label) or "no label", "bold"),
            (f"  {visible(exchange.custom_id)}", "dim"),
            (f"  {exchange.outcome}", _OUTCOMES[exchange.outcome]),
            ("  superseded" if superseded else "", "dim"),
        )
    )
    where = f" at {visible(exchange.server)}" if exchange.server else ""
    console.print(Text(f"  {visible(exchange.model)}{where}, {_tokens(exchange)}", style="dim"))
    for message in body.get("messages") or ():
        _print_text(console, str(message.get("role")), message.get("content"))
    _print_text(console, "reply", _reply(exchange))
    console.print()


def print_tallies(console: Console, tallies: Mapping[Group, Tally], total: Tally) -> None:
    """Print counts of exchanges: of each group, and of all together."""
    for group, tally in tallies.items():
        names = (group.stage or "no label", group.model, group.server)
        _print_tally(console, "  ".join(visible(name) for name in names if name), tally)
    if len(tallies) != 1:
        _print_tally(console, "all", total)


def _print_tally(console: Console, title: str, tally: Tally) -> None:
    console.print(Text(title, style="bold"))
    counts = {
        "superseded": tally.superseded,
        "incomplete": tally.incomplete,
        "refused": tally.refused,
        "failed": tally.failed,
    }
    unusual = "".join(f", {number:,} {name}" for name, number in counts.items() if number)
    console.print(f"  {tally.exchanges:,} exchanges: {tally.newest:,} newest{unusual}")
    uncounted = f"; {tally.uncounted:,} answers not counted" if tally.uncounted else ""
    console.print(
        f"  {tally.input_tokens:,} tokens in, {tally.output_tokens:,} out, "
        f"counted by the server{uncounted}"
    )


def _tokens(exchange: LoggedExchange) -> str:
    usage = exchange.usage
    if usage is None:
        return "tokens not counted by the server"
    return f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"


def _reply(exchange: LoggedExchange) -> str:
    if exchange.reply.written:
        return exchange.reply.written
    said = json.dumps(exchange.reply.body, ensure_ascii=False)
    return f"{exchange.status}: {said[:_SAID]}"


def _print_text(console: Console, role: str, content: object) -> None:
    """Print a text with its lines, each of them harmless."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    console.print(Padding(Text(visible(role), style="cyan"), (0, 0, 0, 2), expand=False))
    for line in text.splitlines():
        console.print(Padding(Text(visible(line)), (0, 0, 0, 4), expand=False))
