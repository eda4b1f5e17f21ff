"""What models cost. The prices come with the package genai-prices: no download."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

from llmrec.errors import SettingsError
from llmrec.llm.chat import Usage

BATCH_SHARE = 0.5
"""What a token of a batch costs of its price: OpenAI, Anthropic and Google all halve it."""

_MILLION = 1_000_000
_PRICED_TOKENS = 1_000
"""Few enough for the lowest tier of models whose price grows with the length of the prompt."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs where the prompt is short.

    Attributes:
        provider: whose price it is.
        input_usd: US dollars per million tokens in.
        output_usd: US dollars per million tokens out.
        cached_usd: US dollars per million tokens in that the server had cached.
    """

    provider: str
    input_usd: float
    output_usd: float
    cached_usd: float

    def cost_usd(self, usage: Usage) -> float:
        """Return what some tokens cost, in US dollars."""
        fresh = usage.input_tokens - usage.cached_tokens
        micro_usd = (
            fresh * self.input_usd
            + usage.cached_tokens * self.cached_usd
            + usage.output_tokens * self.output_usd
        )
        return micro_usd / _MILLION

    @classmethod
    def parse(cls, text: str) -> "Price":
        """Read ``IN,OUT`` or ``IN,OUT,CACHED``, US dollars per million tokens.

        Raises:
            SettingsError: it is neither.
        """
        try:
            dollars = [float(part) for part in text.split(",")]
        except ValueError:
            dollars = []
        if len(dollars) == 2:
            dollars.append(dollars[0])
        if len(dollars) != 3 or not all(0 <= usd < math.inf for usd in dollars):
            raise SettingsError(
                "--price: expected IN,OUT or IN,OUT,CACHED in US dollars per million tokens, "
                f"as 0.25,2 or 0.25,2,0.025; came {text!r}"
            )
        return cls("given", *dollars)


PriceOf = Callable[[str, str], Price | None]
"""The price of a model at a server, None where it is not known; an empty server is an unknown one.
"""


def price_list(given: Price | None) -> PriceOf:
    """Return what tells the price of a model: always the one given, else what is known of it."""
    if given is not None:
        return lambda model, server: given
    return functools.cache(lambda model, server: known_price(model, server or None))


def known_price(model: str, server: str | None = None) -> Price | None:
    """Return a model's price today, or None where it is not known.

    Args:
        model: its name in requests.
        server: scheme, host and path of the server; one that is no known provider's, such as a
            gateway, is left aside, and the name alone decides.
    """
    import genai_prices

    tokens = _PRICED_TOKENS
    fresh = genai_prices.Usage(input_tokens=tokens, output_tokens=tokens)
    cached = genai_prices.Usage(input_tokens=tokens, cache_read_tokens=tokens)
    for address in dict.fromkeys((server, None)):
        try:
            priced = genai_prices.calc_price(fresh, model, provider_api_url=address)
            from_cache = genai_prices.calc_price(cached, model, provider_api_url=address)
        except LookupError:
            continue
        scale = _MILLION // tokens
        return Price(
            provider=priced.provider.id,
            input_usd=float(priced.input_price * scale),
            output_usd=float(priced.output_price * scale),
            cached_usd=float(from_cache.input_price * scale),
        )
    return None
