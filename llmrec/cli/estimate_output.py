"""What calls would cost, as a person and as a program want to read it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from llmrec.cli.cost_output import dollars
from llmrec.cli.dry_run import PlannedCosts
from llmrec.cli.output import print_json
from llmrec.cli.terminal import visible
from llmrec.llm.estimating import Estimate

_BASES = {"log": "mean of the call log", "table": "mean of a table"}

_ROWS: tuple[tuple[str, Callable[[Estimate], str]], ...] = (
    ("model", lambda one: visible(one.model)),
    ("requests", lambda one: f"{one.requests:,}"),
    ("tokens in", lambda one: f"{one.input_tokens:,}"),
    ("  messages", lambda one: f"{one.tokens.messages:,}"),
    ("  framing", lambda one: f"{one.tokens.framing:,}"),
    ("  schema, as sent", lambda one: f"{one.tokens.schema:,}"),
    ("tokens out", lambda one: f"{one.output_tokens:,}"),
    ("  which is the", lambda one: _BASES[one.basis]),
    ("cost", lambda one: _money(one.cost_usd)),
    ("  in batches", lambda one: _money(one.batch_usd)),
    ("  prompts cached", lambda one: _money(one.cached_usd)),
)


def print_planned(costs: PlannedCosts, as_json: bool, rpm: float | None, tpm: float | None) -> None:
    """Print what calls would cost.

    Args:
        costs: of a command.
        as_json: for programs, else as a table.
        rpm: requests per minute that are allowed; None for no limit.
        tpm: tokens per minute, likewise.
    """
    if as_json:
        print_json(json.dumps(_to_dict(costs, rpm, tpm), ensure_ascii=False))
        return
    console = Console(highlight=False)
    for (stage, model), recorded in costs.recorded.items():
        console.print(
            f"{visible(stage)}: {recorded:,} answers of {visible(model)} are recorded: free"
        )
    if not costs.estimates:
        console.print("nothing is left to call")
        return
    console.print(_table(costs, rpm, tpm))
    for line in (*_totals(costs), *costs.notes):
        console.print(visible(line))


def _table(costs: PlannedCosts, rpm: float | None, tpm: float | None) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for one in costs.estimates:
        table.add_column(visible(one.stage), justify="right")
    for one in costs.later:
        table.add_column(f"{visible(one.stage)}, later, at most", justify="right")
    columns = (*costs.estimates, *costs.later)
    for heading, cell in _ROWS:
        table.add_row(heading, *map(cell, columns))
    if rpm or tpm:
        table.add_row("minutes", *(f"{one.minutes(rpm, tpm):,.1f}" for one in columns))
    return table


def _totals(costs: PlannedCosts) -> list[str]:
    known, batched = _total(costs.estimates), _total(costs.estimates, "batch_usd")
    if known is None or batched is None:
        return ["the price of a model is not known: --price IN,OUT gives it"]
    lines = [f"all: {dollars(known)}, in batches {dollars(batched)}"]
    later = _total(costs.later)
    if later:
        lines.append(f"with what replies lead to: up to {dollars(known + later)}")
    return lines


def _total(estimates: Sequence[Estimate], name: str = "cost_usd") -> float | None:
    amounts = [getattr(one, name) for one in estimates]
    return None if None in amounts else sum(amounts)


def _money(amount: float | None) -> str:
    return "unknown" if amount is None else dollars(amount)


def _to_dict(costs: PlannedCosts, rpm: float | None, tpm: float | None) -> dict[str, Any]:
    """Return all by name; amounts of an unknown price are null."""
    return {
        "recorded": [
            {"stage": stage, "model": model, "answers": number}
            for (stage, model), number in costs.recorded.items()
        ],
        "stages": [_row(one, rpm, tpm) for one in costs.estimates],
        "later_at_most": [_row(one, rpm, tpm) for one in costs.later],
        "cost_usd": _total(costs.estimates),
        "with_later_usd": _total((*costs.estimates, *costs.later)),
        "batch_usd": _total(costs.estimates, "batch_usd"),
        "notes": list(costs.notes),
    }


def _row(one: Estimate, rpm: float | None, tpm: float | None) -> dict[str, Any]:
    return {
        "stage": one.stage,
        "model": one.model,
        "requests": one.requests,
        "messages_tokens": one.tokens.messages,
        "framing_tokens": one.tokens.framing,
        "schema_tokens": one.tokens.schema,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "output_basis": one.basis,
        "cost_usd": one.cost_usd,
        "batch_usd": one.batch_usd,
        "cached_usd": one.cached_usd,
        "minutes": one.minutes(rpm, tpm),
    }
