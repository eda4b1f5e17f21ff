"""The options that say what calls may cost."""

import click

from llmrec.cli.number_range import NumberRange
from llmrec.cli.setting_option import SettingOption
from llmrec.llm.pricing import Price


def _embed_price(_: click.Context, __: click.Parameter, dollars: float | None) -> Price | None:
    """Return the price of vectors, of which only what goes in is paid."""
    return None if dollars is None else Price("given", dollars, 0, dollars)


dry_run = SettingOption("--dry-run", is_flag=True, help="Say what it would cost; call nothing.")
max_cost = SettingOption(
    "--max-cost", type=NumberRange(0), metavar="USD",
    help="Begin no call that could make this run cost more.",
)  # fmt: skip
max_output_tokens = SettingOption(
    "--max-output-tokens", type=click.IntRange(min=1), metavar="N",
    help="Limit each reply, for --max-cost; part of the request.",
)  # fmt: skip
assume_output_tokens = SettingOption(
    "--assume-output-tokens", type=click.IntRange(min=1), metavar="N",
    help="For --max-cost count on replies that are no longer, without limiting them.",
)  # fmt: skip
embed_price = SettingOption(
    "--embed-price", type=NumberRange(0), metavar="USD", callback=_embed_price,
    help="US dollars per million tokens that are embedded, where that is not known.",
)  # fmt: skip
