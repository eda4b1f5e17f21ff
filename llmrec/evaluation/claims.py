"""Claims: what may be said of a system against a baseline on the same users."""

from collections.abc import Mapping, Sequence

from llmrec.evaluation.results import Claim, SystemResult, Verdict
from llmrec.evaluation.significance import compare, holm

ALPHA = 0.05


def paired_claims(
    pairs: Mapping[tuple[str, str], tuple[Sequence[float], Sequence[float]]],
    metric: str,
    *,
    seed: int = 0,
) -> tuple[Claim, ...]:
    """Compare pairs of systems; the p-values are adjusted for all of them together.

    Args:
        pairs: by the names of a system and its baseline, the values of both: one for each user,
            in the same order.
        metric: what they are values of.
        seed: of resamples and sign patterns.

    Raises:
        InputError: there are fewer than 2 users.
    """
    found = {names: compare(*values, seed=seed) for names, values in pairs.items()}
    adjusted = holm([comparison.p_value for comparison in found.values()])
    return tuple(
        Claim(
            system=system,
            baseline=baseline,
            metric=metric,
            difference=comparison.difference.mean,
            low=comparison.difference.low,
            high=comparison.difference.high,
            p=p,
            n=comparison.difference.n,
            verdict=_verdict(comparison.difference.low, comparison.difference.high, p),
            detectable=comparison.detectable,
            warning=comparison.difference.warning,
        )
        for ((system, baseline), comparison), p in zip(
            found.items(), adjusted.tolist(), strict=True
        )
    )


def best_without_llm(systems: Sequence[SystemResult], metric: str) -> SystemResult | None:
    """Return the system without an LLM with the highest mean, the first of equal ones."""
    without = [system for system in systems if system.kind == "without_llm"]
    return max(without, key=lambda system: system.scores[metric].mean, default=None)


def claim_line(claim: Claim) -> str:
    """Return a claim against the best system without an LLM in one line."""
    return f"{claim.system} − best without an LLM ({claim.baseline}) = {estimate(claim)}"


def estimate(claim: Claim) -> str:
    """Return the difference with its interval, p, users and verdict."""
    interval = f"[{signed(claim.low)}, {signed(claim.high)}]"
    difference = f"{signed(claim.difference)} {interval}, {p_value(claim.p)}"
    return f"{difference}, {claim.n} users: {claim.verdict}"


def p_value(p: float) -> str:
    """Return a p-value as claims have it; it is never 0."""
    return "p < .001" if p < 0.001 else f"p = {short(p)}"


def short(value: float) -> str:
    """Return a number to three places as tables have it: .071, 1.000, −.050."""
    text = f"{abs(value):.3f}".removeprefix("0")
    return f"−{text}" if value < 0 and text != ".000" else text


def signed(value: float) -> str:
    """Return a difference to three places, always with its sign."""
    text = short(value)
    return text if text.startswith("−") else f"+{text}"


def _verdict(low: float, high: float, p: float) -> Verdict:
    if p < ALPHA and low > 0:
        return "better"
    if p < ALPHA and high < 0:
        return "worse"
    return "not distinguishable"
