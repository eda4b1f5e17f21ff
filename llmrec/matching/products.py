"""Products of queries and many rows, by the way that is quickest for so many queries.

A matrix product brings both factors into an order of its own before it multiplies; for one
person's few interests that takes longer than the multiplying. A stack of small products does
without threads of the BLAS, and with some kernels (AVX-512) without that order as well. So few
queries are multiplied with stacks of rows, in as many threads of ours as the BLAS would use.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from llmrec.llm.embedder import Rows

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_FEW: Final = 12
_LONG: Final = 384
_MANY_NUMBERS: Final = 2**28
_SMALL: Final = 2**18
_STEP: Final = 8


@dataclass(frozen=True, slots=True)
class Product:
    """A way to multiply.

    Attributes:
        write: writes the product of (n_queries, dim) and (n, dim), in C order, into
            (n_queries, n), all float32.
        together: so many queries are worked on at once: eight take less time than six.
    """

    write: Callable[[Rows, Rows, Rows], None]
    together: int

    def filled_up(self, queries: Rows) -> Rows:
        """Return queries with zero rows up to a multiple of what is worked on at once.

        One alone is a product of another kind.
        """
        if len(queries) == 1:
            return queries
        n = -len(queries) % self.together
        return np.concatenate([queries, np.zeros((n, queries.shape[1]), np.float32)])


@contextmanager
def product_for(n_queries: int, rows: Rows) -> Iterator[Product]:
    """Yield the quickest way to multiply at most so many queries with parts of these rows.

    Args:
        n_queries: at least one.
        rows: (n_items, dim) float32.
    """
    dim = rows.shape[1]
    is_quicker = 1 < n_queries <= _FEW and dim >= _LONG and rows.size >= _MANY_NUMBERS
    n_threads = openblas_threads() if is_quicker and _height(_FEW, dim) else 0
    if not n_threads:
        yield Product(_whole, together=8)
        return
    with ThreadPoolExecutor(n_threads, "products") as others:

        def write(queries: Rows, block: Rows, out: Rows) -> None:
            ends = np.linspace(0, len(block), n_threads + 1).astype(np.intp).tolist()
            try:
                parts = [
                    others.submit(_stacked, queries, block[begin:end], out[:, begin:end])
                    for begin, end in pairwise(ends[1:])
                ]
            except RuntimeError:  # no new thread: a limit is reached, or the interpreter is ending
                others.shutdown(cancel_futures=True)
                _whole(queries, block, out)
                return
            _stacked(queries, block[: ends[1]], out[:, : ends[1]])
            for part in parts:
                part.result()

        yield Product(write, together=4)


def openblas_threads() -> int:
    """Return how many threads OpenBLAS may use in this process, limits regarded; 0 without it."""
    return min((pool["num_threads"] for pool in _openblas().info()), default=0)


@cache
def _openblas() -> "ThreadpoolController":
    """Look for it among the libraries of this process, which takes some milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")


def _whole(queries: Rows, rows: Rows, out: Rows) -> None:
    np.matmul(queries, rows.T, out=out)


def _stacked(queries: Rows, rows: Rows, out: Rows) -> None:
    """Multiply in stacks so high that OpenBLAS takes the calling thread for each.

    That is up to 2**18 multiplications (SMP_THRESHOLD_MIN · GEMM_MULTITHREAD_THRESHOLD in its
    interface/gemm.c).
    """
    height = _height(*queries.shape)
    n = len(rows) // height * height
    stacks = rows[:n].reshape(-1, height, rows.shape[1]).transpose(0, 2, 1)
    places = out[:, :n].reshape(len(queries), -1, height).transpose(1, 0, 2)
    np.matmul(queries, stacks, out=places)
    np.matmul(queries, rows[n:].T, out=out[:, n:])


def _height(n_queries: int, dim: int) -> int:
    return _SMALL // (n_queries * dim) // _STEP * _STEP
