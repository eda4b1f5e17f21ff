"""An evaluation as a person reads it, and in one JSON object without the values of each user."""

from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmrec.cli.terminal import visible
from llmrec.evaluation.claims import claim_line, estimate, short
from llmrec.evaluation.comparing import Compared
from llmrec.evaluation.results import Claim, Result, SystemResult, Warned

_NAMED_USERS = 3


def summary(result: Result) -> dict[str, Any]:
    """Return what stands in the table, for programs; RESULT.json has the values of each user."""
    return {
        "comparable": result.comparable,
        "users": len(result.users),
        "items": result.n_items,
        "warnings": [
            {"kind": one.kind, "what": one.what, "users": len(one.users)} for one in result.warnings
        ],
        "systems": [
            {
                "name": system.name,
                "kind": system.kind,
                "missing": len(system.missing),
                "scores": {
                    metric: {"mean": score.mean, "interval": [score.low, score.high]}
                    for metric, score in system.scores.items()
                },
            }
            for system in result.systems
        ],
        "best_without_llm": result.baseline,
        "claims": [{"claim": claim_line(claim), **claim_json(claim)} for claim in result.claims],
    }


def claim_json(claim: Claim) -> dict[str, Any]:
    """Return the numbers of a claim."""
    return {
        "system": claim.system,
        "baseline": claim.baseline,
        "metric": claim.metric,
        "difference": claim.difference,
        "interval": [claim.low, claim.high],
        "p": claim.p,
        "n": claim.n,
        "verdict": claim.verdict,
        "detectable": claim.detectable,
        "warning": claim.warning,
    }


def print_result(result: Result) -> None:
    """Print warnings, the table, and the claims below it."""
    console = Console(highlight=False)
    for warned in result.warnings:
        console.print(f"warning: {visible(_said(warned))}", style="yellow", markup=False)
    console.print(_table(result))
    if result.baseline is not None:
        click.echo("* the best without an LLM")
    if any(system.scores[result.metrics[0]].warning for system in result.systems):
        click.echo("! few users differ: the true mean may lie outside more often than 5 in 100")
    for claim in result.claims:
        click.echo(visible(claim_line(claim)))
        _print_reach(claim)


def print_compared(compared: Compared) -> None:
    """Print a line for each system, and who was left out."""
    alone = f"{compared.only_first} only in A, {compared.only_second} only in B, left out"
    click.echo(f"users in both: {compared.users} ({alone})")
    for claim in compared.claims:
        click.echo(visible(f"{claim.system}: {claim.metric}, B − A = {estimate(claim)}"))
        _print_reach(claim)
    if compared.same:
        click.echo(visible(f"the same for every user: {', '.join(compared.same)}"))


def _print_reach(claim: Claim) -> None:
    if claim.verdict == "not distinguishable":
        click.echo(f"  (so many users would have shown a difference of {short(claim.detectable)})")
    if claim.warning is not None:
        click.echo(f"  ({claim.warning})")


def _said(warned: Warned) -> str:
    if not warned.users:
        return warned.what
    named = ", ".join(map(repr, warned.users[:_NAMED_USERS]))
    more = len(warned.users) - _NAMED_USERS
    return f"{warned.what} ({named}{f' and {more} more' if more > 0 else ''})"


def _table(result: Result) -> Table:
    main, *others = result.metrics
    note = "" if result.comparable else ", NOT COMPARABLE"
    table = Table(
        box=None,
        padding=(0, 2, 0, 0),
        title=f"{len(result.users)} users, {result.n_items} items{note}",
        title_justify="left",
    )
    table.add_column("system", overflow="fold")
    for heading in (main, "95 %", *others, "without a list"):
        table.add_column(heading, justify="right")
    for system in result.systems:
        best = system.name == result.baseline
        table.add_row(*_cells(system, main, others, best), style="bold" if best else None)
    return table


def _cells(system: SystemResult, main: str, others: list[str], best: bool) -> list[Text]:
    score = system.scores[main]
    interval = f"[{short(score.low)}, {short(score.high)}]{'' if score.warning is None else '!'}"
    name = f"{visible(system.name)}{' *' if best else ''}"
    means = [short(system.scores[metric].mean) for metric in others]
    missing = str(len(system.missing) or "")
    return [Text(cell) for cell in (name, short(score.mean), interval, *means, missing)]
