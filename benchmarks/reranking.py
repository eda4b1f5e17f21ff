"""What reranking brings on recorded lists, and where a model puts what it is shown first.

    python benchmarks/reranking.py NAME DATA RECORDINGS [NAME DATA RECORDINGS …]

DATA has items.jsonl.gz and reviews.jsonl.gz; RECORDINGS has split.jsonl, rerank_candidates.jsonl
(lists with ``target_item``), extract_profile.jsonl, rerank.jsonl and vectors.npz. Nothing is
called. Prints the tables of docs/reranking.md: nDCG@10 of each system within the same lists, paired
with the reranker's; the first stage and the model fused; tokens and prices; position bias.
"""

import asyncio
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from llmrec.chat_opening import open_chat
from llmrec.embedder_opening import embedder_of_index
from llmrec.evaluation.baselines import ON_REQUEST, SYSTEMS
from llmrec.evaluation.found import Found
from llmrec.evaluation.intervals import Interval, mean_interval
from llmrec.evaluation.material import Material, visible_reviews
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.significance import compare
from llmrec.llm.chat import Usage
from llmrec.llm.pricing import known_price
from llmrec.llm.prompts import load_prompt
from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Person
from llmrec.matching.profile_match import embedded_tastes
from llmrec.profiling.extraction import PLACEHOLDERS, PROMPT_NAME, Extractor
from llmrec.profiling.run import ExtractionRun
from llmrec.recommender import Recommender
from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation, ScoredItem
from llmrec.records.reading import read_items
from llmrec.records.reviews import Item
from llmrec.records.splits import read_split
from llmrec.records.tables import read_lines
from llmrec.reranking.options import RerankOptions
from llmrec.reranking.order import fused
from llmrec.stage_opening import open_reranker

Array = NDArray[np.float64]

NDCG = Metric.parse("nDCG@10")
FIRST_STAGE = "profile-hub"
NOT_HERE = (*ON_REQUEST, "fused-without-llm", "fused", "weighted")  # fitted on whole catalogues
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
FOLDS = 5
MODELS = ("gpt-5-mini", "claude-haiku-4-5", "claude-sonnet-4-5")
QUARTERS = ((1, 5), (6, 10), (11, 15), (16, 20))


@dataclass(frozen=True)
class Judged:
    """A recorded list.

    Attributes:
        person: what systems without a model may know, and the profile.
        shown: positions in the catalogue, in the order shown.
        target: the place in ``shown`` of the held-out item.
        order: places in ``shown``, in the model's order.
    """

    person: Person
    shown: list[int]
    target: int
    order: list[int]


@dataclass(frozen=True)
class DataSet:
    """A data set with its recorded lists."""

    name: str
    material: Material
    lists: list[Judged]
    usage: Usage


async def read_set(name: str, data: Path, recordings: Path) -> DataSet:
    """Replay profiles and lists of one data set."""
    items = list(read_items(data / "items.jsonl.gz"))
    entries = {item.item_id: item for item in items}
    positions = {item_id: place for place, item_id in enumerate(entries)}
    split = read_split(recordings / "split.jsonl")
    users = list(read_users(data / "reviews.jsonl.gz"))
    histories = {u.user_id: split.history(u) for u in users if u.user_id in split.lines}
    profiles = await profiles_of(histories, entries, recordings)
    with tempfile.TemporaryDirectory() as folder:
        vectors = recordings / "vectors.npz"
        recommender = await Recommender.aindex(
            items, Path(folder) / "index", vectors=vectors, mode="replay"
        )
        bank = await recommender.abank("run", profiles.values())
        rows = np.array(recommender.catalogue.rows)
        embedder = embedder_of_index(recommender.catalogue, vectors, "replay").embedder
    material = Material(
        items=items,
        interactions=Interactions.of(visible_reviews(users, split), positions),
        vectors=rows,
        hub=bank.hub,
    )
    log = open_chat(recordings / "rerank.jsonl", "replay")
    reranker = open_reranker(log, "claude", entries, RerankOptions(order="first-stage"))
    lists = []
    for _, raw in read_lines(recordings / "rerank_candidates.jsonl"):
        line = json.loads(raw)
        profile, shown = profiles[line["user_id"]], line["candidates"]
        given = tuple(ScoredItem(i, entries[i].title, rank) for rank, i in enumerate(shown, 1))
        listed = Recommendation(user_id=profile.user_id, recommendations=given)
        best = await reranker.rerank(listed, profile, profile.reviewed)
        (taste,) = await embedded_tastes([profile.interests], embedder)
        lists.append(
            Judged(
                person=Person.of(histories[profile.user_id], positions, profile, taste),
                shown=[positions[item_id] for item_id in shown],
                target=shown.index(line["target_item"]),
                order=[shown.index(item.item_id) for item in best],
            )
        )
    return DataSet(name, material, lists, reranker.meter.usage)


