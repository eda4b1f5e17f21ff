"""Products of one person's few queries with a catalogue: in stacks and threads of ours, or by BLAS.

    python benchmarks/few_queries.py [--items 400000] [--dim 384] [--repeats 7] [--quick]

Both are interleaved on the same random unit rows and blocks, also where rows are so few that a
request would leave them to the BLAS; medians. The last line is one JSON object: for each number of
queries the time of ours as a multiple of the BLAS's own.
"""

import argparse
import json
import statistics
import sys
import time

import numpy as np
from threadpoolctl import threadpool_info

from llmrec.llm.embedder import Rows
from llmrec.matching import products
from llmrec.matching.products import Product, product_for

QUERIES = (2, 4, 6, 8, 10, 12)
BLOCK_PRODUCTS = 2**20
SETTLED_S = 0.15
"""Threads of a BLAS keep cores busy for a while after a product."""


def unit_rows(n: int, dim: int) -> Rows:
    """Return random unit rows."""
    rows = np.random.default_rng(n).standard_normal((n, dim), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def pass_s(product: Product, queries: Rows, rows: Rows) -> float:
    """Return the seconds of one pass over the rows in blocks."""
    queries = product.filled_up(queries)
    n_items = BLOCK_PRODUCTS // len(queries)
    out = np.empty((len(queries), n_items), np.float32)
    time.sleep(SETTLED_S)
    began = time.perf_counter()
    for begin in range(0, len(rows), n_items):
        block = rows[begin : begin + n_items]
        product.write(queries, block, out[:, : len(block)])
    return time.perf_counter() - began


def ratio(queries: Rows, rows: Rows, repeats: int) -> float:
    """Return the median time of ours as a multiple of that of the whole product."""
    ours, whole = [], []
    with product_for(len(queries), rows) as stacks, product_for(QUERIES[-1] + 1, rows) as plain:
        for _ in range(repeats):
            ours.append(pass_s(stacks, queries, rows))
            whole.append(pass_s(plain, queries, rows))
    return statistics.median(ours) / statistics.median(whole)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=400_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="100,000 items.")
    options = parser.parse_args()
    print([(pool["architecture"], pool["num_threads"]) for pool in threadpool_info()
           if pool["internal_api"] == "openblas"], file=sys.stderr)  # fmt: skip
    products._MANY_NUMBERS = 0
    rows = unit_rows(100_000 if options.quick else options.items, options.dim)
    found = {}
    for n in QUERIES:
        found[n] = ratio(unit_rows(n, options.dim), rows, options.repeats)
    print(json.dumps({n: round(value, 3) for n, value in found.items()}))


if __name__ == "__main__":
    main()
