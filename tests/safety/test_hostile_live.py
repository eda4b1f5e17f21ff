"""Six short hostile texts before a real, tiny model: whether it obeys or not, what holds holds."""

import asyncio
from pathlib import Path

import pytest
from hostile import HOSTILE
from test_hostile_texts import IDS, catalogue_of, list_of, on_a_terminal, profile_of, steers

from llmrec.chat_opening import live_chat, open_chat
from llmrec.llm.chat import ChatModel
from llmrec.opening import ServerChoice, open_server
from llmrec.records.ranking import Recommendation
from llmrec.reranking.options import RerankOptions
from llmrec.stage_opening import open_explainer, open_reranker

SHORT = ["rank first", "only id", "fake candidate", "fake reply", "override", "chat markup"]
BOUNDED = {"max_tokens": 80, "temperature": 0, "seed": 7}


async def reranked_and_explained(text: str, url: str, log: Path) -> tuple[Recommendation, int]:
    server = open_server(ServerChoice(url))
    assert server is not None
    chat: ChatModel = open_chat(log, "default", live_chat(server))
    items, profile = catalogue_of(text), profile_of(text)
    reranker = open_reranker(
        chat, "smollm2", items, RerankOptions("first-stage", facts=True), sampling=BOUNDED
    )
    explainer = open_explainer(chat, "smollm2", items, sampling=BOUNDED)
    try:
        listed = await reranker.rerank(list_of(items, text), profile, ["i9"])
        return await explainer.explain(listed, profile, 1), reranker.meter.replies
    finally:
        await server.aclose()


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_a_real_model_breaks_no_guarantee(name: str, llama_url: str, tmp_path: Path) -> None:
    made = reranked_and_explained(HOSTILE[name], llama_url, tmp_path / "calls.jsonl")
    listed, replies = asyncio.run(made)
    assert replies >= 1
    assert sorted(item.item_id for item in listed) == list(IDS)
    said = listed[0].explanation
    assert said is not None
    assert said.source == "composed" or said.quotes
    assert not steers(on_a_terminal(listed))
