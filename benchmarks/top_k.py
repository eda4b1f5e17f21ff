"""The exact k best of unit rows, as multiples of the bare matrix product, beside its peers.

    python benchmarks/top_k.py [--quick] [--rows ROWS.npy --queries QUERIES.npy] [--plots DIR]

1,024 users and one user × 1,000,000 rows × 384, k = 10 and 100 (--quick: 256 users, 200,000 rows,
k = 10). The limit is numpy's float32 product in blocks, nothing kept, at the block size that is
the quickest in this run. Ways take turns; a ratio is that of the shortest times, which other
processes disturb least; in brackets the lowest and the highest ratio of one turn. Peers that are
not installed (pip install faiss-cpu usearch) are null. Scoring is the hub-corrected soft maximum
of six likes less two dislikes a user, for an eighth of the users, against the product of these
interests. Answers are checked against float64. The last line is one JSON object: multiples of the
limit at k = 10; those of the peers are for many users.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import threadpoolctl
from numpy.typing import NDArray
from top_k_growth import draw_growth

from llmrec.matching.block_scoring import chunks
from llmrec.matching.catalogue_pass import best_items, nearest
from llmrec.matching.profile_match import Taste
from llmrec.matching.similarity import hub_statistics
from llmrec.matching.taste_scoring import TasteScoring

Rows = NDArray[np.float32]
Way = Callable[[], object]

DIM = 384
INTERESTS = 8
LIKES = 6
SOUGHT_ROWS = 200_000
PEER_USERS = 128
"""Users whose full score matrix the peers without blocks of their own hold at once."""


def unit_rows(n: int, seed: int) -> Rows:
    """Return (n, 384) random unit rows."""
    rows = np.random.default_rng(seed).standard_normal((n, DIM), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def bare(queries: Rows, rows: Rows, n_queries: int, n_items: int) -> None:
    """Multiply block by block."""
    memory = np.empty(n_queries * n_items, np.float32)
    for first in range(0, len(rows), n_items):
        block = rows[first : first + n_items].T
        for user in range(0, len(queries), n_queries):
            some = queries[user : user + n_queries]
            size = len(some) * block.shape[1]
            np.matmul(some, block, out=memory[:size].reshape(len(some), -1))


def seconds(way: Way) -> float:
    """Return how long it takes."""
    begin = time.perf_counter()
    way()
    return time.perf_counter() - begin


def limit(queries: Rows, rows: Rows) -> Way:
    """Return the bare product at the block size that is the quickest on some of the rows."""
    some = rows[:SOUGHT_ROWS]
    many = (128, 256, 512, 1024) if len(queries) > 1 else (1,)
    sizes = [(q, i) for q in many for i in (2048, 4096, 8192, 16384, 65536) if q * i <= 2**23]
    times = {
        size: min(seconds(lambda size=size: bare(queries, some, *size)) for _ in range(2))
        for size in sizes
    }
    best = min(times, key=times.__getitem__)
    print(f"  limit: blocks of {best[0]} queries and {best[1]} rows", file=sys.stderr)
    return lambda: bare(queries, rows, *best)


def numpy_way(queries: Rows, rows: Rows, k: int) -> Way:
    """Return one product and argpartition."""

    def run() -> None:
        for user in range(0, len(queries), PEER_USERS):
            scores = queries[user : user + PEER_USERS] @ rows.T
            best = np.argpartition(scores, -k, axis=1)[:, -k:]
            np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)

    return run


def sklearn_way(queries: Rows, rows: Rows, k: int) -> Way:
    """Return cosine_similarity and argsort."""
    cosine_similarity = importlib.import_module("sklearn.metrics.pairwise").cosine_similarity

    def run() -> None:
        for user in range(0, len(queries), PEER_USERS):
            scores = cosine_similarity(queries[user : user + PEER_USERS], rows)
            np.argsort(-scores, axis=1)[:, :k]

    return run


def faiss_way(queries: Rows, rows: Rows, k: int) -> Way:
    """Return IndexFlatIP, filled beforehand."""
    index = importlib.import_module("faiss").IndexFlatIP(rows.shape[1])
    index.add(rows)
    return lambda: index.search(queries, k)


def usearch_way(queries: Rows, rows: Rows, k: int) -> Way:
    """Return usearch's exact search."""
    usearch = importlib.import_module("usearch.index")
    metric = usearch.MetricKind.IP
    return lambda: usearch.search(rows, queries, k, metric, exact=True)


PEERS: Mapping[str, Callable[[Rows, Rows, int], Way]] = {
    "faiss": faiss_way,
    "usearch": usearch_way,
    "sklearn": sklearn_way,
    "numpy": numpy_way,
}


