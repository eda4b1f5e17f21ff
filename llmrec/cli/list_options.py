"""The options of commands that make, rerank and explain lists."""

from pathlib import Path

import click

from llmrec.cli.number_range import NumberRange
from llmrec.cli.setting_option import SettingOption
from llmrec.errors import InputError


def _ids(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    """Return the ids of ``ID,ID…``, or of the lines of ``@FILE``."""
    if value is None:
        return None
    if not value.startswith("@"):
        return [item_id for item_id in value.split(",") if item_id]
    path = Path(value[1:])
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"ids, one a line, cannot be read: {error}", path=path) from None
    return [line for line in lines if line]


matching = SettingOption(
    "--matching", type=click.Choice(["hub", "hub-by-language", "cosine"]), default="hub",
    show_default=True,
    help="Corrected for items that are near to everything, for language as well, or plain cosine.",
)  # fmt: skip
run_bank = SettingOption(
    "--bank", type=click.Choice(["auto", "stored", "run", "index"]), default="auto",
    show_default=True, help="What the correction rests on.",
)  # fmt: skip
k = SettingOption(
    "--k", "-k", "k", type=click.IntRange(min=1), default=10, show_default=True,
    help="Number of items.",
)  # fmt: skip
only = SettingOption(
    "--only", metavar="ID,…|@FILE", callback=_ids,
    help="Recommend these items only; a file has one id a line.",
)  # fmt: skip
exclude = SettingOption(
    "--exclude", metavar="ID,…|@FILE", callback=_ids, help="Never recommend these items."
)
category = SettingOption(
    "--category", "categories", multiple=True, metavar="NAME",
    help="Only items of this category; of any of these, if given again.",
)  # fmt: skip
diversity = SettingOption(
    "--diversity", type=NumberRange(0, 1, most_open=True), default=0.0, show_default=True,
    metavar="X", help="How much the items of a list should differ; .3 cost nothing measurable.",
)  # fmt: skip
candidates = SettingOption(
    "--candidates", metavar="FILE",
    help="Rank these items of each user: user_id and candidates, JSON Lines.",
)  # fmt: skip
shortlist = SettingOption(
    "--shortlist", "-n", "shortlist", type=click.IntRange(min=1), default=20, show_default=True,
    metavar="N", help="With --index: how many of the best matches are reranked.",
)  # fmt: skip
rerank = SettingOption(
    "--rerank", is_flag=True, help="Let a chat model put the best 20 (or k, if more) in order."
)
rerank_order = SettingOption(
    "--rerank-order", type=click.Choice(["hash", "first-stage", "shuffled"]),
    help="The order that the model is shown. Default: hash; of given candidates, as given.",
)  # fmt: skip
rerank_passes = SettingOption(
    "--rerank-passes", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="Calls for each list, each in another order; their ranks are fused.",
)  # fmt: skip
rerank_window = SettingOption(
    "--rerank-window", type=click.IntRange(min=2), metavar="SIZE",
    help="Candidates in one call; longer lists are gone over from the back. Default: all.",
)  # fmt: skip
rerank_stride = SettingOption(
    "--rerank-stride", type=click.IntRange(min=1), metavar="N",
    help="How far one window stands before the next. Default: half of its size.",
)  # fmt: skip
rerank_facts = SettingOption(
    "--rerank-facts", is_flag=True,
    help="Show the model how many people chose each candidate, and which interests brought it.",
)  # fmt: skip
rerank_weight = SettingOption(
    "--rerank-weight", type=NumberRange(0, 1), default=1.0, show_default=True, metavar="W",
    help="Fuse the model's ranks with the first stage's, W to 1 - W.",
)  # fmt: skip
of_profiles = SettingOption(
    "--profiles", required=True, metavar="PROFILES", help="The profiles that the lists are for."
)
explained = SettingOption(
    "--explained", "-k", "explained", type=click.IntRange(min=1), default=3, show_default=True,
    metavar="N", help="How many items of a list are explained.",
)  # fmt: skip
explain = SettingOption(
    "--explain", type=click.Choice(["model", "composed", "none"]), is_flag=False,
    flag_value="model",
    help="Who says why the first items were chosen: a chat model (this alone means model), or a "
    "template that puts together what is known (composed).",
)  # fmt: skip
