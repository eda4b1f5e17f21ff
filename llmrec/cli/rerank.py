"""``llmrec rerank``: lists that a chat model puts in order."""

import logging
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from llmrec.async_lists import AsyncLists
from llmrec.cli import evaluation_options, list_options, options
from llmrec.cli.costing import costs
from llmrec.cli.lists import bank_of_run, plan_interests, print_lists, wanted_profiles
from llmrec.cli.rerank_options import reranks
from llmrec.cli.reviewed import known_items, maybe_split, n_users, read_reviewed
from llmrec.cli.server_options import embeds
from llmrec.cli.spending import Spending
from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank_choice import BankName
from llmrec.matching.catalogue import Catalogue, open_catalogue
from llmrec.matching.profile_match import MatchingName
from llmrec.opening import ServerChoice
from llmrec.records.candidates import read_candidates
from llmrec.records.profile import InterestProfile, read_profiles
from llmrec.records.ranking import Recommendation, ScoredItem
from llmrec.records.reading import read_items
from llmrec.records.reviews import Item
from llmrec.reranking.options import RerankOptions
from llmrec.reranking.reranking import Reranker
from llmrec.reranking.run import ListRun
from llmrec.stage_opening import open_reranker

log = logging.getLogger(__name__)


@click.command("rerank")
@click.argument("profiles")
@options.items
@evaluation_options.all_reviews
@options.split
@list_options.candidates
@options.maybe_index
@list_options.shortlist
@options.user
@options.calls
@options.replay
@options.fresh
@options.model
@reranks
@list_options.matching
@list_options.run_bank
@embeds
@options.vectors
@options.concurrency
@options.sampling
@options.rating_max
@options.prompts
@options.column
@options.item_column
@options.skip_bad_rows
@options.output_format
@options.says_on_stderr
@costs
def command(
    profiles: str,
    items: str | None,
    reviews: str,
    split: str | None,
    candidates: str | None,
    index: str | None,
    shortlist: int,
    user: str | None,
    calls: str | None,
    replay: bool,
    fresh: bool,
    model: str | None,
    rerank_options: RerankOptions,
    matching: MatchingName,
    bank: BankName,
    server: ServerChoice,
    embed_server: ServerChoice,
    vectors: str | None,
    concurrency: int,
    sampling: Mapping[str, Any],
    rating_max: float,
    prompts: str | None,
    columns: dict[str, str],
    item_columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
    spending: Spending,
) -> int:
    """Put the lists of PROFILES in order with a chat model: one call a user.

    The lists are those of --candidates, as they are, or the -n best matches of --index. The model
    is shown the profile, the titles of the last ten items in --reviews, and the list.
    """
    if calls is None or model is None:
        raise SettingsError(
            "rerank needs --calls LOG, where the calls are recorded, and --model NAME"
        )
    if (candidates is None) == (index is None):
        raise click.UsageError("Give --candidates FILE or --index DIR, one of them.")
    mode = options.mode(replay, fresh)
    chat_server = spending.open_server(server, mode)
    history = maybe_split(split)
    run = list(read_profiles(profiles))
    wanted = wanted_profiles(run, user, history)
    reviewed = read_reviewed(reviews, history, columns, rating_max, skip_bad_rows)
    catalogue = open_catalogue(index) if index else None
    entries = _entries(items, catalogue, item_columns, skip_bad_rows)
    reranker = open_reranker(
        spending.open_chat(calls, mode, chat_server, model),
        model,
        entries,
        rerank_options,
        n_users=n_users(reviewed),
        prompts=prompts,
        sampling=sampling,
    )
    reranking = _Reranking(reranker, known_items(wanted, reviewed))
    if catalogue is None:
        given = read_candidates(candidates or "", entries)
        making = reranking.given(given, entries)
        wanted = _with_candidates(wanted, given)
        return print_lists(
            making, wanted, output_format, [chat_server], concurrency, spending.budget
        )
    vector_server = spending.open_index_server(catalogue, embed_server, calls, mode)
    opened = spending.open_embedder(catalogue, vectors, mode, vector_server)
    try:
        recommender = AsyncLists(catalogue, opened.embedder)
        making = reranking.matches(
            recommender, opened.embedder, run, wanted, shortlist, matching, bank
        )
        servers = [chat_server, vector_server]
        return print_lists(making, wanted, output_format, servers, concurrency, spending.budget)
    finally:
        opened.close()


@dataclass(frozen=True, slots=True)
class _Reranking:
    """The second stage, behind either first stage.

    Attributes:
        reranker: puts lists in order.
        known: the items that each user has reviewed, oldest first.
    """

    reranker: Reranker
    known: Mapping[str, Sequence[str]]

    async def given(
        self, candidates: Mapping[str, Sequence[str]], entries: Mapping[str, Item]
    ) -> ListRun:
        """Rerank given candidates, as they are."""

        async def make(profile: InterestProfile) -> Recommendation:
            listed = tuple(
                ScoredItem(item_id, entries[item_id].title, rank)
                for rank, item_id in enumerate(candidates[profile.user_id], 1)
            )
            first = Recommendation(user_id=profile.user_id, recommendations=listed)
            return await self._rerank(first, profile)

        return ListRun(make, [self.reranker.meter])

    async def matches(
        self,
        recommender: AsyncLists,
        embedder: Embedder,
        run: Sequence[InterestProfile],
        wanted: Sequence[InterestProfile],
        shortlist: int,
        matching: MatchingName,
        bank: BankName,
    ) -> ListRun:
        """Rerank the best matches of an index."""
        try:
            chosen = await bank_of_run(recommender, bank, matching, run)
        finally:
            plan_interests(embedder, wanted, together=1)

        async def make(profile: InterestProfile) -> Recommendation:
            first = await recommender.arecommend(
                profile,
                shortlist,
                matching=matching,
                bank=chosen,
                left_out=self.known[profile.user_id],
                explain="none",
            )
            return await self._rerank(first, profile)

        return ListRun(make, [self.reranker.meter])

    async def _rerank(self, first: Recommendation, profile: InterestProfile) -> Recommendation:
        recent = self.known[profile.user_id]
        return await self.reranker.rerank(first, profile, recent)


def _entries(
    items: str | None,
    index: Catalogue | None,
    columns: Mapping[str, str],
    skip_bad_rows: bool,
) -> Mapping[str, Item]:
    """Return the catalogue's entries by id: those of --items, else those of the index."""
    if items is not None:
        read = read_items(items, columns=columns, skip_bad_rows=skip_bad_rows)
        return {item.item_id: item for item in read}
    if index is None:
        raise SettingsError("--candidates needs --items ITEMS, which describes them")
    return index.entries


def _with_candidates(
    wanted: Sequence[InterestProfile], candidates: Container[str]
) -> list[InterestProfile]:
    """Return the profiles of users who have candidates."""
    found = [profile for profile in wanted if profile.user_id in candidates]
    if len(found) < len(wanted):
        log.info("%d users have no candidates, left out", len(wanted) - len(found))
    return found