async def profiles_of(
    histories: dict[str, UserReviews], entries: dict[str, Item], recordings: Path
) -> dict[str, InterestProfile]:
    """Replay the profiles of all users."""
    extractor = Extractor(
        chat=open_chat(recordings / "extract_profile.jsonl", "replay"),
        model="claude",
        prompt=load_prompt(PROMPT_NAME, PLACEHOLDERS),
        titles={item_id: item.title for item_id, item in entries.items()},
    )
    run = ExtractionRun(extractor)
    return {profile.user_id: profile async for profile in run.profiles(histories.values())}


def ndcg(above: Sequence[int], tied: Sequence[int]) -> Array:
    """Return nDCG@10 of one target in each list: how many score higher, how many the same."""
    users, ones = np.arange(len(above)), np.ones(len(above))
    return NDCG.values(
        Found(
            user_ids=tuple(map(str, users)),
            missing=(),
            users=users,
            above=np.array(above),
            tied=np.array(tied),
            gains=ones,
            relevant_users=users,
            relevant_gains=ones,
        )
    )


def of_scores(scores: Sequence[Array], lists: Sequence[Judged]) -> Array:
    """Return nDCG@10 of each list by scores of what it shows; ties count their expected value."""
    own = [each[judged.target] for each, judged in zip(scores, lists, strict=True)]
    above = [int(np.sum(each > score)) for each, score in zip(scores, own, strict=True)]
    tied = [int(np.sum(each == score)) for each, score in zip(scores, own, strict=True)]
    return ndcg(above, tied)


def of_orders(orders: Sequence[Sequence[int]], lists: Sequence[Judged]) -> Array:
    """Return nDCG@10 of each list by an order of what it shows."""
    above = [order.index(judged.target) for order, judged in zip(orders, lists, strict=True)]
    return ndcg(above, [1] * len(above))


def print_systems(data: DataSet) -> None:
    """Print every system within the same lists, and the reranker's difference to it."""
    lists = data.lists
    model = of_orders([judged.order for judged in lists], lists)
    print(f"\n**{data.name}** ({len(lists)} lists of {len(lists[0].shown)})\n")
    print("| within the lists | nDCG@10 | reranked − it | p |\n|---|---|---|---|")
    print(f"| **reranked** | {interval(mean_interval(model))} | | |")
    rows = []
    for system in (system for name, system in SYSTEMS.items() if name not in NOT_HERE):
        part = system.build(data.material)
        scores = [part.scores(judged.person)[judged.shown] for judged in lists]
        values = of_scores([np.round(each, 9) for each in scores], lists)
        rows.append((values, system))
    for values, system in sorted(rows, key=lambda row: -row[0].mean()):
        against = compare(model, values)
        what = f"{system.name} (the first stage)" if system.name == FIRST_STAGE else system.name
        print(
            f"| {what} | {interval(mean_interval(values))} | {signed(against.difference)} | "
            f"{against.p_value:.4f} |"
        )


