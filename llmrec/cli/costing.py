"""Options of cost, gathered into what opens the models that a command calls."""

import functools
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import click

from llmrec.cli import cost_options, options
from llmrec.cli.spending import Spending
from llmrec.errors import SettingsError
from llmrec.llm.budget import Budget
from llmrec.llm.output_limit import limited_output, output_limit
from llmrec.llm.planning import Plan
from llmrec.llm.pricing import Price, price_list

log = logging.getLogger(__name__)

Command = Callable[..., int]

_OF_COSTS = (
    cost_options.dry_run,
    cost_options.max_cost,
    cost_options.max_output_tokens,
    cost_options.assume_output_tokens,
    options.price,
    cost_options.embed_price,
)

_OF_VECTORS = (cost_options.dry_run, cost_options.max_cost, cost_options.embed_price)


def costs(function: Command) -> Command:
    """Add the options that say what calls may cost; the command gets them as ``spending``.

    Under --dry-run, and where a plan is made for a batch, the very command is run with a plan in
    the place of the live model, and what it makes is thrown away. Stands next to the command, so
    that it is given what the other options were gathered into.
    """

    @functools.wraps(function)
    def command(*arguments: Any, **others: Any) -> int:
        spending = _spending(others)
        run = functools.partial(function, *arguments, spending=spending)
        if spending.plan is not None:
            _run_planned(run, spending, spending.plan, others)
            return 0
        try:
            return run(**others)
        finally:
            spending.say()

    for option in reversed(_OF_COSTS):
        command = option(command)
    return command


def embedding_costs(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what vectors may cost; the command gets them as ``spending``.

    For a command that asks no chat model, and itself does what there is to do under --dry-run.
    """

    @functools.wraps(function)
    def command(
        *arguments: Any,
        dry_run: bool,
        max_cost: float | None,
        embed_price: Price | None,
        **others: Any,
    ) -> None:
        spending = Spending(
            plan=Plan() if dry_run else None,
            budget=Budget(math.inf if max_cost is None else max_cost),
            embed_price_of=price_list(embed_price),
        )
        try:
            function(*arguments, spending=spending, **others)
        finally:
            spending.say()

    for option in reversed(_OF_VECTORS):
        command = option(command)
    return command


def _spending(others: dict[str, Any]) -> Spending:
    """Return what the options of costs say, take them out, and put their limit into the requests.

    A plan that the caller gave as click's object goes before one of --dry-run.
    """
    sampling = _limited(others["model"], others["sampling"], others.pop("max_output_tokens"))
    assumed, max_cost = others.pop("assume_output_tokens"), others.pop("max_cost")
    price = others.pop("price")
    others["sampling"] = sampling
    planning = others.pop("dry_run")
    given = click.get_current_context().find_object(Plan)
    return Spending(
        plan=Plan() if planning and given is None else given,
        budget=Budget(math.inf if max_cost is None else max_cost),
        price_of=price_list(price),
        embed_price_of=price_list(others.pop("embed_price")),
        output_tokens=limited_output(sampling) or assumed or 0,
    )


def _run_planned(run: Command, spending: Spending, plan: Plan, others: Mapping[str, Any]) -> None:
    """Run a command that only plans, and print what it would cost unless it is for a batch."""
    from llmrec.cli.dry_run import planned_costs, run_planned, unmade_vectors
    from llmrec.cli.estimate_output import print_planned
    from llmrec.cli.json_output import wants_json
    from llmrec.llm.estimating import past_of

    missing = run_planned(run, others)
    if click.get_current_context().find_object(Plan) is plan:
        for note in unmade_vectors(plan, missing):
            log.warning(note)
        return
    past = past_of(others["calls"]) if others["calls"] else {}
    costs = planned_costs(plan, missing, past, spending.price_of, spending.embed_price_of, others)
    print_planned(costs, wants_json(others["output_format"]), others["server"])


def _limited(
    model: str | None, sampling: Mapping[str, Any], max_tokens: int | None
) -> Mapping[str, Any]:
    """Return the sampling fields, with one that limits the reply."""
    if max_tokens is None:
        return sampling
    if limited_output(sampling) is not None:
        raise SettingsError("--max-output-tokens and --sampling both limit replies: leave one out")
    return {**sampling, **output_limit(model or "", max_tokens)}
