"""The options that commands share. Each can be set by its LLMREC_… variable and in llmrec.toml."""

import functools
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from llmrec.cli.terminal import say
from llmrec.errors import InputError, SettingsError

if TYPE_CHECKING:
    from llmrec.llm.pricing import Price
    from llmrec.opening import Mode

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

SETTINGS: Final[dict[str, str]] = {}
"""Name of each option as a setting, and of the parameter that takes it."""


def _option(flag: str, *names: str, **attributes: Any) -> Callable[[F], F]:
    """Return a click option that is also a setting and an environment variable."""
    setting = flag.removeprefix("--").replace("-", "_")
    parameter = next((name for name in names if not name.startswith("-")), setting)
    SETTINGS[setting] = parameter
    return click.option(
        flag, *names, envvar=f"LLMREC_{setting.upper()}", show_envvar=True, **attributes
    )


def _columns(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not equals:
            raise InputError(f"--column: expected FIELD=COLUMN, came {pair!r}")
        columns[field] = column
    return columns


def _sampling(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, Any]:
    fields = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name in ("model", "messages", "response_format", "stream"):
            raise InputError(f"--sampling: expected NAME=VALUE of a sampling field, came {pair!r}")
        try:
            fields[name] = json.loads(value)
        except ValueError:
            fields[name] = value
    return fields


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


def _price(_: click.Context, __: click.Parameter, text: str | None) -> "Price | None":
    from llmrec.llm.pricing import Price

    return None if text is None else Price.parse(text)


items = _option("--items", metavar="ITEMS", help="The catalogue: JSONL or CSV, plain or .gz.")
calls = _option(
    "--calls", metavar="LOG", help="The call log: recorded calls, and where new ones go."
)
model = _option("--model", metavar="NAME", help="Name of the chat model.")
prompts = _option("--prompts", metavar="DIR", help="A folder of your own prompts.")
split = _option("--split", metavar="SPLIT", help="Only its users, only their history_lines.")
reviews = _option("--reviews", metavar="REVIEWS", help="Reviews, whose items are left out.")
rating_max = _option(
    "--rating-max", type=click.FloatRange(min=0, min_open=True), default=5.0, show_default=True,
    help="Top of the rating scale.",
)  # fmt: skip
column = _option(
    "--column", "columns", multiple=True, metavar="FIELD=COLUMN", callback=_columns,
    help="The column of a field, where it has another name; 'FIELD=' leaves the field out.",
)  # fmt: skip
item_column = _option(
    "--item-column", "item_columns", multiple=True, metavar="FIELD=COLUMN", callback=_columns,
    help="The same for the catalogue.",
)  # fmt: skip
bank_column = _option(
    "--bank-column", "bank_columns", multiple=True, metavar="FIELD=COLUMN", callback=_columns,
    help="The same for the reviews of a bank.",
)  # fmt: skip
skip_bad_rows = _option(
    "--skip-bad-rows", is_flag=True, help="List bad rows on stderr and leave them out."
)
embedder = _option(
    "--embedder", metavar="NAME", default="local", show_default=True,
    help="Makes the vectors: local (multilingual-e5-small on this machine), lexical (hashed "
    "words), or openai:MODEL[,PASSAGE_MODEL] (any OpenAI-compatible server).",
)  # fmt: skip
query_prefix = _option(
    "--query-prefix", default="", metavar="TEXT", help="Goes before every query for a server."
)
passage_prefix = _option(
    "--passage-prefix", default="", metavar="TEXT", help="Goes before every passage for a server."
)
base_url = _option(
    "--base-url", metavar="URL",
    help="The server to call, with its path (…/v1). Default: OPENAI_BASE_URL, else OpenAI's.",
)  # fmt: skip
api_key_env = _option(
    "--api-key-env", metavar="NAME",
    help="The variable that holds the key. Default: LLMREC_API_KEY, else OPENAI_API_KEY.",
)  # fmt: skip
embed_base_url = _option(
    "--embed-base-url", metavar="URL", help="The server of embeddings, where it is another one."
)
embed_api_key_env = _option(
    "--embed-api-key-env", metavar="NAME", help="The variable that holds that server's key."
)
timeout_s = _option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), default=120.0,
    show_default=True, metavar="SECONDS", help="How long one attempt may take.",
)  # fmt: skip
requests_per_min = _option(
    "--rpm", "requests_per_min", type=click.FloatRange(min=0, min_open=True), metavar="N",
    help="Requests per minute that a server allows. Default: no limit but what it says itself.",
)  # fmt: skip
tokens_per_min = _option(
    "--tpm", "tokens_per_min", type=click.FloatRange(min=0, min_open=True), metavar="N",
    help="Tokens per minute, input and output, likewise.",
)  # fmt: skip
concurrency = _option(
    "--concurrency", type=click.IntRange(min=1), default=8, show_default=True, metavar="N",
    help="How many users are asked about at once.",
)  # fmt: skip
sampling = _option(
    "--sampling", multiple=True, metavar="NAME=VALUE", callback=_sampling,
    help="A further field of each request, such as temperature=0; none is sent unless set.",
)  # fmt: skip
price = _option(
    "--price", metavar="IN,OUT[,CACHED]", callback=_price,
    help="US dollars per million tokens, instead of the price that is known of the model.",
)  # fmt: skip
vectors = _option("--vectors", metavar="FILE.npz", help="Recorded vectors; new ones are added.")
matching = _option(
    "--matching", type=click.Choice(["hub", "hub-by-language", "cosine"]), default="hub",
    show_default=True,
    help="Corrected for items that are near to everything, for language as well, or plain cosine.",
)  # fmt: skip
run_bank = _option(
    "--bank", type=click.Choice(["auto", "stored", "run", "index"]), default="auto",
    show_default=True, help="What the correction rests on.",
)  # fmt: skip
k = _option(
    "--k", "-k", "k", type=click.IntRange(min=1), default=10, show_default=True,
    help="Number of items.",
)  # fmt: skip
only = _option(
    "--only", metavar="ID,…|@FILE", callback=_ids,
    help="Recommend these items only; a file has one id a line.",
)  # fmt: skip
exclude = _option(
    "--exclude", metavar="ID,…|@FILE", callback=_ids, help="Never recommend these items."
)
category = _option(
    "--category", "categories", multiple=True, metavar="NAME",
    help="Only items of this category; of any of these, if given again.",
)  # fmt: skip
output_format = _option(
    "--format", "output_format", type=click.Choice(["json", "table"]),
    help="Default: table on a terminal, else json.",
)  # fmt: skip
index = _option("--index", required=True, metavar="DIR", help="The index folder.")
replay = _option("--replay", is_flag=True, help="Use what is recorded; never call anything.")
fresh = _option("--fresh", is_flag=True, help="Call, whatever is recorded.")
user = _option("--user", metavar="ID", help="This user only.")
split_by = _option(
    "--by", default="leave-last-out", show_default=True, metavar="leave-last-out|time|last:N",
    help="What is held out: the newest review, all from --at on, or the newest N.",
)  # fmt: skip
split_at = _option(
    "--at", metavar="MOMENT",
    help="With --by time: held out is what was written from then on (ISO 8601, else UTC).",
)  # fmt: skip
positive_from = _option(
    "--positive-from", type=float, metavar="R",
    help="Only reviews with this rating or more, or with none, are held out to be found.",
)  # fmt: skip
min_reviews = _option(
    "--min-reviews", type=click.IntRange(min=1), default=4, show_default=True, metavar="N",
    help="Eligible are users with so many older reviews.",
)  # fmt: skip
min_chars = _option(
    "--min-chars", type=click.IntRange(min=0), default=200, show_default=True, metavar="M",
    help="Eligible are users whose older reviews have together so many characters.",
)  # fmt: skip
all_reviews = _option(
    "--reviews", required=True, metavar="REVIEWS", help="All reviews, held-out ones included."
)
whole_split = _option(
    "--split", required=True, metavar="SPLIT", help="Which reviews are history, which held out."
)
maybe_index = _option("--index", metavar="DIR", help="The index folder.")
weights = _option("--weights", metavar="WEIGHTS", help="Fitted weights, which name their users.")
candidates = _option(
    "--candidates", metavar="FILE",
    help="Rank these items of each user: user_id and candidates, JSON Lines.",
)  # fmt: skip
shortlist = _option(
    "--shortlist", "-n", "shortlist", type=click.IntRange(min=1), default=20, show_default=True,
    metavar="N", help="With --index: how many of the best matches are reranked.",
)  # fmt: skip
rerank = _option(
    "--rerank", is_flag=True, help="Let a chat model put the best 20 (or k, if more) in order."
)
rerank_order = _option(
    "--rerank-order", type=click.Choice(["hash", "first-stage", "shuffled"]),
    help="The order that the model is shown. Default: hash; of given candidates, as given.",
)  # fmt: skip
rerank_passes = _option(
    "--rerank-passes", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="Calls for each list, each in another order; their ranks are fused.",
)  # fmt: skip
rerank_window = _option(
    "--rerank-window", type=click.IntRange(min=2), metavar="SIZE",
    help="Candidates in one call; longer lists are gone over from the back. Default: all.",
)  # fmt: skip
rerank_stride = _option(
    "--rerank-stride", type=click.IntRange(min=1), metavar="N",
    help="How far one window stands before the next. Default: half of its size.",
)  # fmt: skip
rerank_facts = _option(
    "--rerank-facts", is_flag=True,
    help="Show the model how many people chose each candidate, and which interests brought it.",
)  # fmt: skip
rerank_weight = _option(
    "--rerank-weight", type=click.FloatRange(0, 1), default=1.0, show_default=True, metavar="W",
    help="Fuse the model's ranks with the first stage's, W to 1 - W.",
)  # fmt: skip

