"""``llmrec extract``: reviews in, profiles out."""

import asyncio
import json
import logging
from collections.abc import Collection, Iterator, Mapping
from operator import length_hint
from typing import IO, Any

import click

from llmrec.cli import options
from llmrec.cli.costing import costs
from llmrec.cli.interrupts import stop_on_interrupt
from llmrec.cli.json_output import print_json, wants_json
from llmrec.cli.progress import Progress
from llmrec.cli.server_options import calls_a_server
from llmrec.cli.spending import Spending
from llmrec.errors import ChatError, InputError, SettingsError
from llmrec.llm.openai_client import Server
from llmrec.llm.prompts import load_prompt
from llmrec.opening import ServerChoice
from llmrec.profiling.extraction import PLACEHOLDERS, PROMPT_NAME, Extractor
from llmrec.profiling.run import ExtractionRun
from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.reading import read_items
from llmrec.records.replacing import replaced
from llmrec.records.splits import Split, read_split

log = logging.getLogger(__name__)


@click.command("extract")
@click.argument("reviews")
@options.items
@click.option("-o", "--output", required=True, metavar="PROFILES", help="Where the profiles go.")
@options.calls
@options.replay
@options.fresh
@options.model
@calls_a_server
@options.concurrency
@options.sampling
@options.split
@options.user
@options.rating_max
@options.prompts
@options.column
@options.item_column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
@costs
def command(
    reviews: str,
    items: str | None,
    output: str,
    calls: str | None,
    replay: bool,
    fresh: bool,
    model: str | None,
    server: ServerChoice,
    concurrency: int,
    sampling: Mapping[str, Any],
    split: str | None,
    user: str | None,
    rating_max: float,
    prompts: str | None,
    columns: dict[str, str],
    item_columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
    spending: Spending,
) -> int:
    """Make an interest profile of every user in REVIEWS: JSONL or CSV, plain or .gz, - for stdin.

    The call log is recording, cache and receipt: what is in it is not asked again.
    """
    if calls is None or model is None:
        raise SettingsError(
            "extract needs --calls LOG, where the calls are recorded, and --model NAME"
        )
    mode = options.mode(replay, fresh)
    opened = spending.open_server(server, mode)
    histories, wanted = _wanted(split, user)
    run = ExtractionRun(
        Extractor(
            chat=spending.open_chat(calls, mode, opened, model),
            model=model,
            prompt=load_prompt(PROMPT_NAME, PLACEHOLDERS, prompts),
            titles=_titles(items, item_columns, skip_bad_rows),
            rating_max=rating_max,
            sampling=sampling,
        ),
        histories,
        concurrency,
        None if opened is None else opened.limiter.stop,
    )
    users = read_users(
        reviews,
        users=wanted,
        columns=columns,
        rating_max=rating_max,
        skip_bad_rows=skip_bad_rows,
    )
    if user is not None and not length_hint(users):
        raise InputError(f"--user: no review of {user!r}", path=reviews)
    with replaced(output) as file, Progress(run, length_hint(users), spending.budget) as progress:
        asyncio.run(_write(file, run, users, opened, progress))
    _say(run, wants_json(output_format))
    if run.untitled:
        log.warning(
            "%s: %s reviews are about items that are not there, so a model sees no title of them",
            items,
            f"{run.untitled:,}",
        )
    return 1 if run.failed else 0


def _wanted(path: str | None, user: str | None) -> tuple[Split | None, Collection[str] | None]:
    """Return which reviews profiles may see, and for whom they are made; None for all."""
    if path is None:
        return None, None if user is None else {user}
    split = read_split(path) if user is None else read_split(path).of(user)
    return split, split.lines


def _titles(items: str | None, columns: dict[str, str], skip_bad_rows: bool) -> dict[str, str]:
    if items is None:
        return {}
    catalogue = read_items(items, columns=columns, skip_bad_rows=skip_bad_rows)
    return {item.item_id: item.title for item in catalogue}


async def _write(
    file: IO[bytes],
    run: ExtractionRun,
    users: Iterator[UserReviews],
    server: Server | None,
    progress: Progress,
) -> None:
    """Write the profiles; after Ctrl-C calls under way are finished, and nothing is written."""
    stop_on_interrupt(run.stop)
    try:
        async with progress.kept_up():
            async for profile in run.profiles(users):
                file.write(profile.to_json().encode("utf-8") + b"\n")
                progress.update()
    except ChatError:
        _say(run, as_json=False)
        raise
    finally:
        if server is not None:
            await server.aclose()
    if run.stopped:
        _say(run, as_json=False)
        raise KeyboardInterrupt


def _say(run: ExtractionRun, as_json: bool) -> None:
    meter = run.extractor.meter
    usage = meter.usage
    calls = meter.replies - meter.replayed
    if as_json:
        summary = {
            "users": run.users,
            "profiles": run.made,
            "calls": calls,
            "replayed": meter.replayed,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "tokens_estimated": usage.estimated,
            "dropped": dict(sorted(run.dropped.items())),
            "failed": run.failed,
        }
        print_json(json.dumps(summary, ensure_ascii=False))
        return
    about = "about " if usage.estimated else ""
    click.echo(
        f"{run.users} users: {run.made} profiles, {len(run.failed)} failed; {calls} calls, "
        f"{meter.replayed} replayed; {about}{usage.input_tokens:,} tokens in, "
        f"{usage.output_tokens:,} out",
        err=True,
    )
    for reason, number in sorted(run.dropped.items()):
        click.echo(f"dropped: {reason}: {number} interests", err=True)
