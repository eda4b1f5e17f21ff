"""``llmrec recommend``: ranked lists for profiles, or for a typed sentence."""

from collections.abc import Callable, Collection, Mapping, Sequence

import click

from llmrec.cli import options
from llmrec.cli.lists import (
    bank_of_run,
    list_printer,
    open_fused,
    reviewed_items,
    wanted_profiles,
)
from llmrec.cli.server_options import embeds
from llmrec.matching.bank_choice import BankName
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.masks import allowed_items
from llmrec.matching.profile_match import MatchingName
from llmrec.opening import ServerChoice, embedder_of_index, open_server
from llmrec.recommender import Recommender
from llmrec.records.profile import InterestProfile, read_profiles
from llmrec.records.ranking import Recommendation
from llmrec.records.splits import read_split
from llmrec.waiting import wait_for

_TOGETHER = 256
"""Users for whom the catalogue is read once."""


@click.command("recommend")
@click.argument("profiles", required=False)
@click.option("--like", metavar="TEXT", help="Recommend for this sentence, without a profile.")
@options.index
@options.reviews
@options.split
@options.k
@options.user
@options.only
@options.exclude
@options.category
@options.matching
@options.run_bank
@options.weights
@embeds
@options.vectors
@options.replay
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
    only: list[str] | None,
    exclude: list[str] | None,
    categories: tuple[str, ...],
    matching: MatchingName,
    bank: BankName,
    weights: str | None,
    server: ServerChoice,
    embed_server: ServerChoice,
    vectors: str | None,
    replay: bool,
    rating_max: float,
    columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
) -> None:
    """Recommend the items of an index for PROFILES, or for the sentence given with --like.

    The items that a user has reviewed are left out: those in --reviews (under --split those of
    the history), else those that the profile was made from. With --weights the match with the
    interests is one of several parts of the score; what is popular, and what is reviewed
    together, is known from --reviews.
    """
    if (profiles is None) == (like is None):
        raise click.UsageError("Give PROFILES or --like TEXT, one of them.")
    catalogue = ContentIndex(index)
    allowed = None
    if only is not None or exclude or categories:
        allowed = allowed_items(catalogue, only=only, exclude=exclude or (), categories=categories)
    vector_server = open_server(embed_server)
    opened = embedder_of_index(catalogue, vectors, options.mode(replay), vector_server)
    history = read_split(split) if split else None
    fused = None
    if weights is not None:
        fused = open_fused(weights, catalogue, reviews, history, columns, rating_max, skip_bad_rows)
    recommender = Recommender(catalogue, opened.embedder, servers=(vector_server,), fused=fused)
    show = list_printer(output_format)
    try:
        if like is not None:
            show(wait_for(_recommend_for(recommender, like, k, matching, bank, allowed)))
            return
        run = list(read_profiles(profiles or "-"))
        wanted = wanted_profiles(run, user, history)
        reviewed = None
        if reviews is not None:
            reviewed = reviewed_items(reviews, history, columns, rating_max, skip_bad_rows)
        wait_for(_recommend(recommender, run, wanted, reviewed, show, k, matching, bank, allowed))
    finally:
        opened.close()


async def _recommend_for(
    recommender: Recommender,
    like: str,
    k: int,
    matching: MatchingName,
    bank: BankName,
    only: Collection[str] | None,
) -> Recommendation:
    try:
        chosen = await bank_of_run(recommender, bank, matching)
        return await recommender.arecommend_for(like, k, matching=matching, bank=chosen, only=only)
    finally:
        await recommender.aclose()


async def _recommend(
    recommender: Recommender,
    run: Sequence[InterestProfile],
    wanted: Sequence[InterestProfile],
    reviewed: Mapping[str, Sequence[str]] | None,
    show: Callable[[Recommendation], None],
    k: int,
    matching: MatchingName,
    bank: BankName,
    only: Collection[str] | None,
) -> None:
    try:
        chosen = await bank_of_run(recommender, bank, matching, run)
        for begin in range(0, len(wanted), _TOGETHER):
            for recommendation in await recommender.arecommend_many(
                wanted[begin : begin + _TOGETHER],
                k,
                matching=matching,
                bank=chosen,
                left_out=reviewed,
                only=only,
            ):
                show(recommendation)
    finally:
        await recommender.aclose()
