"""What models cost. The prices come with the package genai-prices: no download."""

from dataclasses import dataclass

_PRICED_TOKENS = 1_000
"""Few enough for the lowest tier of models whose price grows with the length of the prompt."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs where the prompt is short.

    Attributes:
        provider: whose price it is.
        input_usd: US dollars per million tokens in.
        output_usd: US dollars per million tokens out.
    """

    provider: str
    input_usd: float
    output_usd: float


def known_price(model: str, server: str | None = None) -> Price | None:
    """Return a model's price today, or None where it is not known.

    Args:
        model: its name in requests.
        server: scheme, host and path of the server; one that is no known provider's, such as a
            gateway, is left aside, and the name alone decides.
    """
    import genai_prices

    usage = genai_prices.Usage(input_tokens=_PRICED_TOKENS, output_tokens=_PRICED_TOKENS)
    for address in dict.fromkeys((server, None)):
        try:
            priced = genai_prices.calc_price(usage, model, provider_api_url=address)
        except LookupError:
            continue
        scale = 1_000_000 // _PRICED_TOKENS
        return Price(
            provider=priced.provider.id,
            input_usd=float(priced.input_price * scale),
            output_usd=float(priced.output_price * scale),
        )
    return None
