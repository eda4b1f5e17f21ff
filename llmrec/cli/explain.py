"""``llmrec explain``: lists whose first items are explained."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import click

from llmrec.cli import list_options, options
from llmrec.cli.costing import costs
from llmrec.cli.lists import print_lists, say_refused
from llmrec.cli.server_options import calls_a_server
from llmrec.cli.spending import Spending
from llmrec.errors import InputError, SettingsError
from llmrec.opening import ServerChoice
from llmrec.records.profile import InterestProfile, read_profiles
from llmrec.records.ranking import Recommendation, read_lists
from llmrec.records.reading import read_items
from llmrec.records.reviews import Item
from llmrec.reranking.composing import explain_composed
from llmrec.reranking.explanations import Explainer
from llmrec.reranking.run import ListRun
from llmrec.stage_opening import open_explainer


@click.command("explain")
@click.argument("lists")
@list_options.of_profiles
@options.items
@list_options.explained
@list_options.explain
@options.user
@options.calls
@options.replay
@options.fresh
@options.model
@calls_a_server
@options.concurrency
@options.sampling
@options.prompts
@options.item_column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
@costs
def command(
    lists: str,
    profiles: str,
    items: str | None,
    explained: int,
    explain: Literal["model", "composed", "none"] | None,
    user: str | None,
    calls: str | None,
    replay: bool,
    fresh: bool,
    model: str | None,
    server: ServerChoice,
    concurrency: int,
    sampling: Mapping[str, Any],
    prompts: str | None,
    item_columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
    spending: Spending,
) -> int:
    """Say why the first items of LISTS were chosen: what recommend and rerank print as JSON.

    A chat model writes it, in one call a user, and it is checked before anybody sees it. What
    does not pass is composed from the profile and the item's entry.
    """
    if items is None:
        raise SettingsError("explain needs --items ITEMS, which describes the items of the lists")
    if explain == "none":
        raise click.UsageError("--explain none leaves nothing to do.")
    read = read_items(items, columns=item_columns, skip_bad_rows=skip_bad_rows)
    entries = {item.item_id: item for item in read}
    titles = {item_id: item.title for item_id, item in entries.items()}
    listed = {one.user_id or "": one for one in read_lists(lists)}
    wanted = _profiles(profiles, listed if user is None else _only(user, listed))
    if explain == "composed":
        composing = _composing(listed, entries, explained)
        return print_lists(
            composing, wanted, output_format, [], concurrency, spending.budget, titles
        )
    if calls is None or model is None:
        raise SettingsError(
            "explain needs --calls LOG, where the calls are recorded, and --model NAME; without a "
            "model there is --explain composed"
        )
    mode = options.mode(replay, fresh)
    opened = spending.open_server(server, mode)
    chat = spending.open_chat(calls, mode, opened, model)
    explainer = open_explainer(chat, model, entries, prompts=prompts, sampling=sampling)
    try:
        asking = _asking(explainer, listed, explained)
        return print_lists(
            asking, wanted, output_format, [opened], concurrency, spending.budget, titles
        )
    finally:
        say_refused(explainer.refused)


async def _asking(
    explainer: Explainer, lists: Mapping[str, Recommendation], explained: int
) -> ListRun:
    async def make(profile: InterestProfile) -> Recommendation:
        return await explainer.explain(lists[profile.user_id], profile, explained)

    return ListRun(make, [explainer.meter])


async def _composing(
    lists: Mapping[str, Recommendation], entries: Mapping[str, Item], explained: int
) -> ListRun:
    async def make(profile: InterestProfile) -> Recommendation:
        return explain_composed(lists[profile.user_id], profile, entries, explained)

    return ListRun(make)


def _only(user: str, lists: Mapping[str, Recommendation]) -> list[str]:
    if user not in lists:
        raise InputError(f"--user: no list of {user!r} among {len(lists)}")
    return [user]


def _profiles(path: str, users: Collection[str]) -> list[InterestProfile]:
    """Return the profiles of these users, in their order."""
    known = {profile.user_id: profile for profile in read_profiles(path)}
    missing = [user for user in users if user not in known]
    if missing:
        raise InputError(f"no profile of user {missing[0]!r}, who has a list", path=path)
    return [known[user] for user in users]
