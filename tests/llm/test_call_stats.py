import asyncio
from pathlib import Path
from typing import Any

import pytest

from llmrec.llm.call_stats import Group, LoggedExchange, Tally, count_calls
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Message

USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


def asked(label: str, model: str = "tiny") -> ChatRequest:
    return ChatRequest(model, (Message("user", label),), label=label)


def completion(content: str | None = "Yes.", finish: str = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": USAGE} | more


def test_exchanges_are_counted_by_stage_model_and_server(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "log")
    asyncio.run(log.record(asked("extract/u1"), completion(), server="http://a/v1"))
    asyncio.run(log.record(asked("extract/u2"), completion(usage=None), server="http://a/v1"))
    asyncio.run(log.record(asked("extract/u2/again"), completion(), server="http://b/v1"))
    asyncio.run(log.record(asked("rerank/u1"), completion()))
    asyncio.run(log.record(asked("rerank/u1", "big"), completion()))
    tallies = count_calls(log.path)
    assert list(tallies) == [
        Group("extract", "tiny", "http://a/v1"),
        Group("extract", "tiny", "http://b/v1"),
        Group("rerank", "big", ""),
        Group("rerank", "tiny", ""),
    ]
    first = tallies[Group("extract", "tiny", "http://a/v1")]
    assert (first.exchanges, first.input_tokens, first.output_tokens) == (2, 7, 3)
    assert first.uncounted == 1
    assert sum(tallies.values(), Tally()).exchanges == 5


def test_a_superseded_exchange_counts_where_it_was_paid(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "log")
    asyncio.run(log.record(asked("extract/u1"), completion(finish="length"), server="http://a/v1"))
    asyncio.run(log.record(asked("extract/u1"), completion(), server="http://b/v1"))
    at_a, at_b = count_calls(log.path).values()
    assert (at_a.exchanges, at_a.newest, at_a.superseded, at_a.incomplete) == (1, 0, 1, 1)
    assert (at_b.exchanges, at_b.newest, at_b.superseded, at_b.answered) == (1, 1, 0, 1)
    assert (at_a + at_b).input_tokens == 14
    assert (at_a + at_b).to_dict()["newest"] == 1


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ({"status_code": 200, "body": completion()}, "answered"),
        ({"status_code": 200, "body": completion(finish="length")}, "incomplete"),
        ({"status_code": 200, "body": completion(None)}, "incomplete"),
        ({"status_code": 200, "body": "<html>"}, "incomplete"),
        ({"status_code": 400, "body": {"error": "no json_schema"}}, "refused"),
        ({"status_code": 500, "body": None}, "failed"),
        ({}, "failed"),
        (None, "failed"),
    ],
)
def test_how_an_exchange_ended(response: object, outcome: str) -> None:
    line = {"custom_id": "x", "label": None, "url": "/", "body": {}, "response": response}
    exchange = LoggedExchange.of(line)
    assert exchange.outcome == outcome
    assert (exchange.label, exchange.stage, exchange.model, exchange.server) == ("", "", "", "")
    tally = Tally()
    tally.count(exchange)
    assert tally.to_dict()[outcome] == tally.exchanges == 1


def test_the_recordings_of_the_demo_are_counted(demo: Path) -> None:
    ((group, tally),) = count_calls(demo / "extract_profile.jsonl").items()
    assert group == Group("extract_profile", "claude", "")
    assert (tally.newest, tally.input_tokens, tally.output_tokens) == (12, 14960, 14006)


def test_a_log_of_nothing_has_no_groups(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    assert count_calls(tmp_path / "log") == {}
