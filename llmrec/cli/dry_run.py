"""Running a command that asks a plan in place of a model, and what its calls would cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llmrec.cli.silence import silence
from llmrec.errors import RecordingMissing
from llmrec.llm.estimating import (
    Estimate,
    Past,
    estimate,
    estimate_embeddings,
    estimate_following,
    later_explanations,
)
from llmrec.llm.planning import Plan
from llmrec.llm.pricing import PriceOf
from llmrec.matching.embedding import EmbedderChoice

FOLLOW_UPS = "a reply that cannot be used is asked for again: at most two more calls each"


@dataclass(frozen=True, slots=True)
class PlannedCosts:
    """What the calls of a command would cost.

    Attributes:
        estimates: of what it would ask first, by stage and model.
        later: of what the replies would lead to, at most.
        recorded: number of answers and vectors that are there already, by stage and model.
        notes: what else there is to know.
    """

    estimates: Sequence[Estimate]
    later: Sequence[Estimate]
    recorded: Mapping[tuple[str, str], int]
    notes: Sequence[str]


def run_planned(command: Callable[..., int], arguments: Mapping[str, Any]) -> list[str]:
    """Run a command that only plans, throw away what it makes, and return what it lacks.

    What it misses at its end is what was planned, and vectors that nobody has made.
    """
    with TemporaryDirectory() as folder, silence():
        output = {"output": str(Path(folder) / "output")} if "output" in arguments else {}
        try:
            command(**{**arguments, **output})
        except RecordingMissing as error:
            return list(error.missing)
    return []


def planned_costs(
    plan: Plan,
    missing: Sequence[str],
    past: Mapping[tuple[str, str], Past],
    price_of: PriceOf,
    embed_price_of: PriceOf,
    arguments: Mapping[str, Any],
) -> PlannedCosts:
    """Return what the planned calls of a command would cost.

    Args:
        plan: what it asked.
        missing: what it lacked at its end.
        past: what its call log knows.
        price_of: tells prices of chat models.
        embed_price_of: tells those of embedding models.
        arguments: of the command.
    """
    requests = list(plan.requests.values())
    estimates = estimate(requests, past, price_of, plan.address)
    embeddings = estimate_embeddings(plan.embeddings, embed_price_of, plan.embed_address)
    notes = [FOLLOW_UPS] if requests else []
    later = estimate_following(requests, past, price_of, plan.address)
    if arguments.get("explain") == "model":
        later += [
            later_explanations(one, past, price_of(one.model, plan.address))
            for one in estimates
            if one.stage == "rerank"
        ]
    if arguments.get("rerank", True) or arguments.get("explain") == "model":
        notes += unmade_vectors(plan, missing)
    return PlannedCosts([*embeddings, *estimates], later, plan.recorded, notes)


def planned_index_costs(plan: Plan, embed_price_of: PriceOf, embedder: str) -> PlannedCosts:
    """Return what the planned calls for the vectors of an index would cost.

    Args:
        plan: what was asked for.
        embed_price_of: tells prices.
        embedder: its name.
    """
    notes = [] if EmbedderChoice(embedder).is_served else [f"{embedder} calls no server"]
    estimates = estimate_embeddings(plan.embeddings, embed_price_of, plan.embed_address)
    return PlannedCosts(estimates, [], plan.recorded, notes)


def unmade_vectors(plan: Plan, missing: Sequence[str]) -> list[str]:
    """Return a note on what could not be planned, because it rests on vectors to be made first."""
    planned = {request.label for request in plan.requests.values()}
    vectors = [text for text in missing if text not in planned]
    if not vectors:
        return []
    note = (
        f"lists that rest on vectors which are not made yet are not counted: {vectors[0]}; "
        "llmrec recommend without --rerank and --explain makes them"
    )
    return [note]
