"""``llmrec fit``: how much each part of a score should count, learned from held-out items."""

import json
import logging
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from llmrec.cli import evaluation_options, list_options, options
from llmrec.cli.json_output import print_json, wants_json
from llmrec.cli.server_options import embeds
from llmrec.digests import file_digest
from llmrec.embedder_opening import embedder_of_index, needs_server
from llmrec.evaluation.claims import p_value
from llmrec.evaluation.cross_validation import METRIC
from llmrec.evaluation.learned_weights import Estimate, LearnedWeights, learn_weights
from llmrec.evaluation.preparing import prepare
from llmrec.matching.bank_choice import BankName
from llmrec.matching.catalogue import open_folder
from llmrec.opening import ServerChoice, open_server
from llmrec.records.grouping import read_users
from llmrec.records.profile import read_profiles
from llmrec.records.replacing import replaced
from llmrec.records.splits import read_split
from llmrec.waiting import and_close, wait_for

log = logging.getLogger(__name__)


@click.command("fit")
@click.argument("profiles")
@options.index
@evaluation_options.all_reviews
@evaluation_options.whole_split
@click.option("-o", "--output", required=True, metavar="WEIGHTS", help="Where the weights go.")
@list_options.run_bank
@embeds
@options.vectors
@options.replay
@options.rating_max
@options.column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
def command(
    profiles: str,
    index: str,
    reviews: str,
    split: str,
    output: str,
    bank: BankName,
    server: ServerChoice,
    embed_server: ServerChoice,
    vectors: str | None,
    replay: bool,
    rating_max: float,
    columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
) -> None:
    """Learn from the users of a split how much each part of a score should count.

    The weights may not be evaluated on these users; `llmrec audit --weights` sees to it. The index
    must be a folder.
    """
    catalogue = open_folder(index)
    vector_server = open_server(embed_server) if needs_server(catalogue) else None
    opened = embedder_of_index(catalogue, vectors, options.mode(replay), vector_server)
    users = read_users(reviews, columns=columns, rating_max=rating_max, skip_bad_rows=skip_bad_rows)
    work = prepare(
        list(users),
        read_split(split),
        catalogue.items,
        profiles=list(read_profiles(profiles)),
        index=catalogue,
        embedder=opened.embedder,
        systems=["fused"],
        metrics=[METRIC],
        bank=bank,
    )
    try:
        ready = wait_for(and_close(work, vector_server))
    finally:
        opened.close()
    given = {"profiles": profiles, "reviews": reviews, "split": split}
    learned = learn_weights(
        ready.material,
        ready.audit,
        embedder=catalogue.manifest.model,
        bank=str(ready.bank),
        digests={name: file_digest(Path(path)) for name, path in given.items()}
        | {"items": catalogue.manifest.items},
    )
    with replaced(output) as file:
        file.write(learned.to_json())
    for warning in learned.warnings:
        log.warning("%s", warning)
    if learned.not_usable:
        log.info(
            "%d of %d users are left out: no item of the catalogue is held out that is new to them",
            learned.not_usable,
            learned.not_usable + len(learned.users),
        )
    if wants_json(output_format):
        print_json(_summary(learned))
    else:
        _print_table(learned)


def _summary(learned: LearnedWeights) -> str:
    """Return the file on one line, without the users."""
    fields = json.loads(learned.to_json())
    return json.dumps(fields | {"users": len(learned.users)}, ensure_ascii=False)


def _print_table(learned: LearnedWeights) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("part", "weight", "alone", "score − part alone"):
        table.add_column(heading, justify="left" if heading == "part" else "right")
    for name, one in learned.weights.items():
        beside = learned.beside_parts[name]
        weight = f"{one.weight:.2f} [{one.low:.2f}, {one.high:.2f}]"
        table.add_row(name, weight, f"{beside.mean:.4f}", _signed(beside.ahead))
    Console(highlight=False).print(table)
    found, beside = learned.cross_validated, learned.beside_defaults
    kept = ""
    if learned.pull is None:
        own = f"{beside.mean:.4f} on the same users"
        kept = f"; the defaults, which reach {own}, are kept"
    click.echo(
        f"fitted weights: {learned.metric} {found.mean:.4f} [{found.low:.4f}, {found.high:.4f}] in "
        f"cross-validation over {len(learned.users)} users; score − defaults = "
        f"{_signed(beside.ahead)}, {p_value(beside.p)}{kept}"
    )


def _signed(estimate: Estimate) -> str:
    return f"{estimate.mean:+.4f} [{estimate.low:+.4f}, {estimate.high:+.4f}]"