def taking_turns(ways: Mapping[str, Way], turns: int, peer_turns: int) -> dict[str, list[float]]:
    """Return the seconds of each way in each turn; a peer has fewer turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns):
        for name, way in ways.items():
            if turn < peer_turns or name not in PEERS:
                times[name].append(seconds(way))
    return times


def ratios(title: str, times: Mapping[str, list[float]]) -> dict[str, float]:
    """Print and return the multiples of the limit."""
    print(f"\n{title}: limit {min(times['limit']) * 1e3:.1f} ms")
    found = {}
    for name, of_way in times.items():
        limits = times["limit"][: len(of_way)]
        each = [one / bare_one for one, bare_one in zip(of_way, limits, strict=True)]
        found[name] = round(min(of_way) / min(limits), 3)
        print(f"  {name:8} {found[name]:7.2f}  [{min(each):.2f}, {max(each):.2f}]")
    return found


def check(queries: Rows, rows: Rows, k: int) -> None:
    """Compare the lists of some users with a sort of all products in float64."""
    some = queries[:: max(1, len(queries) // 4)]
    blocks = [rows[i : i + 65536].astype(np.float64) for i in range(0, len(rows), 65536)]
    scores = np.hstack([some.astype(np.float64) @ block.T for block in blocks])
    for best, expected in zip(nearest(some, rows, k), scores, strict=True):
        order = np.lexsort((np.arange(len(rows)), -expected))[:k]
        close = np.abs(best.scores - expected[order]).max()
        assert close < 1e-12, f"scores differ by {close}"


def compared(title: str, queries: Rows, rows: Rows, k: int, turns: int) -> dict[str, float]:
    """Measure ours and the peers."""
    check(queries, rows, k)
    ways: dict[str, Way] = {
        "limit": limit(queries, rows),
        "ours": lambda: nearest(queries, rows, k),
    }
    for name, peer in PEERS.items():
        try:
            ways[name] = peer(queries, rows, k)
        except ImportError as error:
            print(f"{name} is absent: {error}", file=sys.stderr)
    return ratios(title, taking_turns(ways, turns, 2 if len(queries) > 1 else 10))


def scoring(queries: Rows, rows: Rows, k: int, turns: int) -> dict[str, float]:
    """Measure hub-corrected lists; each eight queries are the interests of one user."""
    rng = np.random.default_rng(2)
    hub = hub_statistics(rows, rng.permutation(rows[:600]))
    n_users = max(1, len(queries) // INTERESTS)
    tastes = [
        Taste(
            names=("",) * INTERESTS,
            weights=rng.uniform(0.3, 1, INTERESTS),
            is_like=np.arange(INTERESTS) < LIKES,
            queries=queries[user * INTERESTS : (user + 1) * INTERESTS],
        )
        for user in range(n_users)
    ]
    users = list(chunks(np.full(n_users, INTERESTS)))
    ways: dict[str, Way] = {
        "limit": limit(queries[: n_users * INTERESTS], rows),
        "ours": lambda: best_items([TasteScoring(tastes[u], rows, hub) for u in users], rows, k),
    }
    title = f"scoring, {n_users} users of {INTERESTS} interests, k = {k}"
    return ratios(title, taking_turns(ways, turns, turns))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="256 users, 200,000 rows")
    parser.add_argument("--rows", type=Path, help="unit rows of your own, float32")
    parser.add_argument("--queries", type=Path, help="unit rows to be sought among them")
    parser.add_argument("--plots", type=Path, help="draw growth into this folder; takes longer")
    options = parser.parse_args()
    n_users, n_items = (256, 200_000) if options.quick else (1024, 1_000_000)
    rows = np.load(options.rows, mmap_mode="r") if options.rows else unit_rows(n_items, 0)
    queries = np.load(options.queries) if options.queries else unit_rows(n_users, 1)
    for pool in threadpoolctl.threadpool_info():
        if pool["user_api"] == "blas":
            print(
                f"{pool['internal_api']} {pool['version']}, kernel {pool.get('architecture')}, "
                f"{pool['num_threads']} threads, {Path(pool['filepath']).name}"
            )
    print(f"{len(rows):,} rows × {rows.shape[1]}, {len(queries):,} queries")
    turns = 20 if options.quick else 5
    found, found_one = {}, {}
    for k in (10,) if options.quick else (100, 10):
        found_one = compared(f"one user, k = {k}", queries[:1], rows, k, 100)
        found = compared(f"{len(queries):,} users, k = {k}", queries, rows, k, turns)
    scored = scoring(queries, rows, 10, turns)
    scoring(queries[:INTERESTS], rows, 10, 2 * turns)
    if options.plots:
        draw_growth(options.plots, rows, queries, nearest, bare)
    result = {
        "many_users_to_limit": found["ours"],
        "one_user_to_limit": found_one["ours"],
        "scoring_to_limit": scored["ours"],
        **{name: found.get(name) for name in PEERS},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
