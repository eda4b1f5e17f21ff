"""Lists whose items differ."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import InputError
from llmrec.matching.diversity import check_diversity, diverse_order
from llmrec.matching.similarity import Float64

SEEDS = st.integers(0, 2**32 - 1)
DIVERSITY = st.floats(0, 0.99)


def shortlist(seed: int, n_items: int) -> tuple[Float64, np.ndarray]:
    """Return scores, best first, some of them equal, and unit rows, some of them equal."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(n_items, 6)).astype(np.float32)
    if n_items > 2:
        rows[n_items // 2] = rows[0]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return -np.sort(-draw.integers(0, 9, n_items) / 4), rows


@settings(deadline=None)
@given(SEEDS, st.integers(0, 12), st.integers(1, 15))
def test_without_diversity_the_order_stays(seed: int, n_items: int, k: int) -> None:
    assert diverse_order(*shortlist(seed, n_items), k, 0).tolist() == list(range(min(k, n_items)))


@settings(deadline=None)
@given(SEEDS, st.integers(0, 12), st.integers(1, 15), DIVERSITY)
def test_no_item_comes_twice_and_a_longer_list_begins_with_the_shorter(
    seed: int, n_items: int, k: int, diversity: float
) -> None:
    given_list = shortlist(seed, n_items)
    whole = diverse_order(*given_list, n_items + 1, diversity).tolist()
    assert sorted(whole) == list(range(n_items))
    assert diverse_order(*given_list, k, diversity).tolist() == whole[:k]


@settings(deadline=None)
@given(SEEDS, st.integers(1, 12), DIVERSITY.filter(lambda one: one > 0))
def test_every_item_is_the_best_by_the_formula(seed: int, n_items: int, diversity: float) -> None:
    scores, rows = shortlist(seed, n_items)
    cosines = rows.astype(np.float64) @ rows.astype(np.float64).T
    s, c = ((v - v.mean()) / (v.std() or 1) for v in (scores, cosines))
    order = diverse_order(scores, rows, n_items, diversity).tolist()
    for place, item in enumerate(order):
        above = order[:place]
        worth = {
            one: (1 - diversity) * s[one] - diversity * max((c[one, a] for a in above), default=0)
            for one in order[place:]
        }
        assert worth[item] >= max(worth.values()) - 1e-9


def test_among_copies_the_order_stays() -> None:
    rows = np.repeat(np.array([[0.6, 0.8]], np.float32), 5, axis=0)
    assert diverse_order(np.full(5, 1 / 3), rows, 5, 0.5).tolist() == [0, 1, 2, 3, 4]


def test_the_copy_of_the_best_item_goes_down() -> None:
    rows = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert diverse_order(np.array([3.0, 2.9, 2.0]), rows, 3, 0.5).tolist() == [0, 2, 1]


@pytest.mark.parametrize("diversity", [-0.1, 1.0, float("nan")])
def test_what_is_no_diversity_is_refused(diversity: float) -> None:
    with pytest.raises(InputError, match="from 0 to below 1"):
        check_diversity(diversity)
