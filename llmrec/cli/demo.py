"""``llmrec demo``: the whole way with the data that comes with the package."""

import asyncio
import shutil
import tempfile
from functools import cache
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from llmrec.chat_opening import open_chat
from llmrec.chat_stages import ChatStages
from llmrec.cli import options
from llmrec.cli.output import origins_of, print_items, print_profile
from llmrec.embedder_opening import embedder_of_index
from llmrec.errors import InputError
from llmrec.llm.chat import ChatModel
from llmrec.matching.catalogue import Catalogue
from llmrec.recommender import Recommender
from llmrec.records.grouping import read_users
from llmrec.records.reading import read_items
from llmrec.resources import resource_dir
from llmrec.stage_opening import open_explainer, open_extractor, open_reranker

SHOWN_USERS = ("u01", "u08", "u12")
_QUOTES = 1
_PICKS = 3
_NEXT = """\
Now with your own data, a file of reviews (user_id, item_id, text) and one of items
(item_id, title, description, categories):

  llmrec index items.jsonl -o index --embedder lexical
  llmrec extract reviews.jsonl --items items.jsonl -o profiles.jsonl --calls calls.jsonl \\
      --model NAME
  llmrec recommend profiles.jsonl --index index --reviews reviews.jsonl -k 3 --rerank --explain \\
      --calls calls.jsonl --model NAME
"""


@click.command("demo")
@click.argument("directory", required=False)
@options.says_on_stderr
def command(directory: str | None) -> None:
    """Show what this does, offline, with twelve invented people and 160 films, series and books.

    With DIRECTORY, write the files of the demo there instead.
    """
    if directory is not None:
        _write_files(Path(directory))
        return
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_show(console, Path(folder)))
    click.echo(_NEXT, nl=False)


async def _show(console: Console, folder: Path) -> None:
    data = resource_dir("demo")
    made = await Recommender.aindex(
        read_items(data / "items.jsonl"),
        folder / "index",
        vectors=data / "vectors.npz",
        mode="replay",
    )
    recommender = _recommender(made.catalogue, data)
    users = read_users(data / "reviews.jsonl")
    profiles = [await recommender.aprofile(user.reviews) for user in users]
    bank = await recommender.abank(profiles=profiles)
    for profile in profiles:
        if profile.user_id in SHOWN_USERS:
            print_profile(console, profile, quotes=_QUOTES)
            console.print()
            console.print(Text("  recommended", style="bold"))
            picks = await recommender.arecommend(
                profile, _PICKS, bank=bank, rerank=True, explain=True
            )
            origins = origins_of(profile, recommender.catalogue.titles)
            print_items(console, picks.recommendations, origins)


def _recommender(catalogue: Catalogue, data: Path) -> Recommender:
    """Return a recommender that replays each stage from a log of its own."""

    @cache
    def replayed(stage: str) -> ChatModel:
        return open_chat(data / f"{stage}.jsonl", "replay")

    entries = catalogue.entries
    stages = ChatStages(
        lambda: open_extractor(replayed("extract_profile"), "claude", catalogue.titles),
        lambda: open_reranker(replayed("rerank"), "claude", entries),
        lambda: open_explainer(replayed("explain"), "claude", entries),
    )
    embedder = embedder_of_index(catalogue, None, "replay").embedder
    return Recommender(catalogue, embedder, stages)


def _write_files(target: Path) -> None:
    data = resource_dir("demo")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"no folder can be made here: {error.strerror}", path=target) from None
    files = sorted(data.iterdir())
    there = [file.name for file in files if (target / file.name).exists()]
    if there:
        raise InputError(f"{', '.join(there)} would be written over", path=target)
    for file in files:
        shutil.copy(file, target)
    click.echo(f"{target}: {len(files)} files; {target / 'README.md'} says what they are", err=True)
