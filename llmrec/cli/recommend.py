"""``llmrec recommend``: ranked lists for profiles, or for a typed sentence."""

from collections.abc import Mapping
from typing import Any

import click

from llmrec.async_lists import AsyncLists
from llmrec.chat_stages import ChatStages, Explaining
from llmrec.cli import list_options, options
from llmrec.cli.costing import costs
from llmrec.cli.lists import list_printer, print_lists, say_lacking, say_refused, wanted_profiles
from llmrec.cli.matched_lists import Wish, list_for, matched_lists
from llmrec.cli.rerank_options import reranks
from llmrec.cli.reviewed import known_items, maybe_split, n_users, read_reviewed, say_unknown
from llmrec.cli.server_options import embeds
from llmrec.cli.spending import Spending
from llmrec.errors import SettingsError
from llmrec.matching.bank_choice import BankName
from llmrec.matching.catalogue import allowed_of, open_catalogue
from llmrec.matching.profile_match import MatchingName
from llmrec.opening import ServerChoice
from llmrec.records.profile import read_profiles
from llmrec.reranking.options import RerankOptions
from llmrec.waiting import wait_for


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
        reviewed = read_reviewed(reviews, history, columns, rating_max, skip_bad_rows)
    vector_server = spending.open_index_server(catalogue, embed_server, calls, mode)
    opened = spending.open_embedder(catalogue, vectors, mode, vector_server)
    try:
        if like is not None:
            recommender = AsyncLists(
                catalogue, opened.embedder, servers=[vector_server], fused=fused
            )
            listed = wait_for(
                list_for(recommender, like, Wish(k, matching, bank, allowed, diversity))
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
        wish = Wish(k, matching, bank, allowed, diversity, rerank, explain)
        known = known_items(wanted, reviewed or {})
        say_unknown(known, catalogue)
        making = matched_lists(recommender, opened.embedder, stages, wish, run, wanted, known)
        servers = [chat_server, vector_server]
        code = print_lists(
            making, wanted, output_format, servers, concurrency, spending.budget, catalogue.titles
        )
        say_lacking(fused, len(wanted))
        if explain == "model":
            say_refused(stages.explainer().refused)
        return code
    finally:
        opened.close()
