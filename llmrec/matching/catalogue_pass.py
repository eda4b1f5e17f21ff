"""One pass over the rows of a catalogue for many users at once, exact at the speed of the product.

Items go by in blocks, so that products stay in the processor's cache; of each user a threshold
is known that almost every product is below, which one comparison finds out; what is left is
scored exactly at the end. Nothing of size (n_users, n_items) is ever held.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from llmrec.errors import InputError
from llmrec.llm.embedder import Rows
from llmrec.matching.best_so_far import Best, BestSoFar, BlockMemory
from llmrec.matching.block_scoring import BlockScoring, InnerProducts, Positions, chunks
from llmrec.matching.products import product_for

_BLOCK_PRODUCTS: Final = 2**20
_SMALL_BLOCK: Final = 2**17
_FIRST_PRODUCTS: Final = 2**11
_FIRST_ITEMS: Final = 128
_MAX_ITEMS: Final = 2**17
_MAX_KEPT: Final = 2**20


def nearest(
    queries: Rows,
    rows: Rows,
    k: int,
    *,
    left_out: Sequence[Positions] | None = None,
    only: Positions | None = None,
) -> list[Best]:
    """Return the k rows with the highest inner products, for each of many queries.

    Args:
        queries: (n_queries, dim) float32, unit rows.
        rows: (n_items, dim) float32, unit rows without NaN; may be mapped from a file.
        k: how many, at least one.
        left_out: of each query the positions that are not to be returned.
        only: ascending positions of the only rows that may be returned; None for all.

    Returns:
        For each query the positions, best first, of equal ones the first, and their inner
        products in float64.
    """
    parts = [
        InnerProducts(queries[users], rows) for users in chunks(np.ones(len(queries), np.intp))
    ]
    return best_items(parts, rows, k, left_out=left_out, only=only)


def best_items(
    scorings: Sequence[BlockScoring],
    rows: Rows,
    k: int,
    *,
    left_out: Sequence[Positions] | None = None,
    only: Positions | None = None,
) -> list[Best]:
    """Return the k best items of every user.

    Args:
        scorings: of chunks of users, see ``chunks``.
        rows: (n_items, dim) float32, unit rows without NaN; may be mapped from a file.
        k: how many, at least one.
        left_out: of each user the positions that are not to be returned.
        only: ascending positions of the only items that may be returned; None for all.

    Returns:
        For each user positions, best first, of equal ones the first, and float64 scores.

    Raises:
        InputError: k is less than one.
    """
    if k < 1:
        raise InputError(f"k: a list of at least 1 item is expected, came {k}")
    found: list[Best] = []
    for sweep in _sweeps(scorings, k):
        n_users = sum(scoring.n_users for scoring in sweep)
        unwanted = left_out[len(found) : len(found) + n_users] if left_out is not None else ()
        found += _swept(sweep, rows, k, unwanted, only)
    return found


def _swept(
    scorings: Sequence[BlockScoring],
    rows: Rows,
    k: int,
    left_out: Sequence[Positions],
    only: Positions | None,
) -> list[Best]:
    """Read the rows once."""
    with product_for(max(len(scoring.queries) for scoring in scorings), rows) as product:
        running, first = [], 0
        for scoring in scorings:
            unwanted = left_out[first : first + scoring.n_users]
            running.append(BestSoFar(scoring, k, unwanted, len(rows), product))
            first += scoring.n_users
        n_queries = max(best.n_queries for best in running)
        n_items = max(1, min(_MAX_ITEMS, _BLOCK_PRODUCTS // n_queries))
        memory = BlockMemory(n_queries * n_items)
        first = max(2 * k, _FIRST_ITEMS, _FIRST_PRODUCTS // n_queries)
        for positions in _blocks(len(rows), first, _SMALL_BLOCK // n_queries, n_items):
            chosen = positions if only is None else _among(only, positions)
            block = rows[chosen]
            if len(block):
                for best in running:
                    best.see(block, chosen, memory)
    return [one for best in running for one in best.result()]


def _sweeps(scorings: Sequence[BlockScoring], k: int) -> Iterator[list[BlockScoring]]:
    """Yield scorings whose kept items fit into memory together."""
    sweep: list[BlockScoring] = []
    for scoring in scorings:
        if sweep and sum(one.n_users for one in (*sweep, scoring)) * k > _MAX_KEPT:
            yield sweep
            sweep = []
        sweep.append(scoring)
    if sweep:
        yield sweep


def _blocks(n_items: int, first: int, second: int, largest: int) -> Iterator[slice]:
    """Yield blocks that double: what the first ones teach lets most of the later ones be skipped.

    Args:
        n_items: in the catalogue.
        first: items of the first block.
        second: items of the second block, at least.
        largest: the most items of a block.
    """
    begin, size = 0, first
    while begin < n_items:
        end = min(begin + min(size, largest), n_items)
        yield slice(begin, end)
        begin, size = end, max(2 * size, second)


def _among(only: Positions, block: slice) -> slice | Positions:
    """Return the block itself where all of it is allowed, else the allowed positions in it."""
    begin, end = np.searchsorted(only, (block.start, block.stop))
    return block if end - begin == block.stop - block.start else only[begin:end]
