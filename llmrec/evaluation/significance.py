"""Whether a difference is more than chance, and what a sample of this size could have shown.

Every function takes one value for each of n independent users: the values of two systems, or
their differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llmrec.errors import InputError
from llmrec.evaluation.intervals import (
    Interval,
    check_share,
    checked_sample,
    difference_interval,
)
from llmrec.evaluation.resampling import (
    DRAWS,
    ROUNDING,
    all_sign_flipped_sums,
    sign_flipped_sums,
)

_ALL_PATTERNS = 20
"""Up to so many differences that are not zero, all of the at most 2 ** 20 patterns are tried."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on the same users.

    Attributes:
        difference: mean of first minus second, with its interval.
        p_value: of the sign-flip test, two-sided.
        detectable: the smallest difference that this number of users would have shown in 80 of
            100 samples.
    """

    difference: Interval
    p_value: float
    detectable: float


def sign_flip_test(
    differences: ArrayLike, *, draws: int = DRAWS, seed: int | np.random.Generator = 0
) -> float:
    """Return the two-sided p-value of paired differences under random signs.

    If the two systems are interchangeable, each difference could as well have the other sign
    (Fisher 1935): p is the share of sign patterns whose sum is at least as far from 0 as the
    observed one. All patterns are tried for up to 20 differences that are not 0; else some are
    drawn, and the observed one counts as one of them (Phipson and Smyth 2010): p is never 0.

    Args:
        differences: (n,) finite, n at least 2.
        draws: number of patterns where not all are tried.
        seed: a seed, or a generator that is drawn from.

    Returns:
        p in (0, 1].

    Raises:
        InputError: the differences are not such.
    """
    sample = checked_sample(differences)
    moved = sample[sample != 0]
    # The last bits of a sum depend on its order; what is equal but for them counts as equal.
    observed = abs(moved.sum()) - ROUNDING * np.abs(moved).sum()
    if moved.size <= _ALL_PATTERNS:
        return float((np.abs(all_sign_flipped_sums(moved)) >= observed).mean())
    sums = sign_flipped_sums(moved, draws, np.random.default_rng(seed))
    return float((np.sum(np.abs(sums) >= observed) + 1) / (draws + 1))


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Return p-values adjusted for being several, by Holm's step-down procedure (1979).

    An adjusted value at most alpha rejects, and the chance of any false rejection is at most
    alpha, whatever the dependence of the tests.

    Args:
        p_values: each in [0, 1].

    Returns:
        As many adjusted values, in the same order.

    Raises:
        InputError: a value is not in [0, 1].
    """
    given = np.asarray(p_values, np.float64)
    if not np.all((given >= 0) & (given <= 1)):
        raise InputError(f"p-values: expected numbers in [0, 1], came {given.tolist()}")
    order = np.argsort(given, kind="stable")
    steps = given[order] * np.arange(given.size, 0, -1)
    adjusted = np.empty(given.size)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def detectable_difference(
    differences: ArrayLike, *, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Return the smallest true mean difference that as many users would show, with this power.

    (z(1 - alpha / 2) + z(power)) standard errors (Bloom 1995), 2.8 by default, the standard error
    from these differences.

    Args:
        differences: (n,) finite, n at least 2.
        power: chance of a significant result, in (0, 1).
        alpha: two-sided level of the test, in (0, 1).

    Raises:
        InputError: an argument is not such.
    """
    sample = checked_sample(differences)
    check_share(power, "power")
    check_share(alpha, "alpha")
    multiple = _NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(power)
    return float(multiple * sample.std(ddof=1) / sample.size**0.5)


def compare(
    first: ArrayLike,
    second: ArrayLike,
    *,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int | np.random.Generator = 0,
) -> Comparison:
    """Compare two systems on the same users: interval, test and detectable difference.

    Args:
        first: (n,) values, n at least 2.
        second: (n,) values of the same users in the same order.
        confidence: in (0, 1); the detectable difference is for a test at 1 - confidence.
        draws: number of resamples and of sign patterns.
        seed: a seed, or a generator that is drawn from.

    Raises:
        InputError: the values are not such.
    """
    ones, others = checked_sample(first), checked_sample(second)
    if ones.size != others.size:
        raise InputError(
            f"expected two values for each user, came {ones.size} and {others.size} values: "
            "evaluate both systems on the same users"
        )
    differences, rng = ones - others, np.random.default_rng(seed)
    return Comparison(
        difference_interval(differences, confidence=confidence, draws=draws, seed=rng),
        sign_flip_test(differences, draws=draws, seed=rng),
        detectable_difference(differences, alpha=1 - confidence),
    )
