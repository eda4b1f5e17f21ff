"""Money and tokens as a person wants to read them."""

import statistics

from rich.console import Console
from rich.table import Table

from llmrec.cli.money import dollars
from llmrec.cli.terminal import visible
from llmrec.llm.call_costs import Cost, Costs
from llmrec.llm.embed_call import EMBED_STAGE


def print_costs(console: Console, costs: Costs) -> None:
    """Print what a call log cost: each group, all together, and a user on average."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("stage", "model", "day"):
        table.add_column(heading, overflow="fold", min_width=10)
    for heading in ("calls", "tokens in", "cached", "tokens out", "cost", "wasted"):
        table.add_column(heading, justify="right")
    for group, cost in costs.groups.items():
        table.add_row(*(visible(name) or "–" for name in group), *_cells(cost))
    total = costs.total
    if len(costs.groups) != 1:
        table.add_row("all", "", "", *_cells(total))
    console.print(table)
    if costs.users and not total.unpriced:
        of_users = [cost.cost_usd for cost in costs.users.values()]
        console.print(
            f"{len(of_users):,} users: {dollars(statistics.fmean(of_users))} each on average, "
            f"{dollars(max(of_users))} at most"
        )
    if total.unpriced:
        stages = {group.stage for group, cost in costs.groups.items() if cost.unpriced}
        given = ["--price IN,OUT"] if stages != {EMBED_STAGE} else []
        given += ["--embed-price USD"] if EMBED_STAGE in stages else []
        console.print(
            f"{total.unpriced:,} calls without a known price: {' and '.join(given)} gives it"
        )
    if total.uncounted:
        console.print(f"{total.uncounted:,} calls counted here (o200k_base), not by their server")


def _cells(cost: Cost) -> tuple[str, ...]:
    priced = cost.unpriced < cost.calls
    return (
        f"{cost.calls:,}",
        f"{cost.input_tokens:,}",
        f"{cost.cached_tokens:,}",
        f"{cost.output_tokens:,}",
        dollars(cost.cost_usd) if priced else "unknown",
        dollars(cost.wasted_usd) if priced else "unknown",
    )
