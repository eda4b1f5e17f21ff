"""Products of few queries: right within their error, in as many threads as are allowed."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from llmrec.matching import products
from llmrec.matching.catalogue_pass import nearest
from llmrec.matching.products import openblas_threads, product_for
from llmrec.matching.similarity import product_error


@pytest.fixture
def of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take few rows for many, and short ones for long."""
    monkeypatch.setattr(products, "_MANY_NUMBERS", 0)
    monkeypatch.setattr(products, "_LONG", 0)


def unit_rows(seed: int, n: int, dim: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.usefixtures("of_any_size")
@settings(deadline=None)
@given(
    st.integers(1, 14), st.sampled_from([1, 3, 384, 2000]), st.integers(0, 300),
    st.integers(0, 300), st.integers(1, 3), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_products_are_right_within_their_error_whatever_the_shape(
    n_queries: int, dim: int, begin: int, n_rows: int, n_threads: int, seed: int
) -> None:
    rows = unit_rows(seed, 300, dim)
    block = rows[begin : begin + n_rows]
    with (
        mock.patch.object(products, "openblas_threads", return_value=n_threads),
        product_for(n_queries, rows) as product,
    ):
        queries = product.filled_up(unit_rows(seed + 1, n_queries, dim))
        out = np.full((len(queries), len(block)), np.nan, np.float32)
        product.write(queries, block, out)
    exact = queries.astype(np.float64) @ block.T.astype(np.float64)
    assert np.all(np.abs(out - exact) <= product_error(dim))


@pytest.mark.usefixtures("of_any_size")
def test_few_queries_go_to_as_many_threads_as_the_blas_may_use() -> None:
    if not openblas_threads():
        pytest.skip("numpy's BLAS here is not OpenBLAS")
    rows = unit_rows(0, 1000, 64)
    for n_threads in (1, openblas_threads()):
        with (
            threadpool_limits(n_threads, user_api="blas"),
            mock.patch.object(products, "ThreadPoolExecutor", wraps=ThreadPoolExecutor) as pool,
        ):
            nearest(rows[:5], rows, k=3)
        assert [call.args[0] for call in pool.call_args_list] == [n_threads]


@pytest.mark.usefixtures("of_any_size")
@pytest.mark.parametrize(("n_queries", "dim"), [(1, 64), (13, 64), (4, 20_000)])
def test_one_query_and_many_are_left_to_the_blas(n_queries: int, dim: int) -> None:
    rows = unit_rows(0, 20, dim)
    with mock.patch.object(products, "ThreadPoolExecutor") as pool:
        nearest(rows[:n_queries], rows, k=3)
    pool.assert_not_called()


@pytest.mark.parametrize("name", ["_MANY_NUMBERS", "_LONG"])
def test_few_rows_and_short_ones_are_left_to_the_blas(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    rows = unit_rows(0, 1000, 64)
    monkeypatch.setattr(products, "_MANY_NUMBERS", rows.size)
    monkeypatch.setattr(products, "_LONG", rows.shape[1])
    monkeypatch.setattr(products, name, getattr(products, name) + 1)
    with mock.patch.object(products, "ThreadPoolExecutor") as pool:
        nearest(rows[:4], rows, k=3)
    pool.assert_not_called()


@pytest.mark.usefixtures("of_any_size")
def test_an_error_in_a_thread_is_an_error() -> None:
    rows = unit_rows(0, 300, 64)
    with (
        mock.patch.object(products, "openblas_threads", return_value=2),
        product_for(4, rows) as product,
        pytest.raises(ValueError, match="mismatch"),
    ):
        product.write(rows[:4, :32], rows, np.empty((4, 300), np.float32))


@pytest.mark.usefixtures("of_any_size")
@pytest.mark.parametrize("n_started", [0, 1])
def test_where_no_more_threads_can_be_had_a_list_comes_without_them(
    n_started: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = unit_rows(0, 1000, 64)
    start, asked = threading.Thread.start, []

    def start_some(thread: threading.Thread) -> None:
        asked.append(thread)
        if len(asked) > n_started:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    with mock.patch.object(products, "openblas_threads", return_value=9):
        found = nearest(rows[:5], rows, k=3)
    assert [best.positions[0] for best in found] == [0, 1, 2, 3, 4]
    assert n_started < len(asked)


def test_a_thread_gets_its_list_also_after_the_main_one_has_ended() -> None:
    code = """
import threading
import numpy as np
from llmrec.matching import products
from llmrec.matching.catalogue_pass import nearest

products._MANY_NUMBERS = products._LONG = 0
products.openblas_threads = lambda: 2

def answer():
    threading.main_thread().join()
    print([best.positions.tolist() for best in nearest(rows[:4], rows, k=1)])

rows = np.eye(64, dtype=np.float32)
threading.Thread(target=answer).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[[0], [1], [2], [3]]\n", "")
