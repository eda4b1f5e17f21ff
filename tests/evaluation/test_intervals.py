"""Bootstrap intervals: against known ones, their coverage, and what they warn of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from llmrec.errors import InputError
from llmrec.evaluation.intervals import difference_interval, mean_interval
from llmrec.evaluation.resampling import bootstrap_means

HIT_VALUES = np.append(0.0, 1 / np.log2(np.arange(2, 12)))


def _metric(n: int, seed: int, hits: float = 0.2) -> NDArray[np.float64]:
    """Return values such as nDCG@10 has them: few distinct ones, mostly 0."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < hits, HIT_VALUES[rng.integers(1, 11, n)], 0.0)


def _uniform(n: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random(n)


SAMPLES = {
    "all values shared by many": np.repeat([0.0, 0.5, 1.0], [400, 100, 50]),
    "all values different": _uniform(60, 1),
    "a mixture": np.concatenate([np.zeros(300), _uniform(40, 2) * 5]),
    "few users": _metric(5, 3, hits=0.9),
    "one who differs": np.append(np.zeros(50), 1.0),
    "many users": np.concatenate([np.zeros(60_000), _uniform(40_000, 4)]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_resampled_means_are_distributed_as_those_drawn_user_by_user(name: str) -> None:
    values = SAMPLES[name]
    draws = 400 if values.size > 10_000 else 4000
    rng = np.random.default_rng(5)
    ours = bootstrap_means(values, draws, rng)
    plain = np.array([rng.choice(values, values.size).mean() for _ in range(draws)])
    # Rounded, since the last bits of a sum depend on the order of adding.
    assert stats.ks_2samp(ours.round(12), plain.round(12)).pvalue > 0.001
    spread = values.std() / values.size**0.5
    assert abs(ours.mean() - values.mean()) < 5 * spread / draws**0.5
    assert ours.std() == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize("n", [40, 300, 3000])
def test_the_interval_of_a_mean_is_bca_as_scipy_has_it(n: int) -> None:
    values = _metric(n, seed=n)
    ours = mean_interval(values, draws=40_000)
    scipys = stats.bootstrap(
        (values,), np.mean, n_resamples=40_000, batch=1000, method="BCa", rng=0
    ).confidence_interval
    width = scipys.high - scipys.low
    # More than the error of the draws, less than what the bias correction moves.
    assert ours.low == pytest.approx(scipys.low, abs=0.012 * width)
    assert ours.high == pytest.approx(scipys.high, abs=0.012 * width)
    assert ours.mean == values.mean()


def test_bca_leans_to_the_long_tail_and_the_symmetric_interval_does_not() -> None:
    values = _metric(100, seed=0, hits=0.15)
    bca, symmetric = mean_interval(values), difference_interval(values)
    assert bca.high - bca.mean > 1.1 * (bca.mean - bca.low)
    assert symmetric.high - symmetric.mean == pytest.approx(symmetric.mean - symmetric.low)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_with_many_users_both_are_the_normal_interval(confidence: float) -> None:
    values = _uniform(2000, 0)
    reach = stats.norm.ppf((1 + confidence) / 2) * values.std(ddof=1) / values.size**0.5
    for interval in (mean_interval, difference_interval):
        came = interval(values, confidence=confidence)
        assert came.low == pytest.approx(values.mean() - reach, abs=0.05 * reach)
        assert came.high == pytest.approx(values.mean() + reach, abs=0.05 * reach)
        assert (came.confidence, came.n, came.warning) == (confidence, 2000, None)


@pytest.mark.parametrize(
    ("interval", "mean"), [(mean_interval, 0.2 * HIT_VALUES[1:].mean()), (difference_interval, 0)]
)
def test_95_of_100_intervals_hold_the_true_mean(interval: object, mean: float) -> None:
    assert callable(interval)
    held = 0
    for seed in range(500):
        values = _metric(150, seed)
        if interval is difference_interval:
            values = values - _metric(150, seed + 1000)
        came = interval(values, draws=1000, seed=seed)
        held += came.low <= mean <= came.high
    assert 0.92 < held / 500 < 0.98  # three standard errors


def test_few_users_who_differ_bring_a_warning() -> None:
    values = np.zeros(100)
    values[:9] = HIT_VALUES[1:10]
    for sample in (values, 1 - values):
        for interval in (mean_interval, difference_interval):
            warning = interval(sample, draws=100).warning
            assert warning is not None
            assert warning.startswith("only 9 of 100 users differ from the commonest value")
    values[9] = 1
    assert mean_interval(values, draws=100).warning is None


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_equal_values_give_an_interval_without_width_and_a_warning(value: float) -> None:
    for interval in (mean_interval, difference_interval):
        came = interval([value] * 7, draws=100)
        assert came.low == pytest.approx(value)
        assert came.high == pytest.approx(value)
        assert came.warning is not None


@given(
    st.lists(st.floats(min_value=-1, max_value=1), min_size=2, max_size=60),
    st.floats(min_value=0.01, max_value=0.999),
)
def test_an_interval_holds_what_it_can_hold(values: list[float], confidence: float) -> None:
    came = mean_interval(values, confidence=confidence, draws=50)
    slack = 1e-9
    assert min(values) - slack <= came.low <= came.high <= max(values) + slack
    symmetric = difference_interval(values, confidence=confidence, draws=50)
    assert symmetric.low <= symmetric.mean <= symmetric.high


def test_a_seed_gives_the_same_interval_and_a_generator_goes_on() -> None:
    values = _metric(200, 0)
    for interval in (mean_interval, difference_interval):
        assert interval(values, seed=1) == interval(values, seed=1)
        assert interval(values, seed=1) != interval(values, seed=2)
        rng = np.random.default_rng(1)
        assert interval(values, seed=rng) == interval(values, seed=1)
        assert interval(values, seed=rng) != interval(values, seed=1)


@pytest.mark.parametrize("interval", [mean_interval, difference_interval])
def test_what_is_no_sample_is_refused(interval: object) -> None:
    assert callable(interval)
    for values in ([], [1.0], 3.0, [[1.0, 2.0]]):
        with pytest.raises(InputError, match="expected values of at least 2 users, came an array"):
            interval(values)
    with pytest.raises(InputError, match="expected finite values, came nan for user number 1"):
        interval([1.0, float("nan")])
    for confidence in (0, 1, 95):
        with pytest.raises(InputError, match="confidence: expected a number between 0 and 1"):
            interval([1.0, 2.0], confidence=confidence)
