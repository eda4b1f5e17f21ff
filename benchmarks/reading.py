"""Reading 100,000 reviews, validated and grouped by user, against a bare json.loads loop.

    python benchmarks/reading.py [--rows 100000] [--repeats 5]

Prints the ratio of the two times, each run in a process of its own, interleaved, the median of
the pairs, and the peak memory of reading. The last line is one JSON object.
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

from llmrec.records.grouping import read_users

_WORDS = 70


def make_reviews(path: Path, rows: int) -> None:
    """Write reviews of ten a user, about 470 characters each, the users' rows adjacent."""
    chance = random.Random(0)
    words = [f"word{n}" for n in range(5000)]
    with path.open("w", encoding="utf-8") as file:
        for n in range(rows):
            review = {
                "user_id": f"u{n // 10}",
                "item_id": f"i{chance.randrange(5000)}",
                "rating": float(chance.randint(1, 5)),
                "text": " ".join(chance.choices(words, k=_WORDS))[:410],
                "timestamp": f"20{n % 10 + 10}-02-08T03:49:57Z",
            }
            file.write(json.dumps(review) + "\n")


def bare(path: str) -> int:
    """Parse every line and keep nothing."""
    with Path(path).open(encoding="utf-8") as lines:
        return sum(json.loads(line) is not None for line in lines)


def read(path: str) -> int:
    """Read, validate and group every review."""
    return sum(len(user.reviews) for user in read_users(path))


def timed(which: str, path: str) -> None:
    """Print seconds and peak memory of one way; imports are not counted."""
    begin = time.perf_counter()
    rows = {"bare": bare, "read": read}[which](path)
    seconds = time.perf_counter() - begin
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": peak_mb}))


def in_own_process(which: str, path: Path) -> dict[str, float]:
    """Run one way in a new process."""
    command = [sys.executable, __file__, "--timed", which, str(path)]
    result: dict[str, float] = json.loads(subprocess.check_output(command))
    return result


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--timed", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.timed:
        timed(*options.timed)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reviews.jsonl"
        make_reviews(path, options.rows)
        size_mb = path.stat().st_size / 1e6
        pairs = [
            (in_own_process("read", path), in_own_process("bare", path))
            for _ in range(options.repeats)
        ]
    ratios = [ours["seconds"] / theirs["seconds"] for ours, theirs in pairs]
    peak_mb = max(ours["peak_mb"] for ours, _ in pairs)
    print(f"{options.rows:,} reviews, {size_mb:.0f} MB, {len(pairs)} pairs of runs")
    print(f"ratio {min(ratios):.2f} to {max(ratios):.2f}; peak memory {peak_mb:.0f} MB")
    print(json.dumps({"ratio_to_json_loads": statistics.median(ratios), "peak_mb": peak_mb}))


if __name__ == "__main__":
    main()
