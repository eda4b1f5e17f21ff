"""A ceiling holds against a server that fails every fourth time, by the server's bill as well."""

import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import NamedTuple

import pytest
from serving import faults
from serving.openai_server import Answer, OpenAIServer, Received, completion
from wire import Waits, during

from llmrec.errors import BudgetExceeded, ChatUnavailable
from llmrec.llm.billing import Billing
from llmrec.llm.budget import Budget
from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.in_order import in_order
from llmrec.llm.openai_chat import OpenAIChatModel
from llmrec.llm.openai_client import Server
from llmrec.llm.pricing import Price, price_list
from llmrec.llm.request_tokens import tokens_of
from llmrec.llm.server_settings import ServerSettings

PRICE = Price("given", input_usd=1, output_usd=8, cached_usd=0.1)
MAX_OUTPUT = 1_000
CALL_USD = (1_000 * PRICE.input_usd + 700 * PRICE.output_usd) / 1e6
"""What a call costs on average, about."""

CEILINGS = (0.5, 5, 40, 100, 110, 125, 150, 1e6)
"""In calls."""

CHARGED = (faults.CUT_BEFORE, faults.CUT_WITHIN, faults.PROXY_PAGE, faults.NO_JSON)
FREE = (faults.BROKEN, faults.OVERLOADED, faults.busy(retry_after="1"))


class Billed:
    """Answers three times in four, and adds up what that costs; so do answers that get lost."""

    def __init__(self, seed: int) -> None:
        self.billed_usd = 0.0
        self._random = random.Random(seed)

    def __call__(self, received: Received) -> Answer:
        body = received.body
        fault = self._random.choice((*CHARGED, *FREE)) if self._random.random() < 0.25 else None
        if fault in FREE:
            return fault
        asked = tokens_of(ChatRequest.of_body(body)).framed
        replied = self._random.randint(400, body["max_tokens"])
        self.billed_usd += (asked * PRICE.input_usd + replied * PRICE.output_usd) / 1e6
        usage = {"prompt_tokens": asked, "completion_tokens": replied}
        return fault or Answer(body=completion("{}", usage=usage))


class Outcome(NamedTuple):
    budget: Budget
    billed_usd: float
    answered: int
    exceeded: bool


def request(user: int) -> ChatRequest:
    text = f"User {user} says: " + "I read slow novels of the sea. " * (100 + user % 60)
    return ChatRequest("tiny", (Message("user", text),), sampling={"max_tokens": MAX_OUTPUT})


def run(ceiling_usd: float, n_users: int) -> Outcome:
    billed, budget, answered = Billed(n_users), Budget(ceiling_usd), 0
    with OpenAIServer() as serving:
        serving.always(billed)
        settings = ServerSettings(serving.url, max_attempts=4)
        billing = Billing(budget, price_list(PRICE), MAX_OUTPUT)
        server = Server(settings, Waits().limiter(), billing)
        chat = OpenAIChatModel(server)

        async def ask(user: int) -> bool:
            try:
                await chat.reply(request(user))
            except ChatUnavailable:
                return False
            return True

        async def all_users() -> bool:
            nonlocal answered
            replies: AsyncIterator[bool]
            try:
                async with aclosing(in_order(ask, range(n_users), concurrency=8)) as replies:
                    async for reply in replies:
                        answered += reply
            except BudgetExceeded:
                return True
            return False

        exceeded = during(server, all_users)
    return Outcome(budget, billed.billed_usd, answered, exceeded)


def check(ceiling: float, n_users: int) -> None:
    ceiling_usd = ceiling * CALL_USD
    done = run(ceiling_usd, n_users)
    assert done.budget.spent_usd <= ceiling_usd
    assert done.billed_usd <= done.budget.spent_usd + 1e-9
    assert done.budget.known_usd <= done.billed_usd + 1e-9
    if done.exceeded and ceiling >= 100:
        assert done.budget.spent_usd >= 0.95 * ceiling_usd
    assert done.exceeded == (ceiling < n_users)


@pytest.mark.parametrize("ceiling", CEILINGS)
def test_a_ceiling_is_never_passed_and_nearly_used(ceiling: float) -> None:
    check(ceiling, n_users=200)


@pytest.mark.slow
@pytest.mark.parametrize("ceiling", [0.5, 20, 100, 250, 600, 1_000, 1_500, 1e6])
def test_nor_with_two_thousand_users(ceiling: float) -> None:
    check(ceiling, n_users=2_000)
