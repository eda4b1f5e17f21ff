"""Cosine, hub statistics, soft maximum, shares and penalty against plain formulas."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from llmrec.matching.similarity import (
    Float64,
    HubStatistics,
    cosine,
    cosines,
    dislike_penalty,
    hub_statistics,
    shares,
    soft_maximum,
)

Tastes = tuple[Float64, Float64]

VECTORS = arrays(np.float64, 4, elements=st.floats(-100, 100))
TEMPERATURES = st.floats(0.05, 5)


@st.composite
def tastes(draw: st.DrawFn) -> Tastes:
    """Similarities (n_interests, n_items) and weights (n_interests,)."""
    n_interests, n_items = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    similarities = draw(arrays(np.float64, (n_interests, n_items), elements=st.floats(-8, 8)))
    weights = draw(arrays(np.float64, n_interests, elements=st.floats(0.01, 1)))
    return similarities, weights


def unit_rows(n: int, dim: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rows = np.random.default_rng(seed).normal(size=(n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_worked_example_of_a_persons_and_an_items_vector() -> None:
    """The source that gives this example of cosine similarity prints .42, which is wrong."""
    assert round(cosine([0.2, 0.3, 0.5], [0.1, 0.4, 0.3]), 4) == 0.9226


@settings(deadline=None)
@given(VECTORS, VECTORS, st.floats(0.1, 100))
def test_cosine_looks_at_direction_only(u: Float64, v: Float64, factor: float) -> None:
    assume(np.linalg.norm(u) > 1e-6)
    assume(np.linalg.norm(v) > 1e-6)
    assert cosine(u, v) == cosine(v, u)
    assert cosine(u * factor, v) == pytest.approx(cosine(u, v), abs=1e-9)
    assert cosine(u, u) == pytest.approx(1)
    assert cosine(u, -u) == pytest.approx(-1)


def test_cosine_is_at_most_1() -> None:
    u = [0.0813472780378679, 0.4283736529237935, 0.5082547138963299]
    assert cosine(u, u) <= 1


def test_cosine_with_a_zero_vector_is_0() -> None:
    assert cosine([0, 0], [1, 2]) == 0
    assert cosine([1, 2], [0, 0]) == 0


def test_cosines_are_the_inner_products_of_all_pairs() -> None:
    queries, rows = unit_rows(3, 8, seed=1), unit_rows(5, 8, seed=2)
    expected = [[cosine(query, row) for row in rows] for query in queries]
    np.testing.assert_allclose(cosines(queries, rows), expected, atol=1e-6)


def test_hub_statistics_are_mean_and_deviation_over_the_bank() -> None:
    rows, bank = unit_rows(4100, 8, seed=3), unit_rows(40, 8, seed=4)
    reference = rows.astype(np.float64) @ bank.astype(np.float64).T
    hub = hub_statistics(rows, bank)
    np.testing.assert_allclose(hub.mean, reference.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(hub.deviation, reference.std(axis=1, ddof=0), atol=1e-6)
    assert hub.mean.dtype == hub.deviation.dtype == np.float64


def test_standardised_cosines_have_mean_0_and_deviation_1_over_the_bank() -> None:
    rows, bank = unit_rows(20, 8, seed=5), unit_rows(30, 8, seed=6)
    z = hub_statistics(rows, bank).standardise(cosines(bank, rows))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=1e-5)


def test_an_item_equally_near_to_the_whole_bank_has_z_0_and_is_counted() -> None:
    bank = unit_rows(5, 3, seed=7)
    bank[:, 2] = 0
    rows = np.array([[0, 0, 1], [1, 0, 0], [0, 0, 0]], np.float32)
    hub = hub_statistics(rows, bank)
    similarities = np.array([[0.9, 0.9, 0.9]])
    z = hub.standardise(similarities)
    assert hub.n_flat == 2
    assert z[0, 0] == z[0, 2] == 0
    assert z[0, 1] == pytest.approx((0.9 - hub.mean[1]) / hub.deviation[1])
    assert (similarities == 0.9).all()


def test_a_deviation_of_a_millionth_is_not_flat() -> None:
    hub = HubStatistics(np.zeros(2), np.array([1e-6, 0.99e-6]))
    assert hub.n_flat == 1
    assert hub.standardise(np.array([[1e-6, 1e-6]])).tolist() == [[1, 0]]


@settings(deadline=None)
@given(tastes(), TEMPERATURES)
def test_soft_maximum_is_its_formula(taste: Tastes, t: float) -> None:
    similarities, weights = taste
    expected = [
        t * math.log(math.fsum(w * math.exp(s / t) for w, s in zip(weights, column, strict=True)))
        for column in similarities.T
    ]
    np.testing.assert_allclose(soft_maximum(similarities, weights, t), expected, atol=1e-9)


@settings(deadline=None)
@given(tastes(), st.floats(0.001, 1))
def test_soft_maximum_lies_close_above_the_best_interest(taste: Tastes, t: float) -> None:
    similarities, weights = taste
    best = (similarities + t * np.log(weights)[:, None]).max(axis=0)
    soft = soft_maximum(similarities, weights, t)
    assert (soft >= best - 1e-9).all()
    assert (soft <= best + t * math.log(len(weights)) + 1e-9).all()


@settings(deadline=None)
@given(tastes(), TEMPERATURES)
def test_shares_are_their_formula_and_sum_to_1(taste: Tastes, t: float) -> None:
    similarities, weights = taste
    parts = weights[:, None] * np.exp(similarities / t)
    portions = shares(similarities, weights, t)
    np.testing.assert_allclose(portions, parts / parts.sum(axis=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(portions.sum(axis=0), 1)


def test_towards_0_the_nearest_interest_decides_alone() -> None:
    similarities = np.array([[0.9], [0.8], [-0.5]])
    weights = np.array([0.1, 1.0, 1.0])
    assert soft_maximum(similarities, weights, 1e-6)[0] == pytest.approx(0.9, abs=1e-4)
    assert shares(similarities, weights, 1e-6)[:, 0].tolist() == [1, 0, 0]


def test_towards_infinity_the_weights_decide_alone() -> None:
    similarities = np.array([[0.9], [0.8], [-0.5]])
    weights = np.array([0.1, 0.4, 0.5])
    np.testing.assert_allclose(shares(similarities, weights, 1e9)[:, 0], weights, atol=1e-8)


def test_large_similarities_and_small_temperatures_stay_finite() -> None:
    similarities = np.array([[5e3, -5e3], [4e3, -6e3]])
    weights = np.array([1.0, 1e-300])
    assert soft_maximum(similarities, weights, 0.01).tolist() == [5e3, -5e3]
    assert shares(similarities, weights, 0.01).tolist() == [[1, 1], [0, 0]]


@settings(deadline=None)
@given(tastes())
def test_the_penalty_is_of_the_worst_dislike_alone(taste: Tastes) -> None:
    similarities, weights = taste
    expected = [
        0.3 * max(w * max(s, 0) for w, s in zip(weights, column, strict=True))
        for column in similarities.T
    ]
    np.testing.assert_allclose(dislike_penalty(similarities, weights), expected, atol=1e-12)


def test_a_dislike_that_is_far_away_takes_nothing() -> None:
    assert dislike_penalty(np.array([[-2.0, 0.0]]), np.ones(1)).tolist() == [0, 0]
