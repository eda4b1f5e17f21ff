"""Lists explained by a model: one call, one follow-up for what failed, composed after that."""

import asyncio
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from explaining import ALL, ITEMS, LISTED, PROFILE, QUIET, SAID, explainer_of, explanation, replied
from hypothesis import given, settings
from hypothesis import strategies as st
from shortlists import Answering, profile_of

from llmrec.chat_opening import open_chat
from llmrec.errors import (
    ChatIncomplete,
    ChatRejected,
    ChatUnavailable,
    InputError,
    RecordingMissing,
)
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatModel, ChatRequest
from llmrec.llm.recorded import LoggedChatModel
from llmrec.records.ranking import Explanation, Recommendation, ScoredItem
from llmrec.records.writing import has_controls, is_short
from llmrec.reranking.composing import compose, explain_composed
from llmrec.reranking.explanation_request import review_labels
from llmrec.reranking.explanations import Explainer

BAD = explanation("I2", text="A lamp in Iceland.")


def explain(chat: ChatModel | Explainer, k: int = 3) -> Recommendation:
    explainer = chat if isinstance(chat, Explainer) else explainer_of(chat)
    return asyncio.run(explainer.explain(LISTED, PROFILE, k))


def sources(listed: Recommendation) -> list[str | None]:
    return [item.explanation and item.explanation.source for item in listed]


def test_one_call_explains_the_first_items() -> None:
    chat = Answering(ALL)
    listed = explain(chat)
    assert sources(listed) == ["model", "model", "model", None]
    assert listed[1].explanation is not None
    assert listed[1].explanation.interests == ("quiet films", "loud battles")
    assert [item.item_id for item in listed] == ["i1", "i2", "i3", "i9"]
    assert len(chat.requests) == 1


def test_what_the_model_is_shown() -> None:
    chat = Answering(ALL)
    explain(chat, k=2)
    request = chat.requests[0]
    assert request.label == "explain/u_1"
    assert request.messages[1].content.splitlines() == [
        "Language: en",
        "[P1] like 0.9: slow ferries",
        f'    [R4] "{SAID}"',
        '    [R4] "Harbour Lights"',
        "[P2] like 0.5: quiet films",
        f'    [R7] "{QUIET}"',
        "[P3] dislike 0.5: loud battles",
        '    [R7] "too loud"',
        "--",
        "[I1] Night Ferry | ferries | Gulls follow a slow boat to Norway. Made in 1997.",
        "[I2] The Tower | lighthouses, quiet films | A keeper polishes a lamp.",
    ]
    assert asked(request) == ["I1", "I2"]


def asked(request: ChatRequest) -> Any:
    schema = (request.response_format or {})["json_schema"]["schema"]
    return schema["properties"]["explanations"]["items"]["properties"]["item"]["enum"]


def test_only_what_failed_is_asked_for_once_more_with_the_reason() -> None:
    first = replied(explanation("I1"), BAD, explanation("I3", text="A slow one."))
    chat = Answering(first, replied(explanation("I2", text="A keeper and a lamp.")))
    explainer = explainer_of(chat)
    listed = explain(explainer)
    assert sources(listed) == ["model", "model", "model", None]
    again = chat.requests[1]
    assert again.label == "explain/u_1/again"
    assert asked(again) == ["I2"]
    assert again.messages[-2].content == first
    assert "- I2: not in the sources: the name Iceland" in again.messages[-1].content
    assert "I1" not in again.messages[-1].content
    assert explainer.refused == {"not in the sources": 1}


def test_what_fails_again_is_composed() -> None:
    chat = Answering(replied(explanation("I1"), BAD))
    explainer = explainer_of(chat)
    listed = explain(explainer)
    assert sources(listed) == ["model", "composed", "composed", None]
    assert [listed[n].explanation for n in (1, 2)] == [
        compose(LISTED[n], PROFILE, ITEMS) for n in (1, 2)
    ]
    assert len(chat.requests) == 2
    assert explainer.refused == {"not in the sources": 2, "no explanation": 2}


