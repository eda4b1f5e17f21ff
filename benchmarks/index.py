"""An index of a million items: growing it, opening it, and one person's list from it.

    python benchmarks/index.py [--items 1000000] [--repeats 5] [--folder DIR] [--quick]

The vectors are random unit rows of 384 dims; the index is built by the package itself. Reported
are multiples of times of the same run: of a process that imports numpy, of one pass over the rows
(one query times all rows), and of a process that does both, which first has to map the rows. Each
repeat of the command is a process of its own, interleaved with these; medians. The last line is
one JSON object:

    open_ms            opening the index
    command_to_limit   llmrec recommend for one person, of import numpy + one pass
    command_to_process the same, of a process that does these two
    second_to_product  the second request of a Recommender, of the product that it needs
    cold_to_read       a request whose rows are on disk and not in memory, of reading their file
    grown_to_built     adding a hundredth of the items, of building the index
"""

import argparse
import asyncio
import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import llmrec
from llmrec.llm.embedder import Role, Rows, vector_key
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.building import build_index
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import LOCAL_MODEL, EmbedderChoice
from llmrec.matching.index_folder import ROWS
from llmrec.opening import ServerChoice
from llmrec.recommender import Recommender
from llmrec.records.profile import Evidence, Interest, InterestProfile
from llmrec.records.reviews import Item

DIM = 384
N_INTERESTS = 6
SETTLED_S = 0.15
"""Threads of a BLAS keep cores busy for a while after a product."""


class RandomRows:
    """An embedder of random unit rows."""

    model = LOCAL_MODEL

    def __init__(self) -> None:
        self._chance = np.random.default_rng(0)

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        """Return a random row for each text."""
        rows = self._chance.standard_normal((len(texts), DIM), np.float32)
        unit: Rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def a_profile() -> InterestProfile:
    """Return a person of six interests."""
    quote = (Evidence("r1", "text", "so it is"),)
    interests = tuple(
        Interest(f"quiet films {n}", "dislike" if n == 0 else "like", 0.5, "such things", quote)
        for n in range(N_INTERESTS)
    )
    return InterestProfile(user_id="u", language="en", summary="", interests=interests)


def items(n: int) -> list[Item]:
    """Return a catalogue of entries as long as they are in practice."""
    return [
        Item(f"item-{i}", f"The title of the entry {i}", f"About {i}. " * 30, ("films", "quiet"))
        for i in range(n)
    ]


def build(folder: Path, n: int) -> float:
    """Build an index, or bring it up to n items; return the seconds."""
    embedder = RandomRows()
    recorded = VectorsFile(folder.with_name("queries.npz"), LOCAL_MODEL)
    catalogue = items(n)
    began = time.perf_counter()
    asyncio.run(
        build_index(catalogue, folder, embedder, choice=EmbedderChoice("local"), vectors=recorded)
    )
    return time.perf_counter() - began


def process_s(*command: str) -> float:
    """Return the seconds that a process takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def pass_s(rows: Rows, n_queries: int = 1) -> float:
    """Return the seconds of so many queries times all rows."""
    queries = np.ones((n_queries, rows.shape[1]), np.float32)
    began = time.perf_counter()
    queries @ rows.T
    return time.perf_counter() - began


def second_request_s(recommender: Recommender, profile: InterestProfile) -> float:
    """Return the seconds of a request that is not the first."""
    began = time.perf_counter()
    recommender.recommend(profile, bank="index", left_out=["item-1", "item-2"])
    return time.perf_counter() - began


def forget(path: Path) -> None:
    """Have the system drop a file from memory, as if it were larger than that."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_s(path: Path) -> float:
    """Return the seconds that it takes to read a file."""
    part = bytearray(2**22)
    began = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.readinto(part):
            pass
    return time.perf_counter() - began


def cold_to_read(folder: Path, profile: InterestProfile) -> float:
    """Return how long a request takes whose rows are not in memory, as a multiple of the file."""
    rows = ContentIndex(folder).files / ROWS
    forget(rows)
    limit = read_s(rows)
    recommender = Recommender.open(folder, mode="replay", server=ServerChoice())
    forget(rows)
    return second_request_s(recommender, profile) / limit


def measure(folder: Path, repeats: int) -> dict[str, float]:
    """Return how the times relate."""
    compileall.compile_dir(Path(llmrec.__file__).parent, quiet=2)  # as installing it does
    profile = a_profile()
    profiles = folder.with_name("profiles.jsonl")
    profiles.write_text(profile.to_json() + "\n", "utf-8")
    command = ("-m", "llmrec", "recommend", str(profiles), "--index", str(folder))
    recommender = Recommender.open(folder, mode="replay", server=ServerChoice())
    rows, path = recommender.catalogue.rows, ContentIndex(folder).files / ROWS
    second_request_s(recommender, profile)  # the rows are in memory from here on
    both = f"import numpy as n; r = n.load({str(path)!r}, 'r'); r @ n.ones(r.shape[1], r.dtype)"
    open_ms, commands, of_process, seconds = [], [], [], []
    for _ in range(repeats):
        began = time.perf_counter()
        ContentIndex(folder)
        open_ms.append((time.perf_counter() - began) * 1000)
        limit = process_s("-c", "import numpy") + pass_s(rows)
        command_s = process_s(*command, "--replay", "--bank", "index")
        commands.append(command_s / limit)
        of_process.append(command_s / process_s("-c", both))
        product = pass_s(rows, N_INTERESTS)
        time.sleep(SETTLED_S)
        seconds.append(second_request_s(recommender, profile) / product)
        print(f"command {command_s:.3f} s, import numpy + one pass {limit:.3f} s", file=sys.stderr)
    del recommender, rows  # what is mapped is not forgotten
    cold = [cold_to_read(folder, profile) for _ in range(repeats)]
    return {
        "open_ms": statistics.median(open_ms),
        "command_to_limit": statistics.median(commands),
        "command_to_process": statistics.median(of_process),
        "second_to_product": statistics.median(seconds),
        "cold_to_read": statistics.median(cold),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="Where the index is made, and stays.")
    parser.add_argument("--quick", action="store_true", help="200,000 items.")
    options = parser.parse_args()
    n = 200_000 if options.quick else options.items
    with tempfile.TemporaryDirectory() as name:
        folder = (options.folder or Path(name)) / "index"
        folder.parent.mkdir(parents=True, exist_ok=True)
        interests = [interest.query for interest in a_profile().interests]
        recorded = VectorsFile(folder.with_name("queries.npz"), LOCAL_MODEL)
        made = asyncio.run(RandomRows().embed(interests, "query"))
        recorded.append([vector_key(LOCAL_MODEL, "query", text) for text in interests], made)
        built_s = build(folder, n)
        grown_s = build(folder, n + n // 100)
        print(f"{n:,} items built in {built_s:.0f} s, a hundredth added in {grown_s:.0f} s")
        result = measure(folder, options.repeats)
    print(json.dumps(result | {"grown_to_built": grown_s / built_s}))


if __name__ == "__main__":
    main()
