"""What a command's calls may cost, and what they did cost."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmrec.cli.money import dollars
from llmrec.embedder_opening import (
    OpenedEmbedder,
    embedder_of_index,
    needs_server,
    planned_embedder_of_index,
)
from llmrec.errors import SettingsError
from llmrec.llm.billing import Billing
from llmrec.llm.budget import Budget
from llmrec.llm.chat import ChatModel, Usage
from llmrec.llm.planning import Plan, PlannedChatModel
from llmrec.llm.pricing import PriceOf, price_list
from llmrec.llm.server_settings import OPENAI_URL
from llmrec.matching.catalogue import Catalogue
from llmrec.opening import Mode, ServerChoice, open_server

if TYPE_CHECKING:
    from llmrec.llm.calls import CallLog
    from llmrec.llm.forecasting import ForecastChatModel
    from llmrec.llm.openai_client import Server

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Spending:
    """Opens what a command calls, so that all of it is paid from one budget, or only planned.

    Attributes:
        plan: takes down what would be asked; None where it is asked.
        budget: that calls are paid from.
        price_of: tells the price of a chat model.
        embed_price_of: tells that of an embedding model.
        output_tokens: that a reply has at most; 0 where that is not known.
    """

    plan: Plan | None = None
    budget: Budget = field(default_factory=Budget)
    price_of: PriceOf = field(default_factory=lambda: price_list(None))
    embed_price_of: PriceOf = field(default_factory=lambda: price_list(None))
    output_tokens: int = 0
    _forecast: "ForecastChatModel | None" = None
    _log: "CallLog | None" = None

    def open_server(self, choice: ServerChoice, mode: Mode) -> "Server | None":
        """Return the chat server that is called, or None where none is."""
        if mode == "replay":
            return None
        if self.plan is None:
            billing = Billing(self.budget, self.price_of, self.output_tokens)
            return open_server(choice, billing=billing)
        self.plan.address = _address(choice)
        return None

    def open_embed_server(
        self, choice: ServerChoice, calls: str | Path | None, mode: Mode
    ) -> "Server | None":
        """Return the server that embeds, or None where nothing is called.

        Raises:
            InputError: there is a call log, and it is none.
        """
        if self.plan is not None:
            self.plan.embed_address = _address(choice)
            return None
        receipts = None if calls is None or mode == "replay" else self._opened(calls, mode)
        billing = Billing(self.budget, self.embed_price_of, receipts=receipts)
        return open_server(choice, billing=billing)

    def open_index_server(
        self, index: Catalogue, choice: ServerChoice, calls: str | Path | None, mode: Mode
    ) -> "Server | None":
        """Return the server that makes vectors such as those of an index, or None where none does.

        Raises:
            InputError: there is a call log, and it is none.
        """
        return self.open_embed_server(choice, calls, mode) if needs_server(index) else None

    def open_embedder(
        self, index: Catalogue, vectors: str | Path | None, mode: Mode, server: "Server | None"
    ) -> OpenedEmbedder:
        """Return the embedder of an index, with a server or a plan behind it.

        Raises:
            SettingsError, IndexMismatch: as ``embedder_of_index``, or a plan of what is replayed
                is asked for.
        """
        if self.plan is None:
            return embedder_of_index(index, vectors, mode, server)
        refuse_replay(mode)
        return planned_embedder_of_index(index, vectors, self.plan)

    def open_chat(
        self, calls: str | Path, mode: Mode, server: "Server | None", model: str
    ) -> ChatModel:
        """Return the chat model: over a call log, with a server or a plan behind it.

        Raises:
            InputError: there is no such log to replay, or it is not one.
            SettingsError: a plan of what is replayed is asked for.
        """
        from llmrec.chat_opening import live_chat, open_chat

        if self.plan is not None:
            refuse_replay(mode)
            return PlannedChatModel(open_chat(calls, mode, self.plan), self.plan)
        log, live = self._opened(calls, mode), live_chat(server)
        if live is None or self.price_of(model, live.address) is None:
            return open_chat(log, mode, live)
        from llmrec.llm.forecasting import ForecastChatModel

        self._forecast = ForecastChatModel(live, calls)
        return open_chat(log, mode, self._forecast)

    def _opened(self, calls: str | Path, mode: Mode) -> "CallLog":
        """Return the command's call log, which is read once for all that it calls."""
        if self._log is None:
            from llmrec.llm.calls import CallLog

            self._log = CallLog(calls, must_exist=mode == "replay")
        return self._log

    def say(self) -> None:
        """Say what was spent, and what is not sure of it."""
        budget = self.budget
        if self._forecast is not None:
            self._say_expected(self._forecast)
        elif budget.known_usd:
            log.info("cost: %s", dollars(budget.known_usd))
        if budget.unsure_usd:
            log.warning(
                "attempts that were sent and not answered: %d; up to %s more, if they were charged",
                budget.unsure,
                dollars(budget.unsure_usd),
            )
        if budget.spent_usd > budget.ceiling_usd:
            log.warning(
                "--max-cost was passed by %s: %d answers were longer than assumed, or than the "
                "limit that was sent",
                dollars(budget.spent_usd - budget.ceiling_usd),
                budget.above_worst,
            )

    def _say_expected(self, forecast: "ForecastChatModel") -> None:
        """Say what the calls were expected to cost, and did."""
        compared = forecast.compared(self.price_of)
        calls = sum(expected.requests for expected, _ in compared)
        if not calls:
            return
        usage = sum((usage for _, usage in compared), Usage())
        expected_usd = sum(expected.cost_usd or 0.0 for expected, _ in compared)
        known_usd = self.budget.known_usd
        off = f" ({expected_usd / known_usd - 1:+.0%})" if known_usd else ""
        log.info(
            "cost: %s; %d calls, %s tokens in (%s of them cached), %s out; expected was %s%s",
            dollars(known_usd),
            calls,
            f"{usage.input_tokens:,}",
            f"{usage.cached_tokens:,}",
            f"{usage.output_tokens:,}",
            dollars(expected_usd),
            off,
        )


def refuse_replay(mode: Mode) -> None:
    """Refuse to plan what calls nothing.

    Raises:
        SettingsError: it is replayed.
    """
    if mode == "replay":
        raise SettingsError("--replay calls nothing: leave it out to plan calls")


def _address(choice: ServerChoice) -> str:
    """Return where a server would be called; that takes no key."""
    there = open_server(replace(choice, key_variable=None))
    return OPENAI_URL if there is None else there.address