@pytest.mark.parametrize("answer", ["no", "{}", '{"explanations": 3}'])
def test_a_reply_that_is_none_is_asked_for_once_more(answer: str) -> None:
    chat = Answering(answer, ALL)
    assert sources(explain(chat)) == ["model"] * 3 + [None]
    assert len(chat.requests) == 2
    chat = Answering(answer)
    explainer = explainer_of(chat)
    assert sources(explain(explainer)) == ["composed"] * 3 + [None]
    assert len(chat.requests) == 2
    assert explainer.refused == {"no usable reply": 3}


def test_a_refusal_of_the_model_is_no_usable_reply() -> None:
    chat = Answering(ChatIncomplete("refused"))
    assert sources(explain(chat)) == ["composed"] * 3 + [None]
    chat = Answering(replied(explanation("I1"), BAD), ChatIncomplete("cut off"))
    assert sources(explain(chat)) == ["model", "composed", "composed", None]


@pytest.mark.parametrize("error", [ChatUnavailable("asleep"), ChatRejected("too long", 400)])
def test_where_no_answer_came_there_is_no_list(error: Exception) -> None:
    with pytest.raises(type(error)):
        explain(Answering(error))
    with pytest.raises(type(error)):
        explain(Answering(replied(BAD), error))


def test_nothing_is_asked_about_nothing() -> None:
    chat = Answering(ALL)
    explainer = explainer_of(chat)
    empty = Recommendation(user_id="u_1", recommendations=())
    nobody = PROFILE.__class__(user_id="u_1", language="en", summary="", interests=())
    assert asyncio.run(explainer.explain(empty, PROFILE)) == empty
    listed = asyncio.run(explainer.explain(LISTED, nobody))
    assert listed == explain_composed(LISTED, nobody, ITEMS)
    assert chat.requests == []


def test_an_item_must_be_in_the_catalogue() -> None:
    unknown = Recommendation(user_id="u_1", recommendations=(ScoredItem("i7", "Gone", 1),))
    with pytest.raises(InputError, match="item 'i7' of a list is not in the catalogue"):
        asyncio.run(explainer_of(Answering(ALL)).explain(unknown, PROFILE))


def recorded(log: Path, *answers: str) -> None:
    live = Answering(*answers)
    explain(LoggedChatModel(CallLog(log), live))


