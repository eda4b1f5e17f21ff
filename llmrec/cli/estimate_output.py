"""What calls would cost, as a person and as a program want to read it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from llmrec.cli.dry_run import PlannedCosts
from llmrec.cli.json_output import print_json
from llmrec.cli.money import dollars
from llmrec.cli.terminal import visible
from llmrec.llm.embed_call import EMBED_STAGE
from llmrec.llm.estimating import Estimate
from llmrec.opening import ServerChoice

_BASES = {"log": "mean of the call log", "table": "mean of a table", "none": "–"}

_ROWS: tuple[tuple[str, Callable[[Estimate], str]], ...] = (
    ("model", lambda one: visible(one.model)),
    ("requests", lambda one: f"{one.requests:,}"),
    ("  for vectors", lambda one: "–" if one.texts is None else f"{one.texts:,}"),
    ("tokens in", lambda one: f"{one.input_tokens:,}"),
    ("  messages", lambda one: f"{one.tokens.messages:,}"),
    ("  framing", lambda one: f"{one.tokens.framing:,}"),
    ("  schema, as sent", lambda one: f"{one.tokens.schema:,}"),
    ("tokens out", lambda one: f"{one.output_tokens:,}"),
    ("  which is the", lambda one: _BASES[one.basis]),
    ("cost", lambda one: _money(one.cost_usd)),
    ("  in batches", lambda one: _of_chat(one, one.batch_usd)),
    ("  prompts cached", lambda one: _of_chat(one, one.cached_usd)),
)


def print_planned(costs: PlannedCosts, as_json: bool, server: ServerChoice) -> None:
    """Print what calls would cost.

    Args:
        costs: of a command.
        as_json: for programs, else as a table.
        server: whose limits decide how long it takes.
    """
    rpm, tpm = server.requests_per_min, server.tokens_per_min
    if as_json:
        print_json(json.dumps(_to_dict(costs, rpm, tpm), ensure_ascii=False))
        return
    console = Console(highlight=False)
    for (stage, model), recorded in costs.recorded.items():
        what = "vectors" if stage == EMBED_STAGE else "answers"
        console.print(
            f"{visible(stage)}: {recorded:,} {what} of {visible(model)} are recorded: free"
        )
    if costs.estimates:
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
    if not costs.estimates:
        return ["nothing is left to call"]
    known, batched = _total(costs.estimates), _total(costs.estimates, "batch_usd")
    if known is None or batched is None:
        unknown = [one for one in costs.estimates if one.price is None]
        options = {
            "--price IN,OUT" if one.texts is None else "--embed-price USD" for one in unknown
        }
        return [f"the price of a model is not known: {' and '.join(sorted(options))} gives it"]
    in_batches = "" if batched == known else f", in batches {dollars(batched)}"
    lines = [f"all: {dollars(known)}{in_batches}"]
    later = _total(costs.later)
    if later:
        lines.append(f"with what replies lead to: up to {dollars(known + later)}")
    return lines


def _total(estimates: Sequence[Estimate], name: str = "cost_usd") -> float | None:
    amounts = [getattr(one, name) for one in estimates]
    return None if None in amounts else sum(amounts)


def _of_chat(one: Estimate, amount: float | None) -> str:
    return _money(amount) if one.texts is None else "–"


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
        "texts": one.texts,
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
