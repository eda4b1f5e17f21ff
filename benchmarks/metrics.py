"""Metrics and 10,000 bootstrap draws against reading the run file, and against pytrec_eval.

    python benchmarks/metrics.py [--users 100000] [--repeats 3] [--peer-users 5000]

A run of 100 items a user out of a million, one relevant item a user, in the list of every second
user. Prints multiples of two times: of a bare loop over the lines of the file, which parses
nothing, and of read_run. Each repeat runs in a process of its own; the medians and the peak
memory. The last line is one JSON object.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytrec_eval

from llmrec.evaluation.found import find
from llmrec.evaluation.intervals import difference_interval, mean_interval
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.significance import sign_flip_test
from llmrec.evaluation.trec import read_qrels, read_run

METRICS = ("nDCG@10", "R@10", "RR@10", "Success@10", "AP@10")
N_ITEMS = 1_000_000
DEPTH = 100


def make_files(folder: Path, n_users: int) -> None:
    """Write ``run`` and ``qrels``."""
    chance = random.Random(0)
    with (
        (folder / "run").open("w", encoding="utf-8") as run,
        (folder / "qrels").open("w", encoding="utf-8") as qrels,
    ):
        for user in range(n_users):
            items = chance.sample(range(N_ITEMS), DEPTH)
            scores = sorted((chance.random() for _ in items), reverse=True)
            run.writelines(
                f"u{user} Q0 i{item} {rank} {score:.6f} llmrec\n"
                for rank, (item, score) in enumerate(zip(items, scores, strict=True), 1)
            )
            # Ranks near the top are more frequent, as in a list that is worth something.
            place = int(DEPTH ** chance.random()) - 1
            target = items[place] if chance.random() < 0.5 else N_ITEMS + user
            qrels.write(f"u{user} 0 i{target} 1\n")


class Stopwatch:
    """Seconds of one step after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        """Note the seconds since the step before."""
        now = time.perf_counter()
        self.seconds[step] = now - self._last
        self._last = now


def ours(folder: Path) -> dict[str, float]:
    """Read, measure and draw, step by step."""
    watch = Stopwatch()
    with (folder / "run").open("rb") as lines:
        for _ in lines:
            pass
    watch.lap("bare")
    run = read_run(folder / "run")
    watch.lap("read")
    qrels = read_qrels(folder / "qrels")
    watch.lap("read qrels")
    found = find(run, qrels)
    values = [Metric.parse(name).values(found) for name in METRICS]
    watch.lap("metrics")
    for value in values:
        mean_interval(value)
    watch.lap("intervals")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    difference_interval(values[0] - values[2])
    sign_flip_test(values[0] - values[2])
    watch.lap("comparison")
    mean_interval(np.random.default_rng(0).random(len(qrels)))
    watch.lap("all different")
    return watch.seconds | {"peak_mb": peak_mb}


def peer(folder: Path) -> dict[str, float]:
    """Read and measure with pytrec_eval."""
    watch = Stopwatch()
    with (folder / "run").open(encoding="utf-8") as lines:
        run = pytrec_eval.parse_run(lines)
    watch.lap("read")
    with (folder / "qrels").open(encoding="utf-8") as lines:
        qrels = pytrec_eval.parse_qrel(lines)
    watch.lap("read qrels")
    measures = {"ndcg_cut.10", "recall.10", "recip_rank", "success.10", "map_cut.10"}
    pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run)
    watch.lap("metrics")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return watch.seconds | {"peak_mb": peak_mb}


def in_own_process(which: str, folder: Path) -> dict[str, float]:
    """Run one way in a new process."""
    command = [sys.executable, __file__, "--timed", which, str(folder)]
    result: dict[str, float] = json.loads(subprocess.check_output(command))
    return result


def report(n_users: int, repeats: int) -> dict[str, float]:
    """Print how the steps relate, and return the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder, n_users)
        size_mb = (folder / "run").stat().st_size / 1e6
        times = [in_own_process("ours", folder) for _ in range(repeats)]
    print(f"{n_users:,} users, {n_users * DEPTH:,} lines, {size_mb:.0f} MB, {repeats} runs")
    result = {"peak_mb": max(seconds["peak_mb"] for seconds in times)}
    for step in ("read", "metrics", "intervals", "comparison", "all different"):
        of_bare = statistics.median(seconds[step] / seconds["bare"] for seconds in times)
        of_read = statistics.median(seconds[step] / seconds["read"] for seconds in times)
        print(f"{step:>13}: {of_bare:6.2f} of the bare loop, {of_read:6.3f} of read_run")
    for what in ("bare", "read"):
        result[f"metrics_and_intervals_of_{what}"] = statistics.median(
            (seconds["metrics"] + seconds["intervals"]) / seconds[what] for seconds in times
        )
    print(f"peak memory {result['peak_mb']:.0f} MB")
    return result


def against_peer(n_users: int, repeats: int) -> float:
    """Print and return the time of pytrec_eval for reading and metrics as a multiple of ours."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder, n_users)
        pairs = [
            (in_own_process("ours", folder), in_own_process("peer", folder)) for _ in range(repeats)
        ]
    steps = ("read", "read qrels", "metrics")
    ratio = statistics.median(
        sum(peers[step] for step in steps) / sum(own[step] for step in steps)
        for own, peers in pairs
    )
    own_mb, peer_mb = (max(pair[n]["peak_mb"] for pair in pairs) for n in (0, 1))
    print(f"{n_users:,} users: pytrec_eval takes {ratio:.2f} times as long for reading and metrics")
    print(f"peak memory {own_mb:.0f} MB, pytrec_eval {peer_mb:.0f} MB")
    return ratio


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer-users", type=int, default=5000)
    parser.add_argument("--timed", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.timed:
        which, folder = options.timed
        print(json.dumps({"ours": ours, "peer": peer}[which](Path(folder))))
        return
    result = report(options.users, options.repeats)
    result["pytrec_eval_of_ours"] = against_peer(options.peer_users, options.repeats)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