def test_recorded_follow_ups_are_replayed(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    recorded(log, replied(explanation("I1"), BAD), replied(explanation("I2", text="A lamp.")))
    explainer = explainer_of(open_chat(log, "replay"))
    assert sources(explain(explainer)) == ["model", "model", "composed", None]
    assert (explainer.meter.replies, explainer.meter.replayed) == (2, 2)
    again = explainer_of(LoggedChatModel(CallLog(log), None))
    assert sources(explain(again)) == ["model", "model", "composed", None]


def test_a_follow_up_that_is_not_recorded_counts_as_one_that_failed(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    recorded(log, replied(explanation("I1"), BAD))
    lines = log.read_text("utf-8").splitlines(keepends=True)
    log.write_text(lines[0], "utf-8")
    explainer = explainer_of(open_chat(log, "replay"))
    assert sources(explain(explainer)) == ["model", "composed", "composed", None]
    assert explainer.refused["not_recorded"] == 2


def test_a_first_request_that_is_not_recorded_is_missing(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("", "utf-8")
    with pytest.raises(RecordingMissing, match="explain/u_1"):
        explain(open_chat(log, "replay"))


def test_labels_are_those_of_the_profile_s_request_or_free_numbers() -> None:
    assert review_labels(PROFILE) == {"r1": "R4", "r2": "R7"}
    bare = profile_of("u", *PROFILE.interests)
    assert review_labels(bare) == {"r1": "R1", "r2": "R2"}
    taken = PROFILE.sources[1].__class__("r9", None, None, "d", "R1")
    partly = profile_of("u", *PROFILE.interests, sources=(PROFILE.sources[0], taken))
    assert review_labels(partly) == {"r1": "R4", "r2": "R2"}


TEXTS = st.lists(
    st.sampled_from(
        ["You ", "gulls ", "“", "”", "1997 ", "Norway ", "Oslo ", "海", "P1 ", "\x1b[2J", "\u202e"]
    )
    | st.text(max_size=6),
    max_size=60,
).map("".join)
QUOTES = st.fixed_dictionaries(
    {
        "review": st.sampled_from(["R4", "R7", "R1", "r1"]) | st.text(max_size=3),
        "quote": st.sampled_from([SAID, "gulls", QUIET, "Harbour Lights", " "]) | TEXTS,
    }
)
EXPLANATIONS = st.fixed_dictionaries(
    {
        "item": st.sampled_from(["I1", "I2", "I3", "I4"]),
        "text": TEXTS,
        "interests": st.lists(st.sampled_from(["P1", "P2", "P3", "P4", ""]), max_size=3),
        "quotes": st.lists(QUOTES, max_size=3),
    }
)
REPLIES = st.lists(EXPLANATIONS, max_size=4).map(lambda all_: replied(*all_)) | st.text()


@settings(deadline=None, max_examples=300)
@given(REPLIES, REPLIES)
def test_whatever_is_replied_each_explanation_is_grounded_or_composed(
    first: str, second: str
) -> None:
    _assert_honest(explain(Answering(first, second)))


@pytest.mark.parametrize("n", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mangled_replies_are_grounded_or_composed(n: int) -> None:
    """Good replies with pieces cut out, doubled and put elsewhere: many are almost right."""
    chance = random.Random(9)

    async def run() -> int:
        used = 0
        for _ in range(n):
            explainer = explainer_of(Answering(_mangled(ALL, chance), _mangled(ALL, chance)))
            listed = await explainer.explain(LISTED, PROFILE)
            _assert_honest(listed)
            used += sources(listed).count("model")
        return used

    assert n < asyncio.run(run()) < 2.9 * n


PIECES = ['"', "\\u001b[2J", "Iceland", " 2001", "P3", "R7", "I2", "海海海", "\\u202e", "”", SAID]


def _mangled(text: str, chance: random.Random) -> str:
    for _ in range(chance.randrange(4)):
        start = chance.randrange(len(text))
        end = start + chance.randrange(12)
        piece = chance.choice([*PIECES, "", text[end : end + chance.randrange(20)]])
        text = text[:start] + piece + text[end:]
    return text


EVIDENCE = {
    review_id: [
        evidence.quote
        for interest in PROFILE.interests
        for evidence in interest.evidence
        if evidence.review_id == review_id and evidence.field == "text"
    ]
    for review_id in ("r1", "r2")
}


def _assert_honest(listed: Recommendation) -> None:
    assert [item.item_id for item in listed] == [item.item_id for item in LISTED]
    for item, before in zip(listed.recommendations[:3], LISTED, strict=False):
        assert item.explanation is not None
        if item.explanation.source == "composed":
            assert item.explanation == compose(before, PROFILE, ITEMS)
        else:
            _assert_grounded(item, item.explanation)


def _assert_grounded(item: ScoredItem, explanation: Explanation) -> None:
    entry = ITEMS[item.item_id]
    known = "\n".join((entry.title, *entry.categories, entry.description, *EVIDENCE["r1"]))
    known += "\n".join(EVIDENCE["r2"])
    assert explanation.text.strip()
    assert is_short(explanation.text, 45)
    assert not has_controls(explanation.text)
    assert not re.search(r"\bIceland\b", explanation.text) or entry.item_id == "i3"
    assert all(digit in known for digit in explanation.text if digit in "0123456789")
    assert set(explanation.interests) <= {i.name for i in PROFILE.interests}
    assert explanation.interests
    assert 1 <= len(explanation.quotes) <= 2
    for quote in explanation.quotes:
        assert any(quote.quote in said for said in EVIDENCE[quote.review_id])


def test_the_mangled_replies_reach_both_ends() -> None:
    chance = random.Random(9)
    mangled = [_mangled(ALL, chance) for _ in range(200)]
    assert ALL in mangled
    assert any(not _is_json(text) for text in mangled)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
