"""``llmrec doctor``: what works, in one screen."""

import json
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmrec.cli import options
from llmrec.cli.json_output import print_json, wants_json
from llmrec.cli.server_options import embeds
from llmrec.cli.terminal import visible
from llmrec.doctor.check import Check
from llmrec.doctor.examining import Examined, examine
from llmrec.matching.embedding import EmbedderChoice
from llmrec.opening import ServerChoice
from llmrec.waiting import wait_for

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}


@click.command("doctor")
@options.model
@options.calls
@options.embedder
@options.query_prefix
@options.passage_prefix
@embeds
@options.vectors
@options.output_format
@options.says_on_stderr
def command(
    model: str | None,
    calls: str | None,
    embedder: str,
    query_prefix: str,
    passage_prefix: str,
    server: ServerChoice,
    embed_server: ServerChoice,
    vectors: str | None,
    output_format: str | None,
) -> int:
    """Say what works with these settings, and what to do where something does not.

    Where a server is named it is called, for a few tokens. Exit code 1: something failed.
    """
    checks = wait_for(
        examine(
            Examined(
                server=server,
                embedder=EmbedderChoice(embedder, query_prefix, passage_prefix),
                embed_server=embed_server,
                model=model,
                calls=calls,
                vectors=vectors,
            )
        )
    )
    if wants_json(output_format):
        found = {"checks": [check.to_dict() for check in checks]}
        print_json(json.dumps(found, ensure_ascii=False))
    else:
        _print(checks)
    return int(any(check.status == "failed" for check in checks))


def _print(checks: Sequence[Check]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        advice = f"\n> {visible(check.advice)}" if check.advice else ""
        table.add_row(
            Text(check.status, style=_COLOURS[check.status]),
            Text(check.name, style="bold"),
            Text.assemble(visible(check.found), (advice, "dim")),
        )
    Console(highlight=False).print(table)
