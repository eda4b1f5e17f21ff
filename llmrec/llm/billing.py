"""What the calls to one server cost: prices, a limit for replies, and the budget they count on."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from llmrec.digests import canonical_json
from llmrec.errors import SettingsError
from llmrec.llm.budget import FREE, Bill, Budget, Charge
from llmrec.llm.pricing import Price, PriceOf

if TYPE_CHECKING:
    from llmrec.llm.calls import CallLog

Attempting = Callable[[], AbstractAsyncContextManager[Charge]]
"""Begins an attempt that is paid for."""


def _unknown(model: str, server: str) -> None:
    """Return no price."""


@dataclass(frozen=True, slots=True)
class Billing:
    """How calls to a server are paid for; by default nothing is known of prices.

    Attributes:
        budget: that they are paid from.
        price_of: tells prices.
        output_tokens: that a reply has at most; 0 where that is not known.
        receipts: the call log that gets a line for each call for vectors; None for none.
    """

    budget: Budget = field(default_factory=Budget)
    price_of: PriceOf = _unknown
    output_tokens: int = 0
    receipts: "CallLog | None" = None

    def of(self, model: str, server: str, body: Mapping[str, Any]) -> Attempting:
        """Return what begins an attempt to send a request.

        Args:
            model: that is asked.
            server: its address.
            body: of the request; one with ``input`` is for embeddings, and has no reply to pay.

        Raises:
            SettingsError: there is a ceiling, and no price or no limit of the reply.
        """
        embeds = "input" in body
        price = self.price_of(model, server)
        if self.budget.ceiling_usd < math.inf:
            self._require(model, price, embeds)
        if price is None:
            return self.free
        output_tokens = 0 if embeds else self.output_tokens
        size = len(canonical_json(body).encode("utf-8"))
        return partial(self.budget.attempt, Bill.of(price, size, output_tokens))

    def _require(self, model: str, price: Price | None, embeds: bool) -> None:
        """Refuse what has no worst case."""
        if price is None:
            option = "--embed-price USD" if embeds else "--price IN,OUT"
            raise SettingsError(f"--max-cost: no price of {model!r} is known: give {option}")
        if not embeds and not self.output_tokens:
            raise SettingsError(
                "--max-cost needs to know how long a reply can be: --max-output-tokens N limits "
                "it, --assume-output-tokens N counts on it"
            )

    def free(self) -> AbstractAsyncContextManager[Charge]:
        """Begin an attempt that costs nothing."""
        return self.budget.attempt(FREE)
