"""A ceiling: what fits begins, what may fit later waits, what cannot fit is refused."""

import asyncio
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.digests import canonical_json
from llmrec.errors import BudgetExceeded, SettingsError
from llmrec.llm.billing import Billing
from llmrec.llm.budget import Bill, Budget, Charge
from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.pricing import Price, price_list
from llmrec.llm.request_tokens import tokens_of

DOLLAR_A_TOKEN = Price("given", input_usd=1e6, output_usd=1e6, cached_usd=5e5)


def answer(asked: int, replied: int, cached: int = 0) -> dict[str, object]:
    usage = {"prompt_tokens": asked, "completion_tokens": replied}
    return {"usage": usage | {"prompt_tokens_details": {"cached_tokens": cached}}}


def spend(budget: Budget, worst_usd: float, cost_usd: float | None) -> None:
    async def attempt() -> None:
        async with budget.attempt(Bill(worst_usd, DOLLAR_A_TOKEN)) as charge:
            charge.cost_usd = cost_usd

    asyncio.run(attempt())


def test_what_is_spent_and_what_may_be_stay_within_the_ceiling() -> None:
    budget = Budget(10)
    spend(budget, worst_usd=6, cost_usd=3)
    spend(budget, worst_usd=7, cost_usd=2)
    spend(budget, worst_usd=5, cost_usd=None)
    assert (budget.known_usd, budget.unsure_usd, budget.unsure, budget.spent_usd) == (5, 5, 1, 10)
    with pytest.raises(BudgetExceeded, match=r"\$0\.0100, and of --max-cost \$10\.0000 this run"):
        spend(budget, worst_usd=0.01, cost_usd=0)
    spend(budget, worst_usd=0, cost_usd=0)


def test_an_attempt_that_is_not_sent_costs_nothing() -> None:
    charge = Charge(DOLLAR_A_TOKEN)
    assert charge.cost_usd == 0
    charge.sent()
    assert charge.cost_usd is None
    charge.refused()
    assert charge.cost_usd == 0


@pytest.mark.parametrize(
    ("body", "cost_usd"),
    [
        (answer(10, 5), 15),
        (answer(10, 5, cached=4), 13),
        ({"data": [], "usage": {"prompt_tokens": 7, "total_tokens": 7}}, 7),
        ({"choices": []}, None),
        ({"data": [], "usage": None}, None),
    ],
)
def test_an_answer_costs_what_the_server_counted(
    body: dict[str, object], cost_usd: float | None
) -> None:
    charge = Charge(DOLLAR_A_TOKEN)
    charge.sent()
    charge.answered(body)
    assert charge.cost_usd == cost_usd


def test_an_answer_of_unknown_price_costs_nothing_here() -> None:
    charge = Charge()
    charge.sent()
    charge.answered({"choices": []})
    assert charge.cost_usd == 0


def test_an_answer_above_its_worst_is_counted_as_such() -> None:
    budget = Budget(1)
    spend(budget, worst_usd=1, cost_usd=3)
    assert (budget.above_worst, budget.spent_usd) == (1, 3)


def test_who_does_not_fit_waits_for_who_is_under_way() -> None:
    budget = Budget(10)
    order: list[str] = []

    async def attempt(name: str, worst_usd: float, cost_usd: float) -> None:
        async with budget.attempt(Bill(worst_usd, DOLLAR_A_TOKEN)) as charge:
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            charge.cost_usd = cost_usd
        order.append(f"{name} ends")

    async def all_of_them() -> None:
        await asyncio.gather(attempt("a", 8, 1), attempt("b", 7, 1), attempt("c", 8, 2))

    asyncio.run(all_of_them())
    assert order == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]
    assert budget.known_usd == 4


def test_who_waits_for_nothing_is_refused() -> None:
    budget = Budget(10)

    async def attempt() -> None:
        async with budget.attempt(Bill(8, DOLLAR_A_TOKEN)) as charge:
            await asyncio.sleep(0)
            charge.sent()

    async def both() -> list[BaseException | None]:
        return await asyncio.gather(attempt(), attempt(), return_exceptions=True)

    first, second = asyncio.run(both())
    assert first is None
    assert isinstance(second, BudgetExceeded)
    assert "$8.0000 of it perhaps" in str(second)


def test_who_is_cancelled_while_waiting_leaves_room_for_others() -> None:
    budget = Budget(10)

    async def attempt() -> None:
        async with budget.attempt(Bill(8, DOLLAR_A_TOKEN)):
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        first, second, third = (asyncio.create_task(attempt()) for _ in range(3))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([first, second, third])
        assert second.cancelled()
        assert third.exception() is None

    asyncio.run(all_of_them())


@settings(deadline=None)  # the vocabulary is loaded once
@given(st.text(), st.text())
def test_no_request_has_more_tokens_than_its_bill_counts(system: str, user: str) -> None:
    request = ChatRequest("tiny", (Message("system", system), Message("user", user)))
    size = len(canonical_json(request.body).encode())
    worst_usd = Bill.of(DOLLAR_A_TOKEN, size, 50).worst_usd
    assert worst_usd >= tokens_of(request).framed + 50


def test_only_what_has_a_price_is_billed() -> None:
    known = Billing(price_of=price_list(DOLLAR_A_TOKEN), output_tokens=100)
    for body, replied in (({"messages": []}, 100), ({"input": ["a"]}, 0)):
        attempt = known.of("tiny", "", body)

        async def worst(attempt: object = attempt) -> float:
            async with attempt() as charge:  # type: ignore[operator]
                charge.sent()
            return known.budget.unsure_usd

        before = known.budget.unsure_usd
        assert asyncio.run(worst()) - before == len(canonical_json(body)) + replied
    unknown = Billing()
    assert unknown.of("tiny", "", {"messages": []}) == unknown.free


@pytest.mark.parametrize(
    ("body", "option"), [({"messages": []}, "--price"), ({"input": []}, "--embed-price")]
)
def test_a_ceiling_needs_a_price(body: dict[str, object], option: str) -> None:
    with pytest.raises(SettingsError, match=f"no price of 'tiny' is known: give {option} "):
        Billing(Budget(1)).of("tiny", "", body)


def test_a_ceiling_needs_a_limit_of_replies_but_not_of_vectors() -> None:
    billing = Billing(Budget(1), price_list(DOLLAR_A_TOKEN))
    assert billing.of("tiny", "", {"input": []}) != billing.free
    with pytest.raises(SettingsError, match="--max-output-tokens N limits it"):
        billing.of("tiny", "", {"messages": []})


def test_without_a_ceiling_money_is_added_up() -> None:
    budget = Budget()
    spend(budget, worst_usd=math.inf, cost_usd=5)
    assert budget.spent_usd == 5
