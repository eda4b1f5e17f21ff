"""The options of commands that split, audit, fit and evaluate."""

import click

from llmrec.cli.number_range import NumberRange
from llmrec.cli.setting_option import SettingOption

split_by = SettingOption(
    "--by", default="leave-last-out", show_default=True, metavar="leave-last-out|time|last:N",
    help="What is held out: the newest review, all from --at on, or the newest N.",
)  # fmt: skip
split_at = SettingOption(
    "--at", metavar="MOMENT",
    help="With --by time: held out is what was written from then on (ISO 8601, else UTC).",
)  # fmt: skip
positive_from = SettingOption(
    "--positive-from", type=NumberRange(), metavar="R",
    help="Only reviews with this rating or more, or with none, are held out to be found.",
)  # fmt: skip
min_reviews = SettingOption(
    "--min-reviews", type=click.IntRange(min=1), default=4, show_default=True, metavar="N",
    help="Eligible are users with so many older reviews.",
)  # fmt: skip
min_chars = SettingOption(
    "--min-chars", type=click.IntRange(min=0), default=200, show_default=True, metavar="M",
    help="Eligible are users whose older reviews have together so many characters.",
)  # fmt: skip
all_reviews = SettingOption(
    "--reviews", required=True, metavar="REVIEWS", help="All reviews, held-out ones included."
)
whole_split = SettingOption(
    "--split", required=True, metavar="SPLIT", help="Which reviews are history, which held out."
)
profiles = SettingOption("--profiles", metavar="PROFILES", help="Profiles made from the histories.")
systems = SettingOption(
    "--systems", metavar="NAME,…", help="Which systems. Default: all that can be built."
)
metrics = SettingOption(
    "--metrics", metavar="NAME,…", default="nDCG@10,R@10,RR@10", show_default=True,
    help="Which metrics, the main one first.",
)  # fmt: skip
maybe_sampled = SettingOption(
    "--candidates", metavar="FILE|sampled:N",
    help="Rank only these items of each user, or the ones to be found among N at random: NOT "
    "COMPARABLE with a whole catalogue.",
)  # fmt: skip
runs = SettingOption(
    "--run", "runs", multiple=True, metavar="NAME=FILE",
    help="A TREC run, or lists of recommend or rerank (.jsonl), as a system of this name.",
)  # fmt: skip
seed = SettingOption(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
    help="Of everything that is drawn.",
)  # fmt: skip
fail_under = SettingOption(
    "--fail-under", multiple=True, metavar="[SYSTEM:]METRIC=X",
    help="Exit with 1 where the mean is below X, of profile-hub or, without it, the best system.",
)  # fmt: skip
exit_zero = SettingOption(
    "--exit-zero", is_flag=True, help="Say what --fail-under finds, and exit 0."
)
