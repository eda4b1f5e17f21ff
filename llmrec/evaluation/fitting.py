"""Weights of the parts of a score, fitted on the held-out items of some users."""

from typing import Final

import numpy as np

from llmrec.evaluation.conditional_logit import minimise
from llmrec.evaluation.examples import Examples
from llmrec.matching.similarity import Float64

PULLS: Final = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
"""How strongly a ridge may draw towards the defaults; divided by the number of users."""

_HARDLY: Final = 1e-6


def path(examples: Examples, defaults: Float64) -> Float64:
    """Return the weights that lie between the defaults and what the examples say.

    Args:
        examples: of the users that may be looked at; there may be none.
        defaults: (n_parts,) 0 or more, summing to 1.

    Returns:
        (1 + n_pulls, n_parts) float64, 0 or more, each row summing to 1: the defaults, then the
        weights under each pull, the strongest first.
    """
    if not examples.n_users:
        return np.tile(defaults, (1 + len(PULLS), 1))
    fitted = [fit(examples, defaults, pull) for pull in PULLS]
    return np.stack([defaults, *fitted])


def fit(
    examples: Examples, defaults: Float64, pull: float, counts: Float64 | None = None
) -> Float64:
    """Return the weights under one pull: (n_parts,) float64, 0 or more, summing to 1.

    Args:
        examples: of at least one user.
        defaults: (n_parts,) 0 or more, summing to 1.
        pull: towards the defaults, above 0; it is shared by the users, so that it gives way as
            these grow in number.
        counts: (at least n_users,) how often each user counts; None for once.
    """
    shares = examples.shares(counts)
    prior = _sharpened(examples, shares, defaults)
    weights = minimise(examples.features, shares, prior, pull / examples.n_users, prior)
    total = weights.sum()
    return weights / total if total > 0 else defaults


def _sharpened(examples: Examples, shares: Float64, defaults: Float64) -> Float64:
    """Return the multiple of the defaults that has the least loss.

    A multiple ranks as the defaults do, so that the ridge, which draws towards it, pulls at the
    order of items and not at how sure the score is of it.
    """
    alone = examples.features @ defaults
    factor = minimise(alone[:, :, None], shares, np.zeros(1), _HARDLY, np.ones(1))
    return factor * defaults


def choose(values: Float64) -> int:
    """Return which weights of a path to take, by what they were worth to users left out.

    The best, if they are ahead of the defaults by more than one standard error of the difference
    (after Breiman et al. 1984), else the defaults: with few users that error is large, so that
    these stay where there is no reason to leave them. Among the others there is none to be timid.

    Args:
        values: (1 + n_pulls, n_users) float64 of a metric, higher is better.
    """
    if values.shape[1] < 2:
        return 0
    best = int(values.mean(axis=1).argmax())
    ahead = values[best] - values[0]
    error = ahead.std(ddof=1) / np.sqrt(len(ahead))
    return best if ahead.mean() > error else 0
