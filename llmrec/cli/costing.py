"""Options of cost, gathered into what opens the models that a command calls."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import click

from llmrec.cli import cost_options, options
from llmrec.cli.dry_run import planned_costs, run_planned
from llmrec.cli.estimate_output import print_planned
from llmrec.cli.output import wants_json
from llmrec.cli.spending import Spending
from llmrec.errors import SettingsError
from llmrec.llm.budget import Budget
from llmrec.llm.estimating import past_of
from llmrec.llm.output_limit import limited_output, output_limit
from llmrec.llm.planning import Plan
from llmrec.llm.pricing import Price, price_list

Command = Callable[..., int]

_OF_COSTS = (
    cost_options.dry_run,
    cost_options.max_cost,
    cost_options.max_output_tokens,
    cost_options.assume_output_tokens,
    options.price,
    cost_options.embed_price,
)


def costs(function: Command) -> Command:
    """Add the options that say what calls may cost; the command gets them as ``spending``.

    Under --dry-run, and where a plan is made for a batch, the very command is run with a plan in
    the place of the live model, and what it makes is thrown away. Stands next to the command, so
    that it is given what the other options were gathered into.
    """

    @functools.wraps(function)
    def command(
        *arguments: Any,
        dry_run: bool,
        max_cost: float | None,
        max_output_tokens: int | None,
        assume_output_tokens: int | None,
        price: Price | None,
        embed_price: float | None,
        **others: Any,
    ) -> int:
        others["sampling"] = _limited(others["model"], others["sampling"], max_output_tokens)
        bound = limited_output(others["sampling"]) or assume_output_tokens
        embedding = None if embed_price is None else Price("given", embed_price, 0, embed_price)
        given = click.get_current_context().find_object(Plan)
        spending = Spending(
            plan=Plan() if given is None and dry_run else given,
            budget=Budget(math.inf if max_cost is None else max_cost),
            price_of=price_list(price),
            embed_price_of=price_list(embedding),
            output_tokens=bound or 0,
        )
        run = functools.partial(function, *arguments, spending=spending)
        if spending.plan is None:
            try:
                return run(**others)
            finally:
                spending.say()
        missing = run_planned(run, others)
        if given is None:
            past = past_of(others["calls"]) if others["calls"] else {}
            costs = planned_costs(spending.plan, missing, past, spending.price_of, others)
            server = others["server"]
            as_json = wants_json(others["output_format"])
            print_planned(costs, as_json, server.requests_per_min, server.tokens_per_min)
        return 0

    for option in reversed(_OF_COSTS):
        command = option(command)
    return command


def _limited(
    model: str | None, sampling: Mapping[str, Any], max_tokens: int | None
) -> Mapping[str, Any]:
    """Return the sampling fields, with one that limits the reply."""
    if max_tokens is None:
        return sampling
    if limited_output(sampling) is not None:
        raise SettingsError("--max-output-tokens and --sampling both limit replies: leave one out")
    return {**sampling, **output_limit(model or "", max_tokens)}
