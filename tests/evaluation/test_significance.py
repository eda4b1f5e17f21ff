"""The sign-flip test, Holm's procedure, and the difference that could have been shown."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from llmrec.errors import InputError
from llmrec.evaluation.resampling import sign_flipped_sums
from llmrec.evaluation.significance import (
    compare,
    detectable_difference,
    holm,
    sign_flip_test,
)


def _p_of_all_patterns(differences: list[float]) -> float:
    """Return the p-value from its definition."""
    observed = abs(sum(differences))
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, differences, strict=True)))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    return sum(value >= observed - 1e-9 for value in sums) / len(sums)


@given(st.lists(st.sampled_from([-1.0, -0.63, -0.13, 0.0, 0.1, 0.2, 0.3]), min_size=2, max_size=9))
def test_few_differences_are_tested_over_all_sign_patterns(differences: list[float]) -> None:
    assert sign_flip_test(differences) == pytest.approx(_p_of_all_patterns(differences))


def test_differences_of_0_change_nothing() -> None:
    differences = [0.5, -0.25, 1.0, 0.75]
    assert sign_flip_test(differences + [0.0] * 500) == sign_flip_test(differences) == 0.25
    assert sign_flip_test([0.0] * 500) == 1


def test_all_in_one_direction_gives_the_smallest_p_there_is() -> None:
    assert sign_flip_test([0.1] * 20) == sign_flip_test([-0.1] * 20) == 2 / 2**20
    assert sign_flip_test([0.1] * 200, draws=999) == 1 / 1000


@pytest.mark.parametrize("n", [30, 300])
@pytest.mark.parametrize("n_distinct", [3, 10_000])
def test_drawn_sums_are_distributed_as_those_of_single_coins(n: int, n_distinct: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(1, n_distinct + 1, n) / n_distinct * rng.choice([-1, 1], n)
    ours = sign_flipped_sums(values, 4000, rng)
    plain = rng.choice([-1, 1], (4000, n)) @ values
    assert stats.ks_2samp(ours.round(9), plain.round(9)).pvalue > 0.001
    assert ours.std() == pytest.approx((values**2).sum() ** 0.5, rel=0.05)


def test_the_drawn_test_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    differences = rng.normal(0.15, 1, 150)
    ours = sign_flip_test(differences, draws=40_000)
    scipys = stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=40_000, rng=0, batch=1000
    )
    assert ours == pytest.approx(scipys.pvalue, abs=0.01)


def _p_values_under_the_null(
    test: Callable[[NDArray[np.float64], int], float], n: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(77)
    # Skewed scores, equally good on average: their differences are symmetric, not normal.
    return np.array(
        [test(rng.exponential(size=n) - rng.exponential(size=n), seed) for seed in range(2000)]
    )


def _is_uniform(p_values: NDArray[np.float64]) -> bool:
    return bool(stats.kstest(p_values, "uniform").pvalue > 0.01)


@pytest.mark.parametrize("n", [12, 40])
def test_p_is_uniform_where_there_is_no_difference(n: int) -> None:
    p_values = _p_values_under_the_null(
        lambda differences, seed: sign_flip_test(differences, draws=999, seed=seed), n
    )
    assert _is_uniform(p_values)
    # The check can fail: a one-sided reading of the same p-values is found out.
    assert not _is_uniform(p_values / 2)
    assert not _is_uniform(np.minimum(p_values * 1.15, 1))


def test_p_stays_valid_where_most_differences_are_0() -> None:
    rng = np.random.default_rng(3)
    values = np.array([0.0, 0.0, 0.0, 0.3, 0.5, 1.0])
    p_values = np.array(
        [
            sign_flip_test(rng.choice(values, 80) - rng.choice(values, 80), draws=999, seed=seed)
            for seed in range(1000)
        ]
    )
    for alpha in (0.01, 0.05, 0.1, 0.2):
        assert (p_values <= alpha).mean() < alpha + 3 * (alpha * (1 - alpha) / 1000) ** 0.5


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]).tolist() == [1, 1]
    assert holm([]).tolist() == []


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(p_values: list[float]) -> None:
    given_ones, adjusted = np.array(p_values), holm(p_values)
    assert np.all(adjusted >= given_ones)
    assert np.all(adjusted <= np.minimum(given_ones * given_ones.size, 1))
    order = np.argsort(given_ones, kind="stable")
    assert np.all(np.diff(adjusted[order]) >= 0)
    assert np.array_equal(holm(p_values[::-1]), adjusted[::-1])


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_p_value(bad: float) -> None:
    with pytest.raises(InputError, match=r"p-values: expected numbers in \[0, 1\]"):
        holm([0.5, bad])


def test_the_detectable_difference_is_2_8_standard_errors() -> None:
    differences = np.random.default_rng(4).normal(size=400)
    error = differences.std(ddof=1) / 20
    assert detectable_difference(differences) == pytest.approx(2.8016 * error, rel=1e-4)
    assert detectable_difference(differences, power=0.5) == pytest.approx(1.96 * error, rel=1e-4)


def test_the_detectable_difference_is_found_80_times_in_100() -> None:
    rng = np.random.default_rng(5)
    detectable = detectable_difference(rng.normal(size=4000)) * (4000 / 60) ** 0.5
    found = [
        sign_flip_test(rng.normal(detectable, 1, 60), draws=499, seed=seed) <= 0.05
        for seed in range(400)
    ]
    assert 0.74 < np.mean(found) < 0.86


@pytest.mark.parametrize("argument", ["power", "alpha"])
@pytest.mark.parametrize("value", [0, 1, -0.5])
def test_power_and_alpha_lie_between_0_and_1(argument: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{argument}: expected a number between 0 and 1"):
        detectable_difference([1.0, 2.0], **{argument: value})


def test_a_comparison_is_of_first_minus_second() -> None:
    rng = np.random.default_rng(6)
    second = rng.random(300)
    first = second + rng.normal(0.2, 0.1, 300)
    came = compare(first, second, seed=7)
    assert came.difference.low < 0.2 < came.difference.high
    assert came.difference.mean == pytest.approx((first - second).mean())
    assert came.p_value == 1 / 10_001
    assert came.detectable == pytest.approx(2.8016 * 0.1 / 300**0.5, rel=0.15)
    other_way = compare(second, first, seed=7)
    assert other_way.difference.mean == -came.difference.mean
    assert compare(first, second, seed=7) == came
    assert compare(first, second, seed=8) != came


def test_a_comparison_needs_the_same_users() -> None:
    with pytest.raises(InputError, match="came 3 and 2 values: evaluate both systems on the same"):
        compare([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(InputError, match="expected finite values, came inf for user number 0"):
        compare([1.0, 2.0], [float("inf"), 2.0])
