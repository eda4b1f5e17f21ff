"""The demo's recorded explanations: the requests are theirs to the byte, and each is used."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmrec.chat_opening import open_chat
from llmrec.llm.prompts import load_prompt
from llmrec.profiling.extraction import PLACEHOLDERS as REVIEWS
from llmrec.profiling.extraction import Extractor
from llmrec.records.grouping import read_users
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation, ScoredItem
from llmrec.records.reading import read_items
from llmrec.records.reviews import Item
from llmrec.reranking.explanations import PLACEHOLDERS, PROMPT_NAME, Explainer
from llmrec.reranking.options import RerankOptions
from llmrec.stage_opening import open_reranker

Lists = list[tuple[Recommendation, InterestProfile]]


@pytest.fixture(scope="module")
def items(demo: Path) -> dict[str, Item]:
    return {item.item_id: item for item in read_items(demo / "items.jsonl")}


@pytest.fixture(scope="module")
def lists(demo: Path, items: dict[str, Item]) -> Lists:
    """The 24 lists of the demo, as the recorded model put them in order."""
    return asyncio.run(_reranked(demo, items))


async def _reranked(demo: Path, items: dict[str, Item]) -> Lists:
    titles = {item_id: item.title for item_id, item in items.items()}
    extractor = Extractor(
        open_chat(demo / "extract_profile.jsonl", "replay"),
        "claude",
        load_prompt("extract_profile", REVIEWS),
        titles,
    )
    users = list(read_users(demo / "reviews.jsonl"))
    profiles = {u.user_id: (await extractor.extract(u)).profile for u in users}
    as_given = RerankOptions(order="first-stage")
    chat = open_chat(demo / "rerank.jsonl", "replay")
    reranker = open_reranker(chat, "claude", items, as_given)
    made = []
    for user_id, candidates in _candidates(demo):
        profile = profiles[user_id]
        listed = Recommendation(
            user_id=user_id,
            recommendations=tuple(
                ScoredItem(item_id, titles[item_id], rank)
                for rank, item_id in enumerate(candidates, 1)
            ),
        )
        made.append((await reranker.rerank(listed, profile, profile.reviewed), profile))
    return made


def _candidates(demo: Path) -> Iterator[tuple[str, list[str]]]:
    for name in ("candidates.jsonl", "shortlist.jsonl"):
        for line in (demo / name).read_text("utf-8").splitlines():
            given = json.loads(line)
            yield given["user_id"], given["candidates"]


def test_every_recording_is_asked_for_and_used(
    demo: Path, items: dict[str, Item], lists: Lists
) -> None:
    chat = open_chat(demo / "explain.jsonl", "replay")
    explainer = Explainer(chat, "claude", load_prompt(PROMPT_NAME, PLACEHOLDERS), items)

    async def explained() -> list[Recommendation]:
        return [await explainer.explain(listed, profile) for listed, profile in lists]

    made = asyncio.run(explained())
    texts = {item.explanation.text for listed in made for item in listed if item.explanation}
    recorded = [json.loads(line) for line in (demo / "explain.jsonl").read_text().splitlines()]
    contents = [line["response"]["body"]["choices"][0]["message"]["content"] for line in recorded]
    assert texts == {e["text"] for c in contents for e in json.loads(c)["explanations"]}
    assert len(texts) == 60
    sources = [i.explanation.source for listed in made for i in listed if i.explanation]
    assert sources == ["model"] * 72
    assert explainer.refused == {}


def test_the_quotes_stand_where_they_say(demo: Path, items: dict[str, Item], lists: Lists) -> None:
    chat = open_chat(demo / "explain.jsonl", "replay")
    explainer = Explainer(chat, "claude", load_prompt(PROMPT_NAME, PLACEHOLDERS), items)
    texts = {
        (user.user_id, review.review_id): review.text
        for user in read_users(demo / "reviews.jsonl")
        for review in user.reviews
    }

    async def check() -> int:
        n_quotes = 0
        for listed, profile in lists:
            for item in (await explainer.explain(listed, profile)).recommendations[:3]:
                assert item.explanation is not None
                for quote in item.explanation.quotes:
                    text = texts[profile.user_id, quote.review_id]
                    assert quote.quote == text[quote.start : quote.end]
                    n_quotes += 1
        return n_quotes

    assert asyncio.run(check()) > 72
