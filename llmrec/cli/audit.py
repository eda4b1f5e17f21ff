"""``llmrec audit``: has anything to be evaluated seen what is held out?"""

import json
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmrec.cli import evaluation_options, options
from llmrec.cli.output import print_json, wants_json
from llmrec.cli.terminal import visible
from llmrec.evaluation.findings import Audit
from llmrec.evaluation.fitted_users import read_fitted_users
from llmrec.evaluation.leakage import audit
from llmrec.matching.catalogue import open_catalogue
from llmrec.records.grouping import read_users
from llmrec.records.profile import read_profiles
from llmrec.records.reading import read_items
from llmrec.records.splits import read_split


@click.command("audit")
@click.argument("profiles")
@evaluation_options.all_reviews
@evaluation_options.whole_split
@options.items
@options.maybe_index
@options.weights
@options.rating_max
@options.column
@options.item_column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
def command(
    profiles: str,
    reviews: str,
    split: str,
    items: str | None,
    index: str | None,
    weights: str | None,
    rating_max: float,
    columns: dict[str, str],
    item_columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
) -> int:
    """Say whether PROFILES, an index or weights have seen the reviews that a split holds out.

    Every leak is listed; where there is one, the exit code is 1.
    """
    catalogue = None if index is None else open_catalogue(index)
    titles: Mapping[str, str] | None = None
    if items is not None:
        read = read_items(items, columns=item_columns, skip_bad_rows=skip_bad_rows)
        titles = {item.item_id: item.title for item in read}
    elif catalogue is not None:
        titles = catalogue.titles
    found = audit(
        read_profiles(profiles),
        read_users(reviews, columns=columns, rating_max=rating_max, skip_bad_rows=skip_bad_rows),
        read_split(split),
        titles=titles,
        bank=None if catalogue is None else catalogue.manifest.banks.get("stored"),
        fitted_on=() if weights is None else read_fitted_users(weights),
    )
    if wants_json(output_format):
        _print_json(found)
    else:
        _print_table(found)
    return 1 if found.leaks else 0


def _print_json(found: Audit) -> None:
    """Print one finding a line, then the counts."""
    rows: list[dict[str, Any]] = [
        {"warning": caution.kind, "what": caution.what, "users": caution.users}
        for caution in found.cautions
    ]
    rows += [
        {
            "leak": leak.kind,
            "user_id": leak.user_id,
            "review_id": leak.review_id,
            "evidence": leak.evidence,
        }
        for leak in found.leaks
    ]
    rows += [{"not_checked": what} for what in found.not_checked]
    rows.append(
        {
            "users": found.users,
            "profiles": found.profiles,
            "held_out": found.held_out,
            "leaks": len(found.leaks),
            "warnings": len(found.cautions),
            "summary": found.summary,
        }
    )
    for row in rows:
        print_json(json.dumps(row, ensure_ascii=False))


def _print_table(found: Audit) -> None:
    console = Console(highlight=False)
    for caution in found.cautions:
        console.print(f"warning: {visible(str(caution))}", style="yellow", markup=False)
    if found.leaks:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("leak", "user", "review", "evidence"):
            table.add_column(heading, overflow="fold")
        for leak in found.leaks:
            cells = (leak.kind, leak.user_id, leak.review_id or "", leak.evidence)
            table.add_row(*(Text(visible(cell)) for cell in cells))
        console.print(table)
    for remedy in found.remedies:
        console.print(f"to do: {remedy}", markup=False)
    for what in found.not_checked:
        console.print(f"not checked: {what}", style="dim", markup=False)
    click.echo(found.summary)
