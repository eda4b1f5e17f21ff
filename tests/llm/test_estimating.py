import asyncio
from pathlib import Path

import pytest

from llmrec.digests import canonical_json
from llmrec.llm.call_lines import logged_lines
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.estimating import OUTPUT_TOKENS, Estimate, Past, estimate, past_of
from llmrec.llm.pricing import Price, price_list
from llmrec.llm.request_tokens import RequestTokens, tokens_of
from llmrec.llm.structured import json_schema_format
from llmrec.llm.tokens import count_tokens, encoding_of

PRICES = price_list(Price("given", input_usd=1e6, output_usd=1e6, cached_usd=1e5))
"""A dollar a token."""

FORMAT = json_schema_format("answer", {"type": "object"})


def request(label: str, text: str = "Hello there", schema: bool = False) -> ChatRequest:
    messages = (Message("system", "Be short."), Message("user", text))
    return ChatRequest("tiny", messages, FORMAT if schema else None, label=label)


def of(requests: list[ChatRequest], past: dict[tuple[str, str], Past] | None = None) -> Estimate:
    (one,) = estimate(requests, past or {}, PRICES)
    return one


def test_tokens_are_counted_part_by_part() -> None:
    asked = request("ask/u", "<|endoftext|> 晚", schema=True)
    tokens = tokens_of(asked)
    assert tokens.messages == count_tokens("Be short.") + count_tokens("<|endoftext|> 晚")
    assert (tokens.framing, tokens.framed) == (9, tokens.messages + 9)
    assert tokens.schema == count_tokens(canonical_json(FORMAT))
    assert tokens + RequestTokens(1, 2, 3) == RequestTokens(
        tokens.messages + 1, 11, tokens.schema + 3
    )


@pytest.mark.parametrize(
    ("model", "encoding"),
    [("gpt-4o-mini", "o200k_base"), ("gpt-4", "cl100k_base"), ("text-davinci-003", "o200k_base"),
     ("our own", "o200k_base")],
)  # fmt: skip
def test_a_model_is_counted_in_its_own_encoding(model: str, encoding: str) -> None:
    assert encoding_of(model) == encoding


def test_the_recorded_tokens_are_those_counted_before(demo: Path) -> None:
    lines = list(logged_lines(demo / "extract_profile.jsonl"))
    assert len(lines) == 12
    for line in lines:
        asked = ChatRequest.of_body(line.exchange["body"])
        reported = line.exchange["response"]["body"]["usage"]["prompt_tokens"]
        assert tokens_of(asked).framed == reported


def test_a_log_teaches_output_and_the_share_of_the_schema(demo: Path) -> None:
    log = demo / "extract_profile.jsonl"
    (past,) = past_of(log).values()
    assert past == Past(replies=12, output_tokens=14_006 / 12, schema_share=0)
    requests = [ChatRequest.of_body(line.exchange["body"], "extract_profile/u")
                for line in logged_lines(log)]  # fmt: skip
    (one,) = estimate(requests, past_of(log), PRICES)
    assert (one.input_tokens, one.output_tokens, one.basis) == (14_960, 14_006, "log")


def test_without_a_log_the_schema_counts_and_a_table_tells_the_output(tmp_path: Path) -> None:
    assert past_of(tmp_path / "none.jsonl") == {}
    one = of([request("rerank/u", schema=True)] * 3)
    assert one.input_tokens == one.tokens.framed + one.tokens.schema
    assert (one.output_tokens, one.basis) == (3 * OUTPUT_TOKENS["rerank"], "table")
    assert of([request("own/u")]).output_tokens == 500


def test_replies_that_were_cut_off_teach_nothing(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "log")
    usage = {"prompt_tokens": 5, "completion_tokens": 100}
    cut = {"choices": [{"message": {"content": "{"}, "finish_reason": "length"}], "usage": usage}
    asyncio.run(log.record(request("ask/u"), cut))
    assert past_of(log.path) == {}


def test_money_plain_batched_and_cached() -> None:
    text = "word " * 2_000
    one = of([request("ask/u1", f"{text}a"), request("ask/u2", f"{text}b")])
    assert one.shared_tokens >= 2_000
    assert one.cost_usd == one.input_tokens + one.output_tokens
    assert one.batch_usd == one.cost_usd / 2
    assert one.cached_usd == pytest.approx(one.cost_usd - 0.9 * one.shared_tokens)


def test_a_short_beginning_is_not_cached() -> None:
    one = of([request("ask/u1", "a"), request("ask/u2", "b")])
    assert (one.shared_tokens, one.cached_usd) == (0, one.cost_usd)
    assert of([request("ask/u1", "word " * 2_000)]).shared_tokens == 0


def test_an_unknown_price_makes_no_money() -> None:
    (one,) = estimate([request("ask/u")], {}, price_list(None))
    assert (one.cost_usd, one.batch_usd, one.cached_usd) == (None, None, None)


def test_time_is_the_longer_of_both_limits() -> None:
    one = of([request("ask/u")] * 10)
    assert one.minutes(None, None) is None
    assert one.minutes(5, None) == 2
    tokens = one.input_tokens + one.output_tokens
    assert one.minutes(5, tokens / 4) == 4
    assert one.minutes(2, tokens / 4) == 5


def test_stages_and_models_stand_apart() -> None:
    requests = [request("b/u1"), request("a/u1"), request("b/u2")]
    assert [(one.stage, one.requests) for one in estimate(requests, {}, PRICES)] == [
        ("b", 2),
        ("a", 1),
    ]
