"""``llmrec compare``: two evaluations, user by user."""

import json

import click

from llmrec.cli import evaluation_options, options
from llmrec.cli.evaluation_table import claim_json, print_compared
from llmrec.cli.output import print_json, wants_json
from llmrec.evaluation.comparing import compare_results
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.results import read_result


@click.command("compare")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--system", "systems", multiple=True, metavar="NAME", help="Only this system.")
@click.option("--metric", metavar="NAME", help="Default: the main one of A.")
@evaluation_options.seed
@options.output_format
@options.says_on_stderr
def command(
    first: str,
    second: str,
    systems: tuple[str, ...],
    metric: str | None,
    seed: int,
    output_format: str | None,
) -> None:
    """Compare two results of ``llmrec evaluate`` on the users they have in common: B minus A."""
    compared = compare_results(
        read_result(first),
        read_result(second),
        systems=systems,
        metric=None if metric is None else str(Metric.parse(metric)),
        seed=seed,
    )
    if not wants_json(output_format):
        print_compared(compared)
        return
    found = {
        "users": compared.users,
        "only_first": compared.only_first,
        "only_second": compared.only_second,
        "same": list(compared.same),
        "differences": [claim_json(claim) for claim in compared.claims],
    }
    print_json(json.dumps(found, ensure_ascii=False))
