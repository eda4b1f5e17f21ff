"""``llmrec extract``: reviews in, profiles out."""

import asyncio
import json
from typing import IO

import click

from llmrec.cli import options
from llmrec.cli.output import wants_json
from llmrec.errors import SettingsError
from llmrec.llm.prompts import load_prompt
from llmrec.opening import open_chat
from llmrec.profiling.extraction import PLACEHOLDERS, PROMPT_NAME, Extractor
from llmrec.profiling.run import ExtractionRun
from llmrec.records.grouping import read_users
from llmrec.records.reading import read_items
from llmrec.records.replacing import replaced
from llmrec.records.splits import read_split


@click.command("extract")
@click.argument("reviews")
@options.items
@click.option("-o", "--output", required=True, metavar="PROFILES", help="Where the profiles go.")
@options.calls
@options.replay
@options.fresh
@options.model
@options.split
@options.rating_max
@options.prompts
@options.column
@options.item_column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
def command(
    reviews: str,
    items: str | None,
    output: str,
    calls: str | None,
    replay: bool,
    fresh: bool,
    model: str | None,
    split: str | None,
    rating_max: float,
    prompts: str | None,
    columns: dict[str, str],
    item_columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
) -> int:
    """Make an interest profile of every user in REVIEWS: JSONL or CSV, plain or .gz, - for stdin.

    The call log is recording, cache and receipt: what is in it is not asked again.
    """
    if calls is None or model is None:
        raise SettingsError(
            "extract needs --calls LOG, where the calls are recorded, and --model NAME"
        )
    catalogue = (
        read_items(items, columns=item_columns, skip_bad_rows=skip_bad_rows) if items else ()
    )
    run = ExtractionRun(
        Extractor(
            chat=open_chat(calls, options.mode(replay, fresh)),
            model=model,
            prompt=load_prompt(PROMPT_NAME, PLACEHOLDERS, prompts),
            titles={item.item_id: item.title for item in catalogue},
            rating_max=rating_max,
        ),
        read_split(split) if split else None,
    )
    users = read_users(
        reviews,
        users=run.split.lines if run.split else None,
        columns=columns,
        rating_max=rating_max,
        skip_bad_rows=skip_bad_rows,
    )

    async def write(file: IO[bytes]) -> None:
        async for profile in run.profiles(users):
            file.write(profile.to_json().encode("utf-8") + b"\n")

    with replaced(output) as file:
        asyncio.run(write(file))
    _say(run, wants_json(output_format))
    return 1 if run.failed else 0


def _say(run: ExtractionRun, as_json: bool) -> None:
    if as_json:
        summary = {
            "users": run.users,
            "profiles": run.calls,
            "calls": run.calls - run.replayed,
            "replayed": run.replayed,
            "input_tokens": run.usage.input_tokens,
            "output_tokens": run.usage.output_tokens,
            "dropped": dict(sorted(run.dropped.items())),
            "failed": run.failed,
        }
        click.echo(json.dumps(summary, ensure_ascii=False))
        return
    click.echo(
        f"{run.users} users: {run.calls - run.replayed} called, {run.replayed} replayed, "
        f"{len(run.failed)} failed; {run.usage.input_tokens:,} tokens in, "
        f"{run.usage.output_tokens:,} out",
        err=True,
    )
    for reason, number in sorted(run.dropped.items()):
        click.echo(f"dropped: {reason}: {number} interests", err=True)
