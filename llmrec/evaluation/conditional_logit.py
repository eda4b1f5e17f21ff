"""Weights that raise the held-out item above others: a conditional logit with a ridge.

For one example with features x_0 of the item to be found and x_n of others the loss is
-log(exp(w·x_0) / Σ_n exp(w·x_n)) (McFadden 1974; as a loss for ranking Cao et al. 2007). Axes:
examples e, items n (the first one is to be found), parts p.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from llmrec.matching.similarity import Float64

Features = NDArray[np.float32] | NDArray[np.float64]

_MAX_STEPS: Final = 50
_MAX_SWEEPS: Final = 500
_SMALL: Final = 1e-7


def losses(features: Features, weights: Float64) -> Float64:
    """Return (n_examples,) the loss of each example.

    Args:
        features: (n_examples, n_items, n_parts), the first item is to be found.
        weights: (n_parts,).
    """
    scores = features @ weights
    top = scores.max(axis=1)
    found: Float64 = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top - scores[:, 0]
    return found


def minimise(
    features: Features,
    importance: Float64,
    prior: Float64,
    strength: float,
    start: Float64,
) -> Float64:
    """Return the weights w, 0 or more, of the least loss + strength / 2 · ‖w - prior‖².

    Newton's method: each step minimises the quadratic model under w ≥ 0, then is halved until the
    loss falls. The loss is convex, so that there is one minimum.

    Args:
        features: (n_examples, n_items, n_parts), at least one example.
        importance: (n_examples,) of each in the loss, summing to 1.
        prior: (n_parts,) what the ridge draws towards.
        strength: of the ridge, above 0.
        start: (n_parts,) 0 or more, where to begin.
    """

    def loss(weights: Float64) -> float:
        drawn = strength / 2 * float(((weights - prior) ** 2).sum())
        return float(importance @ losses(features, weights)) + drawn

    weights, value = start, loss(start)
    for _ in range(_MAX_STEPS):
        gradient, hessian = _slope(features, importance, weights)
        gradient = gradient + strength * (weights - prior)
        hessian = hessian + strength * np.eye(len(weights))
        step = _least(gradient, hessian, weights) - weights
        promised = float(gradient @ step)
        if -promised < _SMALL:
            break
        length = 1.0
        while (new := loss(weights + length * step)) > value + 1e-4 * length * promised:
            length /= 2
        weights, value = np.maximum(weights + length * step, 0), new
    return weights


def _slope(features: Features, importance: Float64, weights: Float64) -> tuple[Float64, Float64]:
    """Return gradient (n_parts,) and Hessian (n_parts, n_parts) of the loss without the ridge."""
    scores = features @ weights
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    expected = np.einsum("en,enp->ep", chances, features)
    gradient = importance @ (expected - features[:, 0])
    flat = features.reshape(-1, features.shape[2])
    spread = flat.T @ (flat * (chances * importance[:, None]).reshape(-1, 1))
    return gradient, spread - expected.T @ (expected * importance[:, None])


def _least(gradient: Float64, hessian: Float64, weights: Float64) -> Float64:
    """Return v ≥ 0 of the least g·(v - w) + ½ (v - w)ᵀH(v - w), one coordinate after another."""
    found = weights.copy()
    for _ in range(_MAX_SWEEPS):
        before = found.copy()
        for p in range(len(found)):
            slope = gradient[p] + hessian[p] @ (found - weights)
            found[p] = max(found[p] - slope / hessian[p, p], 0.0)
        if np.abs(found - before).max() < _SMALL:
            break
    return found
