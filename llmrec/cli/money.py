"""Money as a person wants to read it."""


def dollars(cost_usd: float) -> str:
    """Return an amount in US dollars, with enough places for a single call."""
    return f"${cost_usd:,.2f}" if cost_usd >= 10 else f"${cost_usd:.4f}"
