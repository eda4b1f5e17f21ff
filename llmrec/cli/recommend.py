"""``llmrec recommend``: ranked lists for profiles, or for a typed sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from llmrec.async_recommender import Explaining
from llmrec.cli import options
from llmrec.cli.lists import (
    bank_of_run,
    list_printer,
    n_users,
    print_lists,
    reviewed_items,
    wanted_profiles,
)
from llmrec.errors import SettingsError
from llmrec.matching.bank_choice import BankName
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.profile_match import MatchingName
from llmrec.opening import (
    ChatStages,
    ServerChoice,
    embedder_of_index,
    live_chat,
    open_chat,
    open_server,
    open_stages,
)
from llmrec.recommender import Recommender
from llmrec.records.profile import InterestProfile, read_profiles
from llmrec.records.ranking import Recommendation
from llmrec.records.splits import read_split
from llmrec.reranking.reranking import RerankOptions
from llmrec.reranking.run import ListRun
from llmrec.waiting import wait_for


@click.command("recommend")
@click.argument("profiles", required=False)
@click.option("--like", metavar="TEXT", help="Recommend for this sentence, without a profile.")
@options.index
@options.reviews
@options.split
@options.k
@options.user
@options.matching
@options.run_bank
@options.rerank
@options.reranks
@options.explain
@options.calls
@options.replay
@options.fresh
@options.model
@options.sampling
@options.prompts
@options.embeds
@options.vectors
@options.rating_max
@options.column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
def command(
    profiles: str | None,
    like: str | None,
    index: str,
    reviews: str | None,
    split: str | None,
    k: int,
    user: str | None,
    matching: MatchingName,
    bank: BankName,
    rerank: bool,
    rerank_options: RerankOptions,
    explain: Explaining | None,
    calls: str | None,
    replay: bool,
    fresh: bool,
    model: str | None,
    sampling: dict[str, Any],
    prompts: str | None,
    base_url: str | None,
    api_key_env: str | None,
    embed_base_url: str | None,
    embed_api_key_env: str | None,
    timeout_s: float,
    vectors: str | None,
    rating_max: float,
    columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
) -> int:
    """Recommend the items of an index for PROFILES, or for the sentence given with --like.

    The items that a user has reviewed are left out: those in --reviews (under --split those of
    the history), else those that the profile was made from. With --rerank a chat model puts the
    best matches in order, with --explain it says why the first three were chosen: one call a user
    each.
    """
    if (profiles is None) == (like is None):
        raise click.UsageError("Give PROFILES or --like TEXT, one of them.")
    explain = explain or "composed"
    if like is not None and (rerank or explain == "model"):
        raise SettingsError("--rerank and --explain need PROFILES: a sentence has no profile")
    mode = options.mode(replay, fresh)
    catalogue = ContentIndex(index)
    choice = ServerChoice(base_url, api_key_env, timeout_s)
    embed_server = open_server(choice.for_embeddings(embed_base_url, embed_api_key_env))
    opened = embedder_of_index(catalogue, vectors, mode, embed_server)
    try:
        if like is not None:
            recommender = Recommender(catalogue, opened.embedder, servers=[embed_server])
            listed = wait_for(_recommend_for(recommender, like, k, matching, bank))
            list_printer(output_format)(listed)
            return 0
        run = list(read_profiles(profiles or "-"))
        history = read_split(split) if split else None
        wanted = wanted_profiles(run, user, history)
        reviewed = None
        if reviews is not None:
            reviewed = reviewed_items(reviews, history, columns, rating_max, skip_bad_rows)
        stages, server = ChatStages(), None
        if rerank or explain == "model":
            if calls is None or model is None:
                raise SettingsError("--rerank and --explain need --calls LOG and --model NAME")
            server = None if mode == "replay" else open_server(choice)
            stages = open_stages(
                open_chat(calls, mode, live_chat(server)),
                model,
                catalogue,
                rerank_options=rerank_options,
                n_users=n_users(reviewed) if reviewed else None,
                prompts=prompts,
                sampling=sampling,
            )
        recommender = Recommender(catalogue, opened.embedder, stages)
        wish = _Wish(k, matching, bank, rerank, explain)
        making = _lists(recommender, stages, wish, run, reviewed)
        servers = [server, embed_server]
        return print_lists(making, wanted, output_format, servers, catalogue.titles)
    finally:
        opened.close()


@dataclass(frozen=True, slots=True)
class _Wish:
    """What lists are asked for."""

    k: int
    matching: MatchingName
    bank: BankName
    rerank: bool
    explain: Explaining


async def _recommend_for(
    recommender: Recommender, like: str, k: int, matching: MatchingName, bank: BankName
) -> Recommendation:
    try:
        chosen = await bank_of_run(recommender, bank, matching)
        return await recommender.arecommend_for(like, k, matching=matching, bank=chosen)
    finally:
        await recommender.aclose()


async def _lists(
    recommender: Recommender,
    stages: ChatStages,
    wish: _Wish,
    run: Sequence[InterestProfile],
    reviewed: Mapping[str, Sequence[str]] | None,
) -> ListRun:
    """Return the run that makes the lists."""
    chosen = await bank_of_run(recommender, wish.bank, wish.matching, run)

    async def make(profile: InterestProfile) -> Recommendation:
        own = None if reviewed is None else reviewed.get(profile.user_id, ())
        return await recommender.arecommend(
            profile,
            wish.k,
            matching=wish.matching,
            bank=chosen,
            left_out=own,
            rerank=wish.rerank,
            recent=own,
            explain=wish.explain,
        )

    return ListRun(make, stages.meters)
