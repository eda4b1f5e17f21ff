"""What the commands that make lists share: for whom these are, which bank, and how they look."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmrec.async_lists import AsyncLists
from llmrec.cli.interrupts import stop_on_interrupt
from llmrec.cli.json_output import print_json, wants_json
from llmrec.cli.progress import Progress
from llmrec.errors import InputError
from llmrec.llm.budget import Budget
from llmrec.llm.chat import Usage
from llmrec.llm.embedder import Embedder
from llmrec.llm.planned_embedder import PlannedEmbedder
from llmrec.matching.bank_choice import BankInUse, BankName
from llmrec.matching.profile_match import MatchingName
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation, Repairs
from llmrec.reranking.run import ListRun

if TYPE_CHECKING:
    from llmrec.llm.openai_client import Server
    from llmrec.matching.fused_match import FusedMatch
    from llmrec.records.splits import Split

log = logging.getLogger(__name__)


def wanted_profiles(
    run: Sequence[InterestProfile], user: str | None, split: "Split | None"
) -> list[InterestProfile]:
    """Return the profiles that lists are made for; the others may still be in the bank."""
    wanted = [p for p in run if split is None or p.user_id in split.lines]
    if len(wanted) < len(run):
        log.info("%d users are not in the split, left out", len(run) - len(wanted))
    if user is None:
        return wanted
    one = [profile for profile in wanted if profile.user_id == user]
    if not one:
        raise InputError(f"--user: no profile of {user!r} among {len(wanted)}")
    return one


async def bank_of_run(
    recommender: AsyncLists,
    name: BankName,
    matching: MatchingName,
    run: Sequence[InterestProfile] = (),
) -> BankName | BankInUse:
    """Return the bank chosen once for all lists, and say of how many items it knows nothing."""
    if matching == "cosine":
        return name
    chosen = await recommender.abank(name, run, matching=matching)
    if chosen.n_flat:
        log.warning("%d items are equally near to the whole bank: z = 0", chosen.n_flat)
    return chosen


def plan_interests(embedder: Embedder, wanted: Sequence[InterestProfile], together: int) -> None:
    """Have the vectors planned that lists rest on, also of lists that cannot be planned themselves.

    Args:
        embedder: nothing is done where it calls, or computes, what it lacks.
        wanted: the profiles that lists are made for.
        together: number of users whose interests are embedded in one go.
    """
    if isinstance(embedder, PlannedEmbedder):
        for start in range(0, len(wanted), together):
            users = wanted[start : start + together]
            embedder.plan([one.query for user in users for one in user.interests], "query")


def list_printer(
    output_format: str | None,
    profiles: Sequence[InterestProfile] = (),
    titles: Mapping[str, str] | None = None,
) -> Callable[[Recommendation], None]:
    """Return what prints a list: as a line of JSON, or as a table.

    Args:
        output_format: ``json``, ``table`` or None; see ``wants_json``.
        profiles: of the users, whose words explanations quote.
        titles: by id, of the items that those words are about.
    """
    if wants_json(output_format):
        return lambda listed: print_json(listed.to_json())
    from rich.console import Console

    from llmrec.cli.output import origins_of, print_recommendation

    console = Console(highlight=False)
    origins = {profile.user_id: origins_of(profile, titles or {}) for profile in profiles}
    return lambda listed: print_recommendation(console, listed, origins.get(listed.user_id or ""))


def print_lists(
    making: Coroutine[Any, Any, ListRun],
    profiles: Sequence[InterestProfile],
    output_format: str | None,
    servers: "Sequence[Server | None]",
    concurrency: int,
    budget: Budget,
    titles: Mapping[str, str] | None = None,
) -> int:
    """Print the list of each user as it comes, say what was called, and return the exit code.

    After Ctrl-C the calls under way are finished, and their lists still printed.

    Args:
        making: opens the run that makes the lists.
        profiles: of the users.
        output_format: as for ``list_printer``.
        servers: that are called.
        concurrency: number of users whose lists are made at once.
        budget: that calls are paid from.
        titles: as for ``list_printer``.
    """
    show = list_printer(output_format, profiles, titles)
    called = [server for server in servers if server is not None]
    return asyncio.run(_print_lists(making, profiles, show, called, concurrency, budget))


def say_refused(refused: Mapping[str, int]) -> None:
    """Say how many explanations of a model were not used, by reason."""
    for reason, number in sorted(refused.items()):
        log.info("refused: %s: %d explanations", reason, number)


def say_lacking(fused: "FusedMatch | None", n_users: int) -> None:
    """Say how many users are scored without a part, as it knows nothing of them."""
    if fused is not None and fused.lacking:
        parts = ", ".join(f"{part} ({number})" for part, number in sorted(fused.lacking.items()))
        log.info(
            "of %d users some are scored without the parts that know nothing of them: %s",
            n_users,
            parts,
        )


async def _print_lists(
    making: Coroutine[Any, Any, ListRun],
    profiles: Sequence[InterestProfile],
    show: Callable[[Recommendation], None],
    servers: "Sequence[Server]",
    concurrency: int,
    budget: Budget,
) -> int:
    def end_waits() -> None:
        for server in servers:
            server.limiter.stop()

    try:
        run = await making
        run.concurrency, run.on_stop = concurrency, end_waits
        stop_on_interrupt(run.stop)
        try:
            await _show_lists(run, profiles, show, budget)
        finally:
            _say(run)
    finally:
        for server in servers:
            await server.aclose()
    if run.stopped:
        raise KeyboardInterrupt
    return 1 if run.failed else 0


async def _show_lists(
    run: ListRun,
    profiles: Sequence[InterestProfile],
    show: Callable[[Recommendation], None],
    budget: Budget,
) -> None:
    """Show the lists as they come, and meanwhile how far it is, where a chat model is asked."""
    if not run.meters:
        async for listed in run.lists(profiles):
            show(listed)
        return
    with Progress(run, len(profiles), budget, prints=True) as progress:
        async with progress.kept_up():
            async for listed in run.lists(profiles):
                show(listed)
                progress.update()


def _say(run: ListRun) -> None:
    if not run.meters:
        return
    usage = sum((meter.usage for meter in run.meters), Usage())
    replayed = sum(meter.replayed for meter in run.meters)
    if run.explanations:
        log.info(
            "%d explanations by the model, %d composed",
            run.explanations["model"],
            run.explanations["composed"],
        )
    log.info(
        "%d lists: %s%d failed; %d calls, %d replayed; %s%s tokens in, %s out",
        run.made,
        "" if run.reranked is None else f"{run.reranked} reranked, ",
        len(run.failed),
        sum(meter.replies for meter in run.meters) - replayed,
        replayed,
        "about " if usage.estimated else "",
        f"{usage.input_tokens:,}",
        f"{usage.output_tokens:,}",
    )
    repairs = run.repairs
    if repairs != Repairs():
        log.info(
            "repaired: %d unknown ids and %d repeated ones dropped, %d missing ones put last",
            repairs.unknown,
            repairs.repeated,
            repairs.missing,
        )
