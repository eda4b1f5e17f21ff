"""``llmrec index``: a catalogue as vectors."""

import json
from collections.abc import Mapping
from dataclasses import asdict

import click
from click.core import ParameterSource
from pydantic_core import from_json

from llmrec.cli import options
from llmrec.cli.costing import embedding_costs
from llmrec.cli.dry_run import planned_index_costs
from llmrec.cli.estimate_output import print_planned
from llmrec.cli.json_output import print_json, wants_json
from llmrec.cli.server_options import embeds
from llmrec.cli.spending import Spending, refuse_replay
from llmrec.errors import SettingsError
from llmrec.indexing import plan_index
from llmrec.matching.bank import Bank, bank_of_profiles, bank_of_reviews
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.index_folder import Manifest
from llmrec.matching.postgres.address import is_address, parse_address
from llmrec.opening import ServerChoice
from llmrec.recommender import Recommender
from llmrec.records.grouping import read_users
from llmrec.records.profile import read_profiles
from llmrec.records.reading import read_items, read_reviews
from llmrec.records.splits import read_split
from llmrec.records.tables import Table


@click.command("index")
@click.argument("items")
@click.option(
    "-o", "--output", required=True, metavar="DIR", help="The index folder, or postgres://…#SCHEMA."
)
@options.embedder
@options.query_prefix
@options.passage_prefix
@embeds
@options.vectors
@options.calls
@options.replay
@click.option(
    "--bank", "bank_file", metavar="FILE", help="Profiles, or reviews, to correct for hubs with."
)
@options.split
@options.rating_max
@options.column
@options.item_column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
@embedding_costs
def command(
    items: str,
    output: str,
    embedder: str,
    query_prefix: str,
    passage_prefix: str,
    server: ServerChoice,
    embed_server: ServerChoice,
    vectors: str | None,
    calls: str | None,
    replay: bool,
    bank_file: str | None,
    split: str | None,
    rating_max: float,
    item_columns: dict[str, str],
    columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
    spending: Spending,
) -> None:
    """Make the index of a catalogue, ITEMS, in the folder or database given with -o.

    The index holds exactly these items. What an index that is there already has of them is used
    again, its stored bank too, and it is replaced when the new one is complete.
    """
    if bank_file is None and _split_is_typed():
        raise SettingsError("--split says what a bank of reviews may rest on: give --bank")
    catalogue = read_items(items, columns=item_columns, skip_bad_rows=skip_bad_rows)
    choice = EmbedderChoice(embedder, query_prefix, passage_prefix)
    bank = None
    if bank_file is not None:
        bank = _stored_bank(bank_file, split, columns, rating_max, skip_bad_rows)
    mode = options.mode(replay)
    opened = spending.open_embed_server(embed_server, calls, mode)
    if spending.plan is not None:
        refuse_replay(mode)
        plan_index(catalogue, output, spending.plan, embedder=choice, vectors=vectors, bank=bank)
        planned = planned_index_costs(spending.plan, spending.embed_price_of, embedder)
        print_planned(planned, wants_json(output_format), embed_server)
        return
    recommender = Recommender.index(
        catalogue,
        output,
        embedder=choice,
        server=opened or embed_server,
        vectors=vectors,
        mode=mode,
        bank=bank,
    )
    _print_made(output, recommender.catalogue.manifest, output_format)


def _print_made(output: str, manifest: Manifest, output_format: str | None) -> None:
    place = str(parse_address(output)) if is_address(output) else output  # without a password
    growth = asdict(manifest.growth)
    banks = {kind: entry.n for kind, entry in manifest.banks.items()}
    if wants_json(output_format):
        sizes = {"items": manifest.n_items, "dim": manifest.dim}
        summary = {"index": place, **sizes, **growth, "banks": banks}
        print_json(json.dumps(summary, ensure_ascii=False))
    else:
        grown = ", ".join(f"{n} {what}" for what, n in growth.items())
        said = ", ".join(f"{kind} ({n})" for kind, n in banks.items())
        click.echo(
            f"{place}: {manifest.n_items} items ({grown}), {manifest.dim} dims; banks: {said}"
        )


def _stored_bank(
    path: str,
    split: str | None,
    columns: Mapping[str, str],
    rating_max: float,
    skip_bad_rows: bool,
) -> Bank:
    if path == "-":
        raise SettingsError("--bank looks at its file before it reads it: - cannot stand for it")
    if _holds_profiles(path):
        if _split_is_typed():
            raise SettingsError("--split goes with a bank of reviews: profiles have their own")
        return bank_of_profiles(read_profiles(path))
    if split is None:
        return bank_of_reviews(
            read_reviews(path, columns=columns, rating_max=rating_max, skip_bad_rows=skip_bad_rows)
        )
    history = read_split(split)
    users = read_users(
        path,
        users=history.lines,
        columns=columns,
        rating_max=rating_max,
        skip_bad_rows=skip_bad_rows,
    )
    return bank_of_reviews(review for user in users for review in history.history(user).reviews)


def _split_is_typed() -> bool:
    """Say whether --split stands in the command: in a settings file it is for all commands."""
    source = click.get_current_context().get_parameter_source("split")
    return source is ParameterSource.COMMANDLINE


def _holds_profiles(path: str) -> bool:
    """Look at the first row: a profile has interests, a review has none."""
    for _, _, raw in Table(path).rows():
        try:
            return isinstance(raw, bytes) and "interests" in from_json(raw)
        except (TypeError, ValueError):
            return False
    return False
