"""What live calls were expected to cost, beside what they did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llmrec.llm.chat import ChatReply, ChatRequest, Usage
from llmrec.llm.estimating import Estimate, Past, expected, past_of
from llmrec.llm.metering import estimated_usage
from llmrec.llm.pricing import PriceOf
from llmrec.llm.recorded import LiveChatModel
from llmrec.llm.request_tokens import RequestTokens, tokens_of


@dataclass(slots=True)
class Called:
    """Live calls of one stage to one model: what was asked, and what that took."""

    calls: int = 0
    tokens: RequestTokens = field(default_factory=RequestTokens)
    usage: Usage = field(default_factory=Usage)


class ForecastChatModel:
    """Passes requests to a live chat model, and keeps what was expected of those it answers.

    Args:
        live: to call.
        log: the call log; what it knew before the first call is what is expected.
    """

    def __init__(self, live: LiveChatModel, log: str | Path) -> None:
        self._live = live
        self._log = log
        self._past: Mapping[tuple[str, str], Past] | None = None
        self._called: dict[tuple[str, str], Called] = {}

    @property
    def address(self) -> str:
        """The live model's."""
        return self._live.address

    def is_recorded(self, request: ChatRequest) -> bool:
        """Say what the live model says."""
        return self._live.is_recorded(request)

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Answer as the live model does; see ``ChatModel``."""
        if self._past is None:
            self._past = past_of(self._log)
        reply = await self._live.reply(request, renew=renew)
        called = self._called.setdefault((request.stage, request.model), Called())
        called.calls += 1
        called.tokens += tokens_of(request)
        called.usage += reply.usage or estimated_usage((m.content for m in request.messages), reply)
        return reply

    def compared(self, price_of: PriceOf) -> list[tuple[Estimate, Usage]]:
        """Return what was expected, and what came, by stage and model."""
        past = self._past or {}
        return [
            (
                expected(
                    stage,
                    model,
                    called.calls,
                    called.tokens,
                    past.get((stage, model)),
                    price_of(model, self.address),
                ),
                called.usage,
            )
            for (stage, model), called in self._called.items()
        ]
