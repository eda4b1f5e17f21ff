"""``llmrec recommend``: ranked lists for profiles, or for a typed sentence."""

import logging
from collections.abc import Callable, Mapping, Sequence

import click
from rich.console import Console

from llmrec.cli import options
from llmrec.cli.output import print_json, print_recommendation, wants_json
from llmrec.errors import InputError
from llmrec.matching.bank_choice import BankInUse, BankName
from llmrec.matching.catalogue import open_catalogue
from llmrec.matching.profile_match import MatchingName
from llmrec.opening import ServerChoice, embedder_of_index, open_server
from llmrec.recommender import Recommender
from llmrec.records.grouping import read_users
from llmrec.records.profile import InterestProfile, read_profiles
from llmrec.records.ranking import Recommendation
from llmrec.records.splits import Split, read_split
from llmrec.waiting import wait_for

log = logging.getLogger(__name__)


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
@options.embeds
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
    matching: MatchingName,
    bank: BankName,
    base_url: str | None,
    api_key_env: str | None,
    embed_base_url: str | None,
    embed_api_key_env: str | None,
    timeout_s: float,
    vectors: str | None,
    replay: bool,
    rating_max: float,
    columns: dict[str, str],
    skip_bad_rows: bool,
    output_format: str | None,
) -> None:
    """Recommend the items of an index for PROFILES, or for the sentence given with --like.

    The items that a user has reviewed are left out: those in --reviews (under --split those of
    the history), else those that the profile was made from.
    """
    if (profiles is None) == (like is None):
        raise click.UsageError("Give PROFILES or --like TEXT, one of them.")
    catalogue = open_catalogue(index)
    chat_server = ServerChoice(base_url, api_key_env, timeout_s)
    server = open_server(chat_server.for_embeddings(embed_base_url, embed_api_key_env))
    opened = embedder_of_index(catalogue, vectors, options.mode(replay), server)
    recommender = Recommender(catalogue, opened.embedder, servers=(server,))
    show = _print_json if wants_json(output_format) else _print_table
    try:
        if like is not None:
            show(wait_for(_recommend_for(recommender, like, k, matching, bank)))
            return
        run = list(read_profiles(profiles or "-"))
        history = read_split(split) if split else None
        wanted = _wanted(run, user, history)
        reviewed = None
        if reviews is not None:
            reviewed = _reviewed(reviews, history, columns, rating_max, skip_bad_rows)
        wait_for(_recommend(recommender, run, wanted, reviewed, show, k, matching, bank))
    finally:
        opened.close()


async def _recommend_for(
    recommender: Recommender, like: str, k: int, matching: MatchingName, bank: BankName
) -> Recommendation:
    try:
        chosen = await _bank(recommender, bank, matching)
        return await recommender.arecommend_for(like, k, matching=matching, bank=chosen)
    finally:
        await recommender.aclose()


async def _bank(
    recommender: Recommender,
    name: BankName,
    matching: MatchingName,
    run: Sequence[InterestProfile] = (),
) -> BankName | BankInUse:
    """Return the bank chosen once for all lists, and say of how many items it knows nothing."""
    if matching == "cosine":
        return name
    chosen = await recommender.abank(name, run)
    if chosen.n_flat:
        log.warning("%d items are equally near to the whole bank: z = 0", chosen.n_flat)
    return chosen


async def _recommend(
    recommender: Recommender,
    run: Sequence[InterestProfile],
    wanted: Sequence[InterestProfile],
    reviewed: Mapping[str, set[str]] | None,
    show: Callable[[Recommendation], None],
    k: int,
    matching: MatchingName,
    bank: BankName,
) -> None:
    try:
        chosen = await _bank(recommender, bank, matching, run)
        for profile in wanted:
            left_out = None if reviewed is None else reviewed.get(profile.user_id, set())
            show(
                await recommender.arecommend(
                    profile, k, matching=matching, bank=chosen, left_out=left_out
                )
            )
    finally:
        await recommender.aclose()


def _wanted(
    run: Sequence[InterestProfile], user: str | None, split: Split | None
) -> list[InterestProfile]:
    """Return the profiles that lists are made for; the others may still be in the bank."""
    wanted = [p for p in run if split is None or p.user_id in split.lines]
    if len(wanted) < len(run):
        log.info("%d users are not in the split, left out", len(run) - len(wanted))
    if user is None:
        return wanted
    one = [profile for profile in wanted if profile.user_id == user]
    if not one:
        raise InputError(f"--user: no profile of {user!r} among {len(wanted)}")
    return one


def _reviewed(
    path: str,
    split: Split | None,
    columns: Mapping[str, str],
    rating_max: float,
    skip_bad_rows: bool,
) -> dict[str, set[str]]:
    """Return the items that each user has reviewed; under a split those of the history."""
    users = read_users(
        path,
        users=split.lines if split else None,
        columns=columns,
        rating_max=rating_max,
        skip_bad_rows=skip_bad_rows,
    )
    histories = (split.history(user) if split else user for user in users)
    return {
        history.user_id: {review.item_id for review in history.reviews if review.item_id}
        for history in histories
    }


def _print_json(recommendation: Recommendation) -> None:
    print_json(recommendation.to_json())


def _print_table(recommendation: Recommendation) -> None:
    print_recommendation(Console(highlight=False), recommendation)