profiles = _option("--profiles", metavar="PROFILES", help="Profiles made from the histories.")
systems = _option(
    "--systems", metavar="NAME,…", help="Which systems. Default: all that can be built."
)
metrics = _option(
    "--metrics", metavar="NAME,…", default="nDCG@10,R@10,RR@10", show_default=True,
    help="Which metrics, the main one first.",
)  # fmt: skip
maybe_sampled = _option(
    "--candidates", metavar="FILE|sampled:N",
    help="Rank only these items of each user, or the ones to be found among N at random: NOT "
    "COMPARABLE with a whole catalogue.",
)  # fmt: skip
runs = _option(
    "--run", "runs", multiple=True, metavar="NAME=FILE",
    help="A TREC run, or lists of recommend or rerank (.jsonl), as a system of this name.",
)  # fmt: skip
seed = _option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
    help="Of everything that is drawn.",
)  # fmt: skip
fail_under = _option(
    "--fail-under", multiple=True, metavar="[SYSTEM:]METRIC=X",
    help="Exit with 1 where the mean is below X, of profile-hub or, without it, the best system.",
)  # fmt: skip
exit_zero = _option("--exit-zero", is_flag=True, help="Say what --fail-under finds, and exit 0.")
of_profiles = _option(
    "--profiles", required=True, metavar="PROFILES", help="The profiles that the lists are for."
)
explained = _option(
    "--explained", "-k", "explained", type=click.IntRange(min=1), default=3, show_default=True,
    metavar="N", help="How many items of a list are explained.",
)  # fmt: skip
explain = _option(
    "--explain", type=click.Choice(["model", "composed", "none"]), is_flag=False,
    flag_value="model",
    help="Who says why the first items were chosen: a chat model (this alone means model), or a "
    "template that puts together what is known (composed).",
)  # fmt: skip


def mode(replay: bool, fresh: bool = False) -> "Mode":
    """Return how the recordings are used.

    Raises:
        SettingsError: both flags are set.
    """
    if replay and fresh:
        raise SettingsError("--replay and --fresh contradict each other: leave one out")
    return "replay" if replay else "fresh" if fresh else "default"


def says_on_stderr(function: Callable[..., T]) -> Callable[..., T]:
    """Add --verbose and --quiet, which decide what a command says on stderr."""

    @functools.wraps(function)
    def command(*arguments: Any, verbose: bool, quiet: bool, **options: Any) -> T:
        log = logging.getLogger("llmrec")
        log.handlers = [_Stderr()]
        log.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
        return function(*arguments, **options)

    say_less = _option("--quiet", "-q", is_flag=True, help="Say only what went wrong.")
    say_more = _option("--verbose", "-v", is_flag=True, help="Say more.")
    return say_less(say_more(command))


class _Stderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))
