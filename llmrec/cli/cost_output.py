"""Money and tokens as a person wants to read them."""

import statistics

from rich.console import Console
from rich.text import Text

from llmrec.cli.money import dollars
from llmrec.cli.terminal import visible
from llmrec.llm.call_costs import Cost, Costs
from llmrec.llm.embed_call import EMBED_STAGE


def print_costs(console: Console, costs: Costs) -> None:
    """Print what a call log cost: each group, all together, and a user on average."""
    for group, cost in costs.groups.items():
        _print_cost(console, "  ".join(visible(name) for name in group if name), cost)
    total = costs.total
    if len(costs.groups) != 1:
        _print_cost(console, "all", total)
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


def _print_cost(console: Console, title: str, cost: Cost) -> None:
    console.print(Text(title, style="bold"))
    console.print(
        f"  {cost.calls:,} calls: {cost.input_tokens:,} tokens in ({cost.cached_tokens:,} cached), "
        f"{cost.output_tokens:,} out"
    )
    wasted = f", {dollars(cost.wasted_usd)} of it wasted" if cost.wasted_usd else ""
    known = cost.unpriced < cost.calls
    console.print(f"  {dollars(cost.cost_usd)}{wasted}" if known else "  price unknown")
