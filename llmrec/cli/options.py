"""The options that commands share. Each can be set by its LLMREC_… variable and in llmrec.toml."""

import functools
import json
import logging
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from llmrec.cli.number_range import NumberRange
from llmrec.cli.setting_option import SettingOption
from llmrec.cli.terminal import say
from llmrec.errors import InputError, SettingsError
from llmrec.llm.chat import checked_sampling
from llmrec.llm.pricing import Price

if TYPE_CHECKING:
    from llmrec.opening import Mode

T = TypeVar("T")


def _columns(_: click.Context, option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not equals:
            raise InputError(f"{option.opts[0]}: expected FIELD=COLUMN, came {pair!r}")
        columns[field] = column
    return columns


def _sampling(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> Mapping[str, Any]:
    fields = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--sampling: expected NAME=VALUE, came {pair!r}")
        try:
            fields[name] = json.loads(value)
        except ValueError:
            fields[name] = value
    return checked_sampling(fields)


def _price(_: click.Context, __: click.Parameter, text: str | None) -> Price | None:
    return None if text is None else Price.parse(text)


items = SettingOption("--items", metavar="ITEMS", help="The catalogue: JSONL or CSV, plain or .gz.")
calls = SettingOption(
    "--calls", metavar="LOG", help="The call log: recorded calls, and where new ones go."
)
model = SettingOption("--model", metavar="NAME", help="Name of the chat model.")
prompts = SettingOption("--prompts", metavar="DIR", help="A folder of your own prompts.")
split = SettingOption("--split", metavar="SPLIT", help="Only its users, only their history_lines.")
reviews = SettingOption("--reviews", metavar="REVIEWS", help="Reviews, whose items are left out.")
rating_max = SettingOption(
    "--rating-max", type=NumberRange(0, math.inf, least_open=True), default=5.0, show_default=True,
    help="Top of the rating scale; inf where it has none, such as hours played.",
)  # fmt: skip
column = SettingOption(
    "--column", "columns", multiple=True, metavar="FIELD=COLUMN", callback=_columns,
    help="The column of a review's field, where it has another name; 'FIELD=' leaves it out.",
)  # fmt: skip
item_column = SettingOption(
    "--item-column", "item_columns", multiple=True, metavar="FIELD=COLUMN", callback=_columns,
    help="The column of a catalogue's field, likewise.",
)  # fmt: skip
skip_bad_rows = SettingOption(
    "--skip-bad-rows", is_flag=True, help="List bad rows on stderr and leave them out."
)
embedder = SettingOption(
    "--embedder", metavar="NAME", default="local", show_default=True,
    help="Makes the vectors: local (multilingual-e5-small on this machine), lexical (hashed "
    "words), or openai:MODEL[,PASSAGE_MODEL] (any OpenAI-compatible server).",
)  # fmt: skip
query_prefix = SettingOption(
    "--query-prefix", default="", metavar="TEXT", help="Goes before every query for a server."
)
passage_prefix = SettingOption(
    "--passage-prefix", default="", metavar="TEXT", help="Goes before every passage for a server."
)
base_url = SettingOption(
    "--base-url", metavar="URL",
    help="The server to call, with its path (…/v1). Default: OPENAI_BASE_URL, else OpenAI's.",
)  # fmt: skip
api_key_env = SettingOption(
    "--api-key-env", metavar="NAME",
    help="The variable that holds the key. Default: LLMREC_API_KEY, else OPENAI_API_KEY.",
)  # fmt: skip
embed_base_url = SettingOption(
    "--embed-base-url", metavar="URL", help="The server of embeddings, where it is another one."
)
embed_api_key_env = SettingOption(
    "--embed-api-key-env", metavar="NAME", help="The variable that holds that server's key."
)
timeout_s = SettingOption(
    "--timeout", "timeout_s", type=NumberRange(0, least_open=True), default=120.0,
    show_default=True, metavar="SECONDS", help="How long one attempt may take.",
)  # fmt: skip
requests_per_min = SettingOption(
    "--rpm", "requests_per_min", type=NumberRange(0, least_open=True), metavar="N",
    help="Requests per minute that a server allows. Default: no limit but what it says itself.",
)  # fmt: skip
tokens_per_min = SettingOption(
    "--tpm", "tokens_per_min", type=NumberRange(0, least_open=True), metavar="N",
    help="Tokens per minute, input and output, likewise.",
)  # fmt: skip
concurrency = SettingOption(
    "--concurrency", type=click.IntRange(min=1), default=8, show_default=True, metavar="N",
    help="How many users are asked about at once.",
)  # fmt: skip
sampling = SettingOption(
    "--sampling", multiple=True, metavar="NAME=VALUE", callback=_sampling,
    help="A further field of each request, such as temperature=0; none is sent unless set.",
)  # fmt: skip
price = SettingOption(
    "--price", metavar="IN,OUT[,CACHED]", callback=_price,
    help="US dollars per million tokens, instead of the price that is known of the model.",
)  # fmt: skip
vectors = SettingOption(
    "--vectors", metavar="FILE.npz", help="Recorded vectors; new ones are added."
)
output_format = SettingOption(
    "--format", "output_format", type=click.Choice(["json", "table"]),
    help="Default: table on a terminal, else json.",
)  # fmt: skip
index = SettingOption(
    "--index", required=True, metavar="DIR", help="The index: a folder, or postgres://…#SCHEMA."
)
replay = SettingOption("--replay", is_flag=True, help="Use what is recorded; never call anything.")
fresh = SettingOption("--fresh", is_flag=True, help="Call, whatever is recorded.")
user = SettingOption("--user", metavar="ID", help="This user only.")
maybe_index = SettingOption(
    "--index", metavar="DIR", help="The index: a folder, or postgres://…#SCHEMA."
)
weights = SettingOption(
    "--weights", metavar="WEIGHTS", help="Fitted weights, which name their users."
)


quiet = SettingOption("--quiet", "-q", is_flag=True, help="Say only what went wrong.")
verbose = SettingOption("--verbose", "-v", is_flag=True, help="Say more.")


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
    def command(*arguments: Any, verbose: bool, quiet: bool, **others: Any) -> T:
        log = logging.getLogger("llmrec")
        log.handlers = [_Stderr()]
        log.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
        return function(*arguments, **others)

    return quiet(verbose(command))


class _Stderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))
