"""How often intervals hold the true mean, by simulation: the table of docs/evaluation.md.

    python benchmarks/coverage.py [--samples 2000] [--draws 1000]

A metric is drawn as nDCG@10 with one relevant item: 0, or 1 / log2(rank + 1) with a rank of 1 to
10, rank r with a chance in proportion to 1 / r; how many users have a hit is set by the mean.
Differences of two systems are made in three ways:

- shared: half of the users have the same value under both, the others draw anew, the first
  system with half as much again as mean;
- independent: both draw from one population; the true difference is 0;
- gains: the first system has the better one of two draws, the second the other: no losses.

Prints the shares of samples whose 95 % interval holds the true mean; a star marks where at least
half of the samples have fewer than ten users who are not at 0, which the library warns about.
"""

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from llmrec.evaluation.intervals import FEW, difference_interval, mean_interval
from llmrec.evaluation.resampling import bootstrap_means

Array = NDArray[np.float64]
Sampler = Callable[[float, int, np.random.Generator], tuple[Array, float]]

N_USERS = (50, 100, 200, 500, 1000, 5000)
MEANS = (0.02, 0.05, 0.1, 0.2, 0.5)
CONFIDENCE = 0.95
SHOWN = ("BCa", "symmetric", "percentile", "t")

RANKS = np.arange(1, 11)
VALUES = np.append(0.0, 1 / np.log2(RANKS + 1))
RANK_CHANCES = (1 / RANKS) / (1 / RANKS).sum()
MEAN_OF_HIT = float(RANK_CHANCES @ VALUES[1:])


def chances(mean: float) -> Array:
    """Return the chance of each of VALUES that gives this mean."""
    hit = mean / MEAN_OF_HIT
    return np.append(1 - hit, hit * RANK_CHANCES)


def metric(mean: float, n: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Return the values of one system, and the true mean."""
    return rng.choice(VALUES, n, p=chances(mean)), mean


def shared(mean: float, n: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Return differences where half of the users see no difference, and the true mean."""
    other_mean = min(1.5 * mean, 0.95 * MEAN_OF_HIT)
    second, other = metric(mean, n, rng)[0], metric(other_mean, n, rng)[0]
    first = np.where(rng.random(n) < 0.5, second, other)
    return first - second, (other_mean - mean) / 2


def independent(mean: float, n: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Return differences of two independent systems that are as good, and the true mean."""
    return metric(mean, n, rng)[0] - metric(mean, n, rng)[0], 0.0


def gains(mean: float, n: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Return differences that are never below 0, and the true mean."""
    ones, others = metric(mean, n, rng)[0], metric(mean, n, rng)[0]
    p = chances(mean)
    true = float(p @ np.maximum.outer(VALUES, VALUES) @ p) - mean
    return np.maximum(ones, others) - others, true


POPULATIONS: dict[str, Sampler] = {
    "metric": metric,
    "difference, shared": shared,
    "difference, independent": independent,
    "difference, gains": gains,
}


def intervals(
    sample: Array, lowest: float, draws: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Return the 95 % intervals of one sample."""
    bca = mean_interval(sample, draws=draws, seed=rng)
    symmetric = difference_interval(sample, draws=draws, seed=rng)
    tails = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    low, high = np.quantile(bootstrap_means(sample, draws, rng), tails)
    mean, error = sample.mean(), sample.std(ddof=1) / sample.size**0.5
    reach = stats.t.ppf(tails[1], sample.size - 1) * error
    return {
        "BCa": (bca.low, bca.high),
        "symmetric": (symmetric.low, symmetric.high),
        "percentile": (low, high),
        "t": (mean - reach, mean + reach),
        "bounded": bounded(sample, lowest, draws, rng),
    }


def bounded(
    sample: Array, lowest: float, draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return Gaffke's bounds (2005), which for 0 and 1 are those of Clopper and Pearson.

    The sample, with the end of its range (``lowest``, or 1) as one value more, under random
    weights.
    """
    distinct, counts = np.unique(sample, return_counts=True)
    weights = rng.gamma(np.append(counts, 1.0), size=(draws, distinct.size + 1))
    body, end, total = weights[:, :-1] @ distinct, weights[:, -1], weights.sum(axis=1)
    low = np.quantile((body + lowest * end) / total, (1 - CONFIDENCE) / 2)
    return float(low), float(np.quantile((body + end) / total, (1 + CONFIDENCE) / 2))


def coverage(population: str, n: int, mean: float, samples: int, draws: int) -> dict[str, float]:
    """Return for each interval the share of samples whose interval holds the true mean.

    Also, as ``warned``, the share of samples that the library warns about.
    """
    rng = np.random.default_rng([n, round(1000 * mean), list(POPULATIONS).index(population)])
    lowest = 0.0 if population == "metric" else -1.0
    counts: Counter[str] = Counter()
    for _ in range(samples):
        sample, true = POPULATIONS[population](mean, n, rng)
        for name, (low, high) in intervals(sample, lowest, draws, rng).items():
            counts[name] += low - 1e-12 <= true <= high + 1e-12
        counts["warned"] += np.count_nonzero(sample) < FEW
    return {name: count / samples for name, count in counts.items()}


def cell(shares: dict[str, float]) -> str:
    """Return the shares of one cell, with a star where most samples have a warning."""
    star = "*" if shares["warned"] >= 0.5 else ""
    return " · ".join(f"{shares[name]:.3f}".lstrip("0") for name in SHOWN) + star


def print_table(population: str, samples: int, draws: int) -> None:
    """Print the table of one population."""
    print(f"\n**{population}**: {' · '.join(SHOWN)}\n")
    print(f"| users | {' | '.join(f'mean {mean:g}' for mean in MEANS)} |")
    print("|---" * (1 + len(MEANS)) + "|")
    bounds = []
    for n in N_USERS:
        row = [coverage(population, n, mean, samples, draws) for mean in MEANS]
        print(f"| {n} | {' | '.join(map(cell, row))} |", flush=True)
        bounds += [shares["bounded"] for shares in row]
    print(f"\nGaffke's bounds: {min(bounds):.3f} to {max(bounds):.3f}")


def main() -> None:
    """Print one table for each population."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    for population in POPULATIONS:
        print_table(population, options.samples, options.draws)


if __name__ == "__main__":
    main()