def print_fused(data: DataSet) -> None:
    """Print the first stage and the model fused by reciprocal ranks, half to half and fitted."""
    lists = data.lists
    part = SYSTEMS[FIRST_STAGE].build(data.material)
    first = [
        np.argsort(-part.scores(judged.person)[judged.shown], kind="stable").tolist()
        for judged in lists
    ]
    by_weight = {
        weight: of_orders(
            [
                fused([judged.order, order], [weight, 1 - weight])
                for judged, order in zip(lists, first, strict=True)
            ],
            lists,
        )
        for weight in WEIGHTS
    }
    folds = np.array([fold_of(judged.person.user_id) for judged in lists])
    fitted = np.zeros(len(lists))
    chosen = []
    for fold in range(FOLDS):
        best = max(WEIGHTS, key=lambda w: (by_weight[w][folds != fold].mean(), w))
        chosen.append(best)
        fitted[folds == fold] = by_weight[best][folds == fold]
    for name, values in (("half to half", by_weight[0.5]), (f"fitted {chosen}", fitted)):
        against = compare(values, by_weight[1.0])
        print(
            f"| {data.name} | {name} | {interval(mean_interval(values))} | "
            f"{signed(against.difference)} | {against.p_value:.3f} |"
        )


def fold_of(user_id: str) -> int:
    return int(hashlib.sha256(user_id.encode()).hexdigest(), 16) % FOLDS


def print_costs(data: DataSet) -> None:
    """Print tokens a call, and what 1,000 calls cost."""
    n = len(data.lists)
    tokens_in, tokens_out = data.usage.input_tokens / n, data.usage.output_tokens / n
    prices = []
    for name in MODELS:
        price = known_price(name)
        assert price is not None
        usd = (tokens_in * price.input_usd + tokens_out * price.output_usd) / 1000
        prices.append(f"${usd:.2f}")
    print(f"| {data.name} | {tokens_in:,.0f} | {tokens_out:,.0f} | {' | '.join(prices)} |")


def print_bias(lists: Sequence[Judged], name: str) -> None:
    """Print where the model puts what it was shown first."""
    n = len(lists[0].shown)
    ranks = np.array([np.argsort(judged.order) + 1 for judged in lists])  # (n_lists, n_shown)
    agreement = [stats.kendalltau(np.arange(n), row).statistic for row in ranks]
    quarters = [interval(mean_interval(ranks[:, a - 1 : b].mean(axis=1)), 1) for a, b in QUARTERS]
    firsts = np.array([judged.order[0] for judged in lists])
    shares = [f"{np.mean((firsts >= a - 1) & (firsts < b)):.2f}" for a, b in QUARTERS]
    print(
        f"| {name} | {signed(compare(agreement, np.zeros(len(lists))).difference)} | "
        f"{' | '.join(quarters)} | {' · '.join(shares)} |"
    )


def interval(found: Interval, digits: int = 3) -> str:
    return f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def signed(found: Interval) -> str:
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


async def main() -> None:
    """Print all tables."""
    given = iter(sys.argv[1:])
    sets = [
        await read_set(name, Path(data), Path(recordings))
        for name, data, recordings in zip(given, given, given, strict=True)
    ]
    for data in sets:
        print_systems(data)
    print("\n| | first stage and model | nDCG@10 | it − reranked | p |\n|---|---|---|---|---|")
    for data in sets:
        print_fused(data)
    print(f"\n| | tokens in | tokens out | {' | '.join(MODELS)} |")
    print("|---" * (3 + len(MODELS)) + "|")
    for data in sets:
        print_costs(data)
    shown = " | ".join(f"shown {a}–{b}" for a, b in QUARTERS)
    print(f"\n| lists | Kendall's τ, shown and replied | {shown} | first choice |")
    print("|---" * (3 + len(QUARTERS)) + "|")
    for data in sets:
        print_bias(data.lists, data.name)
    print_bias([judged for data in sets for judged in data.lists], "all")


if __name__ == "__main__":
    asyncio.run(main())
