"""``llmrec recommend``: ranked lists for profiles, or for a typed sentence."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from llmrec.async_lists import AsyncLists
from llmrec.chat_stages import SHORTLIST, ChatStages, Explaining
from llmrec.cli import list_options, options
from llmrec.cli.costing import costs
from llmrec.cli.lists import (
    bank_of_run,
    histories,
    known_items,
    list_printer,
    maybe_split,
    n_users,
    plan_interests,
    print_lists,
    reviewed_items,
    say_refused,
    wanted_profiles,
)
from llmrec.cli.rerank_options import reranks
from llmrec.cli.server_options import embeds
from llmrec.cli.spending import Spending
from llmrec.errors import ChatError, RecordingMissing, SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank_choice import BankInUse, BankName
from llmrec.matching.catalogue import allowed_of, open_catalogue
from llmrec.matching.profile_match import MatchingName
from llmrec.opening import ServerChoice
from llmrec.records.profile import InterestProfile, read_profiles
from llmrec.records.ranking import Recommendation
from llmrec.reranking.options import RerankOptions
from llmrec.reranking.run import ListRun
from llmrec.waiting import wait_for

_TOGETHER = 256
"""Users for whom the catalogue is read once."""


@click.command("recommend")
@click.argument("profiles", required=False)
@click.option("--like", metavar="TEXT", help="Recommend for this sentence, without a profile.")
@options.index
@options.reviews
@options.split
@list_options.k
@options.user
@list_options.only
@list_options.exclude
@list_options.category
@list_options.matching
@list_options.run_bank
@list_options.diversity
@list_options.rerank
@reranks
@list_options.explain
@options.calls
@options.replay
@options.fresh
@options.model
@options.concurrency
@options.sampling
@options.prompts
@options.weights
@embeds
@options.vectors
@options.rating_max
@options.column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
@costs
def command(
    profiles: str | None,
    like: str | None,
    index: str,
    reviews: str | None,
    split: str | None,
    k: int,
    user: str | None,
    only: list[str] | None,
    exclude: list[str] | None,
    categories: tuple[str, ...],
    matching: MatchingName,
    bank: BankName,
    diversity: float,
    rerank: bool,
    rerank_options: RerankOptions,
    explain: Explaining | None,
    calls: str | None,
    replay: bool,
    fresh: bool,
    model: str | None,
    concurrency: int,
    sampling: Mapping[str, Any],
    prompts: str | None,
    weights: str | None,
    server: ServerChoice,
    embed_server: ServerChoice,
    vectors: str | None,
    rating_max: float,
    columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
    spending: Spending,
) -> int:
    """Recommend the items of an index for PROFILES, or for the sentence given with --like.

    The items that a user has reviewed are left out: those in --reviews (under --split those of
    the history); of a user who is not in it, those that the profile was made from. With --weights
    the match with the interests is one of several parts of the score; what is popular, and what
    is reviewed together, is known from --reviews. With --rerank a chat model puts the best
    matches in order, with --explain it says why the first three were chosen: one call a user each.
    """
    if (profiles is None) == (like is None):
        raise click.UsageError("Give PROFILES or --like TEXT, one of them.")
    explain = explain or "composed"
    if like is not None and (rerank or explain == "model"):
        raise SettingsError("--rerank and --explain need PROFILES: a sentence has no profile")
    mode = options.mode(replay, fresh)
    catalogue = open_catalogue(index)
    allowed = None
    if only is not None or exclude or categories:
        allowed = allowed_of(catalogue, only=only, exclude=exclude or (), categories=categories)
    history = maybe_split(split)
    fused = reviewed = None
    if weights is not None:
        from llmrec.cli.fused import open_fused

        fused, reviewed = open_fused(
            weights, catalogue, reviews, history, columns, rating_max, skip_bad_rows
        )
    elif reviews is not None and like is None:
        users = histories(reviews, history, columns, rating_max, skip_bad_rows)
        reviewed = {user.user_id: reviewed_items(user) for user in users}
    vector_server = spending.open_embed_server(embed_server, calls, mode)
    opened = spending.open_embedder(catalogue, vectors, mode, vector_server)
    try:
        if like is not None:
            recommender = AsyncLists(
                catalogue, opened.embedder, servers=[vector_server], fused=fused
            )
            listed = wait_for(
                _recommend_for(recommender, like, _Wish(k, matching, bank, allowed, diversity))
            )
            list_printer(output_format)(listed)
            return 0
        run = list(read_profiles(profiles or "-"))
        wanted = wanted_profiles(run, user, history)
        stages, chat_server = ChatStages(), None
        if rerank or explain == "model":
            if calls is None or model is None:
                raise SettingsError("--rerank and --explain need --calls LOG and --model NAME")
            from llmrec.stage_opening import open_stages

            chat_server = spending.open_server(server, mode)
            stages = open_stages(
                spending.open_chat(calls, mode, chat_server, model),
                model,
                catalogue,
                rerank_options=rerank_options,
                n_users=n_users(reviewed) if reviewed else None,
                prompts=prompts,
                sampling=sampling,
            )
        recommender = AsyncLists(catalogue, opened.embedder, stages, fused=fused)
        wish = _Wish(k, matching, bank, allowed, diversity, rerank, explain)
        known = known_items(wanted, reviewed or {})
        making = _lists(recommender, opened.embedder, stages, wish, run, wanted, known)
        servers = [chat_server, vector_server]
        code = print_lists(
            making, wanted, output_format, servers, concurrency, spending.budget, catalogue.titles
        )
        if stages.explainer is not None:
            say_refused(stages.explainer.refused)
        return code
    finally:
        opened.close()


@dataclass(frozen=True, slots=True)
class _Wish:
    """What lists are asked for."""

    k: int
    matching: MatchingName
    bank: BankName
    only: Collection[str] | None
    diversity: float
    rerank: bool = False
    explain: Explaining = "composed"


async def _recommend_for(recommender: AsyncLists, like: str, wish: _Wish) -> Recommendation:
    try:
        return await recommender.arecommend_for(
            like,
            wish.k,
            matching=wish.matching,
            bank=await bank_of_run(recommender, wish.bank, wish.matching),
            only=wish.only,
            diversity=wish.diversity,
        )
    finally:
        await recommender.aclose()


async def _lists(
    recommender: AsyncLists,
    embedder: Embedder,
    stages: ChatStages,
    wish: _Wish,
    run: Sequence[InterestProfile],
    wanted: Sequence[InterestProfile],
    known: Mapping[str, Sequence[str]],
) -> ListRun:
    """Return the run that makes the lists."""
    try:
        chosen = await bank_of_run(recommender, wish.bank, wish.matching, run)
    finally:
        plan_interests(embedder, wanted, _TOGETHER)
    matched = _Matched(recommender, wish, chosen, wanted, known)

    async def make(profile: InterestProfile) -> Recommendation:
        return await recommender.afinish(
            await matched.of(profile),
            profile,
            wish.k,
            rerank=wish.rerank,
            recent=known[profile.user_id],
            explain=wish.explain,
        )

    return ListRun(make, stages.meters)


class _Matched:
    """The first stage's lists, made for many users at a time as long as none of them fails."""

    def __init__(
        self,
        recommender: AsyncLists,
        wish: _Wish,
        bank: BankName | BankInUse,
        wanted: Sequence[InterestProfile],
        known: Mapping[str, Sequence[str]],
    ) -> None:
        self._recommender = recommender
        self._wish = wish
        self._bank = bank
        self._wanted = wanted
        self._places = {profile.user_id: place for place, profile in enumerate(wanted)}
        self._known = known
        self._together = _TOGETHER
        self._made: dict[str | None, Recommendation] = {}
        self._turn = asyncio.Lock()

    async def of(self, profile: InterestProfile) -> Recommendation:
        """Return the list of one of the wanted users, and forget it."""
        async with self._turn:
            if profile.user_id not in self._made:
                await self._make_from(self._places[profile.user_id])
            return self._made.pop(profile.user_id)

    async def _make_from(self, place: int) -> None:
        """Make the lists of the user at a place and of those after; of that user alone, if need be.

        Who fails must not fail the others: after an error everybody is matched alone.
        """
        try:
            lists = await self._match(self._wanted[place : place + self._together])
        except (RecordingMissing, ChatError):
            if self._together == 1:
                raise
            self._together = 1
            lists = await self._match(self._wanted[place : place + 1])
        self._made.update((listed.user_id, listed) for listed in lists)

    async def _match(self, profiles: Sequence[InterestProfile]) -> list[Recommendation]:
        return await self._recommender.arecommend_many(
            profiles,
            self._wish.k,
            matching=self._wish.matching,
            bank=self._bank,
            left_out=self._known,
            only=self._wish.only,
            diversity=self._wish.diversity,
            depth=max(SHORTLIST, self._wish.k) if self._wish.rerank else None,
        )
