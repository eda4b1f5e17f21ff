"""``llmrec split``: which reviews of each user are history, and which are held out."""

import json
from datetime import UTC, datetime

import click

from llmrec.cli import evaluation_options, options
from llmrec.cli.output import print_json, wants_json
from llmrec.errors import SettingsError
from llmrec.evaluation.splitting import SplitKind, SplitRule, Splitting, split_json
from llmrec.records.grouping import read_users
from llmrec.records.replacing import replaced
from llmrec.records.timestamps import moment_of


@click.command("split")
@click.argument("reviews")
@click.option("-o", "--output", required=True, metavar="SPLIT", help="Where the split goes.")
@evaluation_options.split_by
@evaluation_options.split_at
@evaluation_options.positive_from
@evaluation_options.min_reviews
@evaluation_options.min_chars
@options.rating_max
@options.column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
def command(
    reviews: str,
    output: str,
    by: str,
    at: str | None,
    positive_from: float | None,
    min_reviews: int,
    min_chars: int,
    rating_max: float,
    columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
) -> None:
    """Split REVIEWS into history and held-out reviews: one line for each eligible user.

    Held out are positive reviews on items that the user's older reviews are not about; the
    history is what is strictly older. Who is not eligible is counted by reason.
    """
    kind, last = _kind(by)
    run = Splitting(
        SplitRule(
            kind,
            last=last,
            at=None if at is None else _moment(at),
            positive_from=positive_from,
            min_reviews=min_reviews,
            min_chars=min_chars,
        )
    )
    users = read_users(reviews, columns=columns, rating_max=rating_max, skip_bad_rows=skip_bad_rows)
    with replaced(output) as file:
        for line in run.lines(users):
            file.write(split_json(line).encode("utf-8") + b"\n")
    _say(run, output, wants_json(output_format))


def _kind(by: str) -> tuple[SplitKind, int | None]:
    """Read the value of ``--by``."""
    if by == "leave-last-out":
        return "leave-last-out", None
    if by == "time":
        return "time", None
    name, _, number = by.partition(":")
    if name == "last" and number.isdecimal():
        return "last", int(number)
    raise SettingsError(f"--by: leave-last-out, time or last:N is expected, came {by!r}")


def _moment(at: str) -> datetime:
    try:
        moment = moment_of(at)
    except ValueError:
        raise SettingsError(
            f"--at: a moment in ISO 8601 (such as 2020-01-31) or Unix time is expected, came {at!r}"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _say(run: Splitting, output: str, as_json: bool) -> None:
    not_eligible = dict(sorted(run.not_eligible.items()))
    if as_json:
        summary = {
            "split": output,
            "users": run.users,
            "eligible": run.eligible,
            "not_eligible": not_eligible,
        }
        print_json(json.dumps(summary, ensure_ascii=False))
        return
    for reason, number in not_eligible.items():
        click.echo(f"not eligible: {reason}: {number} users")
    click.echo(f"{output}: {run.eligible} of {run.users} users are eligible")
