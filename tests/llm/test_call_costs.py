import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from llmrec.llm.call_costs import Cost, CostGroup, cost_of_calls
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.pricing import Price, price_list

PRICES = price_list(Price("given", input_usd=1e6, output_usd=1e6, cached_usd=1e5))
"""A dollar a token, so that money can be counted."""

DAY = 1_795_478_400  # 2026-11-24


def asked(label: str, model: str = "tiny") -> ChatRequest:
    return ChatRequest(model, (Message("user", label),), label=label)


def completion(content: str | None = "Yes.", finish: str = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": used(7, 3)} | more


def used(asked: int, replied: int, cached: int | None = None) -> dict[str, Any]:
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    return {"prompt_tokens": asked, "completion_tokens": replied, **details}


def test_costs_are_kept_by_stage_model_and_day_and_by_user(log: CallLog) -> None:
    asyncio.run(log.record(asked("extract/u/1"), completion(created=DAY)))
    asyncio.run(log.record(asked("extract/u/1/again"), completion(created=DAY + 86_400)))
    asyncio.run(log.record(asked("rerank/u2"), completion()))
    costs = cost_of_calls(log.path, PRICES, PRICES)
    assert list(costs.groups) == [
        CostGroup("extract", "tiny", "2026-11-24"),
        CostGroup("extract", "tiny", "2026-11-25"),
        CostGroup("rerank", "tiny", ""),
    ]
    assert {user: cost.calls for user, cost in costs.users.items()} == {"u/1": 2, "u2": 1}
    assert costs.total == Cost(3, input_tokens=21, output_tokens=9, cost_usd=30)
    written = json.loads(json.dumps(costs.to_dict()))
    assert written["total"]["cost_usd"] == 30
    assert written["groups"][2]["stage"] == "rerank"
    assert written["users"]["u2"]["calls"] == 1


def test_cached_tokens_count_at_their_price(log: CallLog) -> None:
    asyncio.run(log.record(asked("a/u"), completion(usage=used(10, 1, cached=5))))
    asyncio.run(
        log.record(asked("b/u"), completion(usage=used(10, 1) | {"prompt_tokens_details": None}))
    )
    total = cost_of_calls(log.path, PRICES, PRICES).total
    assert (total.cached_tokens, total.cost_usd) == (5, 5 + 0.5 + 1 + 11)


def test_what_a_batch_answered_costs_half(log: CallLog) -> None:
    asyncio.run(log.record(asked("a/u"), completion(), batch=True))
    asyncio.run(log.record(asked("a/u"), completion(), batch=True))
    asyncio.run(log.record(asked("b/u"), completion()))
    total = cost_of_calls(log.path, PRICES, PRICES).total
    assert (total.calls, total.cost_usd, total.wasted_usd) == (3, 20, 5)


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_what_was_paid_for_in_vain_is_wasted(log: CallLog, finish: str) -> None:
    asyncio.run(log.record(asked("a/u"), completion(finish=finish)))
    asyncio.run(log.record(asked("a/u"), completion()))
    asyncio.run(log.record(asked("a/u"), completion()))
    total = cost_of_calls(log.path, PRICES, PRICES).total
    assert (total.calls, total.cost_usd, total.wasted_usd) == (3, 30, 20)


def test_a_refused_request_costs_nothing(log: CallLog) -> None:
    asyncio.run(log.record(asked("a/u"), {"error": {}}, status=400))
    assert cost_of_calls(log.path, PRICES, PRICES).total == Cost()


def test_tokens_that_no_server_counted_are_counted_here(log: CallLog) -> None:
    asyncio.run(log.record(asked("hello there"), completion("Yes.", usage=None)))
    total = cost_of_calls(log.path, PRICES, PRICES).total
    assert (total.uncounted, total.input_tokens, total.output_tokens) == (1, 2, 2)


def test_an_unknown_price_adds_no_money(log: CallLog) -> None:
    asyncio.run(log.record(asked("a/u"), completion()))
    asyncio.run(log.record(asked("a/u", "gpt-4o-mini"), completion()))
    total = cost_of_calls(log.path, price_list(None), PRICES).total
    assert (total.calls, total.unpriced) == (2, 1)
    assert total.cost_usd == pytest.approx((7 * 0.15 + 3 * 0.6) / 1e6)


@pytest.fixture
def log(tmp_path: Path) -> CallLog:
    return CallLog(tmp_path / "log")
