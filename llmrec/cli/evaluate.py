"""``llmrec evaluate``: how well systems find what is held out, with intervals and a claim."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from llmrec.cli import evaluation_options, list_options, options
from llmrec.cli.evaluation_table import print_result, summary
from llmrec.cli.json_output import print_json, wants_json
from llmrec.cli.server_options import embeds
from llmrec.cli.terminal import say
from llmrec.digests import file_digest
from llmrec.embedder_opening import embedder_of_index, needs_server
from llmrec.errors import InputError, SettingsError
from llmrec.evaluation.evaluating import Evaluation
from llmrec.evaluation.gates import Gate, failures
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.preparing import prepare
from llmrec.evaluation.results import Result
from llmrec.evaluation.run_files import read_any_run
from llmrec.evaluation.task import Candidates
from llmrec.evaluation.trec import write_qrels, write_run
from llmrec.matching.bank_choice import BankName
from llmrec.matching.catalogue import open_folder
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.index_folder import ROWS
from llmrec.opening import ServerChoice, open_server
from llmrec.records.candidates import read_candidates
from llmrec.records.grouping import read_users
from llmrec.records.profile import read_profiles
from llmrec.records.reading import read_items
from llmrec.records.reviews import Item
from llmrec.records.splits import read_split
from llmrec.waiting import and_close, wait_for


@click.command("evaluate")
@click.argument("reviews")
@options.items
@evaluation_options.whole_split
@evaluation_options.profiles
@options.maybe_index
@evaluation_options.systems
@evaluation_options.metrics
@list_options.run_bank
@options.weights
@evaluation_options.maybe_sampled
@evaluation_options.runs
@evaluation_options.seed
@click.option("-o", "--output", metavar="RESULT", help="Where the result goes, as JSON.")
@click.option("--run-dir", metavar="DIR", help="A folder for TREC runs and qrels.")
@evaluation_options.fail_under
@evaluation_options.exit_zero
@embeds
@options.vectors
@options.replay
@options.rating_max
@options.column
@options.item_column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
def command(
    reviews: str,
    items: str | None,
    split: str,
    profiles: str | None,
    index: str | None,
    systems: str | None,
    metrics: str,
    bank: BankName,
    weights: str | None,
    candidates: str | None,
    runs: tuple[str, ...],
    seed: int,
    output: str | None,
    run_dir: str | None,
    fail_under: tuple[str, ...],
    exit_zero: bool,
    server: ServerChoice,
    embed_server: ServerChoice,
    vectors: str | None,
    replay: bool,
    rating_max: float,
    columns: dict[str, str],
    item_columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
) -> int:
    """Evaluate systems on the users of a split of REVIEWS, the whole catalogue ranked.

    Leaks end it before there is any figure, also with --exit-zero. The index must be a folder.
    """
    gates = [Gate.parse(text) for text in fail_under]
    catalogue = None if index is None else open_folder(index)
    opened = vector_server = None
    if catalogue is not None:
        vector_server = open_server(embed_server) if needs_server(catalogue) else None
        opened = embedder_of_index(catalogue, vectors, options.mode(replay), vector_server)
    users = read_users(reviews, columns=columns, rating_max=rating_max, skip_bad_rows=skip_bad_rows)
    ranked = _items(items, catalogue, item_columns, skip_bad_rows)
    work = prepare(
        list(users),
        read_split(split),
        ranked,
        profiles=list(read_profiles(profiles)) if profiles else [],
        index=catalogue,
        embedder=opened.embedder if opened else None,
        systems=_names(systems) if systems else None,
        metrics=[Metric.parse(name) for name in _names(metrics)],
        bank=bank,
        candidates=_candidates(candidates, ranked),
        runs={name: read_any_run(path) for name, path in _named(runs).items()},
        weights=weights,
        seed=seed,
    )
    try:
        evaluation = wait_for(and_close(work, vector_server))
    finally:
        if opened:
            opened.close()
    result = evaluation.run(_digests(reviews, profiles, catalogue, weights, vectors, _named(runs)))
    missed = list(failures(gates, result))
    if output is not None:
        result.write(output)
    if run_dir is not None:
        _write_runs(Path(run_dir), evaluation)
    _print(result, wants_json(output_format))
    for what in missed:
        say(f"--fail-under: {what}")
    return 1 if missed and not exit_zero else 0


def _print(result: Result, as_json: bool) -> None:
    if as_json:
        print_json(json.dumps(summary(result), ensure_ascii=False))
    else:
        print_result(result)


def _items(
    path: str | None,
    catalogue: ContentIndex | None,
    columns: dict[str, str],
    skip_bad_rows: bool,
) -> Sequence[Item]:
    if path is not None:
        return list(read_items(path, columns=columns, skip_bad_rows=skip_bad_rows))
    if catalogue is None:
        raise SettingsError("what is ranked? give the catalogue (--items) or its index (--index)")
    return list(catalogue.items)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _named(runs: Sequence[str]) -> dict[str, str]:
    paths: dict[str, str] = {}
    for text in runs:
        name, _, path = text.partition("=")
        if not name or not path or name in paths:
            raise InputError(f"--run: NAME=FILE is expected, each name once, came {text!r}")
        paths[name] = path
    return paths


def _candidates(text: str | None, items: Sequence[Item]) -> Candidates | int | None:
    if text is None:
        return None
    name, _, number = text.partition(":")
    if name != "sampled":
        return read_candidates(text, {item.item_id for item in items})
    if not number.isdecimal() or not int(number):
        raise InputError(f"--candidates: sampled:N with a number from 1 is expected, came {text!r}")
    return int(number)


def _digests(
    reviews: str,
    profiles: str | None,
    catalogue: ContentIndex | None,
    weights: str | None,
    vectors: str | None,
    runs: Mapping[str, str],
) -> dict[str, str]:
    """Return the digest of each file that was given, of an index that of its rows."""
    paths = {"reviews": reviews, "profiles": profiles, "weights": weights, "vectors": vectors}
    paths |= {f"run {name}": path for name, path in runs.items()}
    if catalogue is not None:
        paths["index"] = str(catalogue.files / ROWS)
    return {name: file_digest(path) for name, path in paths.items() if path is not None}


def _write_runs(folder: Path, evaluation: Evaluation) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"no folder can be made: {error.strerror}", path=folder) from None
    write_qrels(folder / "qrels", evaluation.task.qrels)
    for name, run in evaluation.lists():
        write_run(folder / f"{name}.run", run, tag=name)
