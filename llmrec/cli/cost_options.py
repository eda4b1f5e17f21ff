"""The options that say what calls may cost."""

import click

from llmrec.cli.setting_option import SettingOption

dry_run = SettingOption("--dry-run", is_flag=True, help="Say what it would cost; call nothing.")
max_cost = SettingOption(
    "--max-cost", type=click.FloatRange(min=0), metavar="USD",
    help="Begin no call that could make this run cost more. Needs one of the next two.",
)  # fmt: skip
max_output_tokens = SettingOption(
    "--max-output-tokens", type=click.IntRange(min=1), metavar="N",
    help="Limit each reply; part of the request.",
)  # fmt: skip
assume_output_tokens = SettingOption(
    "--assume-output-tokens", type=click.IntRange(min=1), metavar="N",
    help="Count on replies that are no longer, without limiting them.",
)  # fmt: skip
embed_price = SettingOption(
    "--embed-price", type=click.FloatRange(min=0), metavar="USD",
    help="US dollars per million tokens that are embedded, where that is not known.",
)  # fmt: skip
