"""A ceiling on what calls cost: one begins only if it fits at its worst."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from llmrec.errors import BudgetExceeded
from llmrec.llm.chat import ChatReply, Usage
from llmrec.llm.embed_call import vectors_usage
from llmrec.llm.pricing import Price


@dataclass(slots=True)
class Charge:
    """An attempt to call, and what it costs.

    Attributes:
        price: of the model, None where it is not known: then it costs nothing here.
        cost_usd: nothing until it is sent, then not known until the server says it.
    """

    price: Price | None = None
    cost_usd: float | None = 0.0

    def sent(self) -> None:
        """Take it that the server may charge for it from here on."""
        self.cost_usd = None

    def refused(self) -> None:
        """Take it that the server charges nothing: it did not answer."""
        self.cost_usd = 0.0

    def answered(self, body: Mapping[str, Any]) -> None:
        """Count what the server says that it used; what it does not count stays unknown."""
        usage = _counted(body)
        if self.price is None:
            self.cost_usd = 0.0
        elif usage is not None:
            self.cost_usd = self.price.cost_usd(usage)


@dataclass(frozen=True, slots=True)
class Bill:
    """What an attempt may cost.

    Attributes:
        worst_usd: at most.
        price: of the model, None where it is not known.
    """

    worst_usd: float = 0.0
    price: Price | None = None

    @classmethod
    def of(cls, price: Price, input_bytes: int, output_tokens: int) -> "Bill":
        """Return the bill of a request.

        Args:
            price: of the model.
            input_bytes: of the request's body. No token is shorter than a byte, so that it has at
                most as many tokens, whatever the model's vocabulary is.
            output_tokens: that a reply has at most.
        """
        return cls(price.cost_usd(Usage(input_bytes, output_tokens)), price)


FREE = Bill()


class Budget:
    """Money for calls, in one event loop at a time, and what became of it.

    An attempt begins only if all that was spent, all that is under way at its worst and its own
    worst stay within the ceiling; it waits while something under way may cost less than feared.
    What was sent and not answered may have been charged, and stays counted at its worst.

    Args:
        ceiling_usd: in US dollars; infinite by default, to add up only.

    Attributes:
        ceiling_usd: what may be spent.
        known_usd: spent, as servers counted it.
        unsure_usd: spent at worst by attempts that no answer with a count came back from.
        unsure: number of those.
        above_worst: number of answers that cost more than their worst, which was then none.
    """

    def __init__(self, ceiling_usd: float = math.inf) -> None:
        self.ceiling_usd = ceiling_usd
        self.known_usd = 0.0
        self.unsure_usd = 0.0
        self.unsure = 0
        self.above_worst = 0
        self._under_way: list[float] = []
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def spent_usd(self) -> float:
        """What was spent at most."""
        return self.known_usd + self.unsure_usd

    @asynccontextmanager
    async def attempt(self, bill: Bill) -> AsyncIterator[Charge]:
        """Wait until an attempt fits, and count what it costs when the block ends.

        Raises:
            BudgetExceeded: it does not fit, and nothing is under way that could make room.
        """
        await self._room(bill.worst_usd)
        self._under_way.append(bill.worst_usd)
        charge = Charge(bill.price)
        try:
            yield charge
        finally:
            self._under_way.remove(bill.worst_usd)
            self._count(charge.cost_usd, bill.worst_usd)
            for waiting in self._waiting:
                if not waiting.done():
                    waiting.set_result(None)
            self._waiting.clear()

    async def _room(self, worst_usd: float) -> None:
        while self.spent_usd + math.fsum(self._under_way) + worst_usd > self.ceiling_usd:
            if not self._under_way:
                raise BudgetExceeded(self._refusal(worst_usd))
            freed = asyncio.get_running_loop().create_future()
            self._waiting.append(freed)
            await freed

    def _count(self, cost_usd: float | None, worst_usd: float) -> None:
        if cost_usd is None:
            self.unsure += 1
            self.unsure_usd += worst_usd
            return
        self.known_usd += cost_usd
        self.above_worst += cost_usd > worst_usd

    def _refusal(self, worst_usd: float) -> str:
        unsure = f", ${self.unsure_usd:.4f} of it perhaps" if self.unsure else ""
        return (
            f"the next call may cost ${worst_usd:.4f}, and of --max-cost ${self.ceiling_usd:.4f} "
            f"this run has spent ${self.spent_usd:.4f}{unsure}; what was paid for is kept: "
            "the same command goes on from there, with a higher --max-cost if that is needed"
        )


def _counted(body: Mapping[str, Any]) -> Usage | None:
    """Return the tokens that a server counted; vectors (``data``) have none that come out."""
    return vectors_usage(body) if "data" in body else ChatReply(body).usage
