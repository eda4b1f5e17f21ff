"""The fitted weights are the least loss there is, and never negative."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.evaluation.conditional_logit import losses, minimise
from llmrec.matching.similarity import Float64


def features(
    seed: int, n_examples: int = 12, n_parts: int = 3
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(size=(n_examples, 5, n_parts))


def even(n: int) -> Float64:
    return np.full(n, 1 / n)


def test_the_loss_is_minus_the_log_of_the_chance_of_the_first_item() -> None:
    given = np.array([[[1.0, 0], [0, 0], [0, 2]]])
    weights = np.array([2.0, 0.5])
    scores = np.exp([2.0, 0, 1])
    assert losses(given, weights) == pytest.approx([-np.log(scores[0] / scores.sum())])
    assert losses(given * 1e4, weights) == pytest.approx([0])


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1e-3, 0.1, 10]))
def test_no_other_weights_have_less_loss(seed: int, strength: float) -> None:
    given, shares, prior = features(seed), even(12), np.array([1.0, 0, 0.5])
    found = minimise(given, shares, prior, strength, prior)
    assert (found >= 0).all()

    def loss(weights: Float64) -> float:
        return float(
            shares @ losses(given, weights) + strength / 2 * ((weights - prior) ** 2).sum()
        )

    least = loss(found)
    draw = np.random.default_rng(seed)
    for scale in (1e-3, 0.1, 1):
        for other in np.maximum(found + scale * draw.normal(size=(20, 3)), 0):
            assert loss(other) >= least - 1e-6


def test_a_strong_ridge_keeps_what_it_draws_towards() -> None:
    prior = np.array([1.0, 0, 0.5])
    assert minimise(features(1), even(12), prior, 1e6, prior) == pytest.approx(prior, abs=1e-4)


def test_what_is_better_when_lower_gets_no_weight() -> None:
    given = features(3)
    given[:, 0, 1] -= 5  # the item to be found is low in the second part
    found = minimise(given, even(12), np.ones(3), 1e-3, np.ones(3))
    assert found[1] == 0


def test_examples_count_as_much_as_their_shares() -> None:
    given, prior = features(4), np.ones(3)
    first = minimise(given[:6], even(6), prior, 0.1, prior)
    ignoring = np.concatenate([even(6), np.zeros(6)])
    assert minimise(given, ignoring, prior, 0.1, prior) == pytest.approx(first, abs=1e-4)
