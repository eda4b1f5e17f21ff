"""Calls for vectors in a call log: what they used, for every reader of the log."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from exchanges import LiveChat, answered, asked
from serving.openai_server import Answer, OpenAIServer, Received, embeddings
from wire import during, opened

from llmrec.errors import RecordingMissing
from llmrec.llm.billing import Billing
from llmrec.llm.call_costs import CostGroup, cost_of_calls
from llmrec.llm.call_files import compact_calls, merge_calls, prune_calls, sort_calls
from llmrec.llm.call_lines import logged_lines
from llmrec.llm.call_stats import Group, count_calls
from llmrec.llm.calls import CallLog
from llmrec.llm.embed_call import EmbedCall, receipt_of
from llmrec.llm.embedding_requests import embedding_roles
from llmrec.llm.estimating import past_of
from llmrec.llm.openai_embedder import OpenAIEmbedder
from llmrec.llm.pricing import Price, price_list
from llmrec.llm.recorded import LoggedChatModel, ReplayChatModel

DOLLAR_A_TOKEN = price_list(Price("given", 1e6, 1e6, 1e6))
TWO_DOLLARS = price_list(Price("given", 2e6, 0, 2e6))
USED = {"usage": {"prompt_tokens": 6, "total_tokens": 6}}


def embed(server: OpenAIServer, log: CallLog, texts: Sequence[str]) -> None:
    way = opened(server)
    way.billing = Billing(receipts=log)
    embedder = OpenAIEmbedder(way, embedding_roles("tiny"))
    during(way, lambda: embedder.embed(texts, "passage"))


def noted(log: CallLog, texts: Sequence[str], answer: dict[str, Any] = USED) -> EmbedCall:
    call = EmbedCall("tiny", texts, tokens=4)
    asyncio.run(log.record(call, receipt_of(answer), server="http://localhost/v1"))
    return call


def chatted(log: CallLog, label: str) -> None:
    asyncio.run(LoggedChatModel(log, LiveChat(answered("Yes."))).reply(asked(label, label=label)))


@pytest.fixture
def log(tmp_path: Path) -> CallLog:
    return CallLog(tmp_path / "calls.jsonl")


@pytest.fixture
def mixed(log: CallLog) -> CallLog:
    """Two chat calls, and before, between and after them calls for vectors, one of them twice."""
    noted(log, ["moss"])
    chatted(log, "rerank/u1")
    noted(log, ["fern", "lichen"])
    chatted(log, "extract/u2")
    noted(log, ["moss"])
    return log


def test_a_line_has_neither_texts_nor_rows(server: OpenAIServer, log: CallLog) -> None:
    embed(server, log, ["a secret wish", "another"])
    text = log.path.read_text("utf-8")
    assert "wish" not in text
    line = json.loads(text)
    assert set(line["body"]) == {"model", "texts", "tokens", "digest"}
    assert (line["label"], line["url"], line["server"]) == ("embed", "/v1/embeddings", server.url)
    response = line["response"]["body"]
    assert response["usage"] == {"prompt_tokens": 10, "total_tokens": 10}
    assert response["created"] > 1_700_000_000
    assert set(response) == {"created", "usage"}


def test_the_same_texts_have_the_same_id() -> None:
    one = EmbedCall("tiny", ["moss", "fern"], 2)
    assert one.custom_id == EmbedCall("tiny", ("moss", "fern"), 2).custom_id
    others = [EmbedCall("tiny", ["fern", "moss"], 2), EmbedCall("small", ["moss", "fern"], 2)]
    assert one.custom_id not in {other.custom_id for other in others}


def test_every_request_has_a_line_and_a_failed_attempt_none(
    server: OpenAIServer, log: CallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmrec.llm.embedding_requests.MAX_BATCH_TEXTS", 2)
    server.script(Answer(500, {"error": {"message": "no"}}, {"retry-after-ms": "1"}))
    embed(server, log, ["a", "b", "c"])
    assert [line.exchange["body"]["texts"] for line in logged_lines(log.path)] == [2, 1]


def test_the_log_checks_and_counts_them_like_any_line(mixed: CallLog) -> None:
    assert len(mixed) == 4
    again = CallLog(mixed.path)
    assert [line["label"] for line in again.exchanges()].count("embed") == 2
    tallies = count_calls(mixed.path)
    vectors = tallies[Group("embed", "tiny", "http://localhost/v1")]
    assert (vectors.exchanges, vectors.answered, vectors.superseded) == (3, 3, 1)
    assert (vectors.input_tokens, vectors.output_tokens, vectors.uncounted) == (18, 0, 0)


def test_they_cost_what_vectors_cost_and_no_user_anything(mixed: CallLog) -> None:
    costs = cost_of_calls(mixed.path, DOLLAR_A_TOKEN, TWO_DOLLARS)
    (group,) = [group for group in costs.groups if group.stage == "embed"]
    assert isinstance(group, CostGroup)
    assert len(group.day) == len("2026-11-24")
    vectors = costs.groups[group]
    assert (vectors.calls, vectors.cost_usd, vectors.wasted_usd) == (3, 36, 12)
    assert costs.total.cost_usd == 36 + 2 * 10
    assert {user: cost.cost_usd for user, cost in costs.users.items()} == {"u1": 10, "u2": 10}


def test_what_a_server_does_not_count_is_counted_here(log: CallLog) -> None:
    for usage in ({}, {"usage": None}, {"usage": {"prompt_tokens": "6"}}):
        log.path.unlink(missing_ok=True)
        noted(CallLog(log.path), ["moss"], usage)
        total = cost_of_calls(log.path, DOLLAR_A_TOKEN, TWO_DOLLARS).total
        assert (total.input_tokens, total.uncounted, total.cost_usd) == (4, 1, 8)
        (tally,) = count_calls(log.path).values()
        assert (tally.answered, tally.uncounted) == (1, 1)


def test_estimates_and_replays_look_at_chat_only(mixed: CallLog) -> None:
    assert set(past_of(mixed.path)) == {("rerank", "tiny"), ("extract", "tiny")}
    replaying = ReplayChatModel(CallLog(mixed.path))
    assert asyncio.run(replaying.reply(asked("rerank/u1"))).text() == "Yes."
    with pytest.raises(RecordingMissing, match="the nearest is"):
        asyncio.run(replaying.reply(asked("rerank/u3")))


def test_logs_with_them_are_sorted_merged_pruned_and_compacted(mixed: CallLog) -> None:
    def labels() -> list[str]:
        return [line.exchange["label"] for line in logged_lines(mixed.path)]

    sort_calls(mixed.path, mixed.path)
    assert labels() == ["embed", "embed", "embed", "extract/u2", "rerank/u1"]
    merge_calls([mixed.path, mixed.path], mixed.path)
    costs = cost_of_calls(mixed.path, DOLLAR_A_TOKEN, TWO_DOLLARS)
    assert costs.total.calls <= 5
    compact_calls(mixed.path, mixed.path)
    assert sorted(labels()) == ["embed", "embed", "extract/u2", "rerank/u1"]
    kept = [line.custom_id for line in logged_lines(mixed.path) if "rerank" in str(line.exchange)]
    prune_calls(mixed.path, kept, mixed.path, since=mixed.path.stat().st_size)
    assert labels() == ["rerank/u1"]


def test_a_log_without_them_reads_as_before(log: CallLog) -> None:
    chatted(log, "rerank/u1")
    (tally,) = count_calls(log.path).values()
    assert (tally.answered, tally.input_tokens) == (1, 7)
    assert cost_of_calls(log.path, DOLLAR_A_TOKEN, TWO_DOLLARS).total.cost_usd == 10


def test_the_server_s_count_decides_not_ours(server: OpenAIServer, log: CallLog) -> None:
    def counted(request: Received) -> Answer:
        usage = {"prompt_tokens": 77, "total_tokens": 77}
        return Answer(body=embeddings(request) | {"usage": usage})

    server.always(counted)
    embed(server, log, ["moss"])
    assert cost_of_calls(log.path, DOLLAR_A_TOKEN, TWO_DOLLARS).total.input_tokens == 77
