"""Hostile texts in every place, models that obey them: what code guarantees holds all the same.

Whether a model resists is not tested here: no code can promise it.
"""

import asyncio
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE
from rich.console import Console

from llmrec import cli
from llmrec.cli.json_output import print_json
from llmrec.cli.output import print_profile, print_recommendation
from llmrec.errors import ReplyInvalid
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatReply, ChatRequest, Message
from llmrec.llm.prompts import load_prompt
from llmrec.llm.tokens import count_tokens, cut_to_tokens
from llmrec.profiling.extraction import PLACEHOLDERS, PROMPT_NAME, Extractor
from llmrec.profiling.rendering import clean, clean_title
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import Evidence, Interest, InterestProfile, Source
from llmrec.records.ranking import Because, Recommendation, ScoredItem
from llmrec.records.reviews import Item, Review
from llmrec.reranking.options import RerankOptions
from llmrec.stage_opening import open_explainer, open_reranker

IDS = ("i1", "i2", "i3")
TURNS = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
FIRST = '{"order": ["I1"]}'

TEXTS = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


class Obeying:
    """A model that has been taken over: gives these replies in turn, the last one for ever."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.requests: list[ChatRequest] = []

    def is_recorded(self, request: ChatRequest) -> bool:
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        self.requests.append(request)
        content = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return ChatReply({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})


def replies_to(text: str) -> list[list[str]]:
    """Return what taken-over models may answer: the text, around, inside and instead of JSON."""
    orders: list[list[object]] = [
        [text],
        ["I2", text, "I2", "I9", 1, None],
        [f"I1 {text}", ["I1"], {"id": "I1"}],
        ["I1"] * 500,
    ]
    return [
        [text],
        [text, json.dumps({"order": ["I3"], "note": text})],
        *([json.dumps({"order": order})] for order in orders),
        [f"{text}\n" + json.dumps({"order": ["I3", "I1"]}) + f"\n{text}"],
        [json.dumps({"order": {"I1": text}})],
    ]


def profile_of(text: str) -> InterestProfile:
    """Return a profile in which the text stands everywhere."""
    words = clean(text) or "x"
    evidence = (Evidence("r1", "text", words),)
    interests = tuple(Interest(words, p, 0.5, words, evidence) for p in ("like", "dislike"))
    source = Source("r1", "i9", "2024-03-01", "0" * 24, "R1")
    return InterestProfile(
        user_id="ann", language="en", summary=text, interests=interests, sources=(source,)
    )


def catalogue_of(text: str) -> dict[str, Item]:
    """Return three items to rank, one of which is the text in every field, and a recent one."""
    return {
        "i1": Item("i1", "A quiet film", "Slow.", ("film",)),
        "i2": Item("i2", f"Film {text}", text, (text, text)),
        "i3": Item("i3", "A loud film"),
        "i9": Item("i9", f"Film {text}"),
    }


def list_of(items: dict[str, Item], text: str) -> Recommendation:
    because = (Because(interest=text, share=0.5),)
    return Recommendation(
        user_id="ann",
        reason=text,
        recommendations=tuple(
            ScoredItem(item_id, items[item_id].title, rank, 1.0, because)
            for rank, item_id in enumerate(IDS, 1)
        ),
    )


def rerank(
    text: str, replies: Sequence[str], options: RerankOptions
) -> tuple[Obeying, Recommendation]:
    chat, items = Obeying(*replies), catalogue_of(text)
    reranker = open_reranker(chat, "tiny", items, options, n_users={"i1": 3})
    listed = reranker.rerank(list_of(items, text), profile_of(text), ["i9"])
    return chat, asyncio.run(listed)


def extract(text: str, replies: Sequence[str]) -> tuple[Obeying, InterestProfile | None]:
    """Make the profile of somebody who wrote the text; None where no profile came of it."""
    chat = Obeying(*replies)
    reviews = [
        Review("ann", "A fugue a day.", "i1", 5, "2024-03-01", "r1"),
        Review("ann", text if text.strip() else "x", "i2", 1, "2024-03-02", "r2"),
    ]
    titles = {item_id: item.title for item_id, item in catalogue_of(text).items()}
    extractor = Extractor(chat, "tiny", load_prompt(PROMPT_NAME, PLACEHOLDERS), titles)
    try:
        made = asyncio.run(extractor.extract(UserReviews.of(reviews)))
    except ReplyInvalid:
        return chat, None
    return chat, made.profile


def profiles_replied(text: str) -> list[str]:
    """Return profiles that a taken-over model may reply."""
    good = {"name": text, "polarity": "like", "weight": 0.5, "description": text}
    quotes = [
        [{"review": "R1", "quote": "A fugue a day"}],
        [{"review": "R2", "quote": clean(text)[:100]}],
        [{"review": "R1", "quote": text}],
        [{"review": text, "quote": text}],
        [{"review": "R9", "quote": "fugue"}],
        [],
    ]
    interests: list[object] = [good | {"evidence": evidence} for evidence in quotes]
    interests += [good | {"evidence": quotes[0], "weight": weight} for weight in (99, 0, -1, text)]
    interests += [good | {"evidence": quotes[0], "polarity": text}, text, None]
    whole = {"language": text, "summary": text}
    return [text, *(json.dumps(whole | {"interests": given}) for given in (interests, text, []))]


def explain(text: str, replies: Sequence[str]) -> tuple[Obeying, Recommendation]:
    chat, items = Obeying(*replies), catalogue_of(text)
    explainer = open_explainer(chat, "tiny", items)
    return chat, asyncio.run(explainer.explain(list_of(items, text), profile_of(text)))


def explanations_replied(text: str) -> list[str]:
    """Return explanations that a taken-over model may reply."""
    quotes = [{"review": "R1", "quote": clean(text)[:100] or "x"}]
    good = {"item": "I1", "text": "You like it.", "interests": ["P1"], "quotes": quotes}
    changes: list[dict[str, object]] = [
        {},
        {"text": text},
        {"text": f"You like this {text}"},
        {"item": text},
        {"item": "I9"},
        {"interests": [text]},
        {"interests": []},
        {"quotes": [{"review": "R1", "quote": f"never written {text}"}]},
        {"quotes": [{"review": text, "quote": text}]},
        {"quotes": []},
    ]
    replies = [json.dumps({"explanations": [good | changed]}) for changed in changes]
    whole = [good | {"item": f"I{n}", "text": f"You like it. {text}"} for n in (1, 2, 3)]
    odd = [json.dumps({"explanations": given}) for given in (whole, [good] * 9, text, [text, None])]
    return [text, *replies, *odd]


def on_a_terminal(thing: InterestProfile | Recommendation) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=120)
    if isinstance(thing, InterestProfile):
        print_profile(console, thing)
    else:
        print_recommendation(console, thing)
    printed = console.file
    assert isinstance(printed, io.StringIO)
    return printed.getvalue()


def is_safe(html: str) -> bool:
    """Say whether no text has become markup, or turns the reading of others."""
    return "<script" not in html and "<img" not in html and TURNS.isdisjoint(html)


def steers(printed: str) -> set[str]:
    """Return the characters by which a text steers a terminal or turns the reading."""
    return {c for c in printed if c in TURNS or (unicodedata.category(c) == "Cc" and c != "\n")}


def test_there_are_texts_of_every_kind() -> None:
    assert len(HOSTILE) >= 40
    assert len(set(HOSTILE.values())) == len(HOSTILE)
    assert count_tokens(HOSTILE["10,000 tokens"]) >= 10_000


# Requests: a text stays where it was put


@TEXTS
@pytest.mark.parametrize("facts", [False, True], ids=["plain", "facts"])
def test_a_text_stays_in_its_line_of_a_reranking_request(text: str, facts: bool) -> None:
    options = RerankOptions("first-stage", facts=facts)
    system, user = rerank(text, [FIRST], options)[0].requests[0].messages
    assert system == rerank("x", [FIRST], options)[0].requests[0].messages[0]
    starts = ["<profile>", "Taste: ", "[P1] like 0.5: ", "[P2] dislike 0.5: ", "</profile>", ""]
    starts += ["<recent>", "- Film ", "</recent>", ""]
    known = "(chosen by " if facts else ""
    starts += ["<candidates>", *(f"[I{n}] {known}" for n in (1, 2, 3)), "</candidates>"]
    lines = user.content.splitlines()
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))
    tags = re.findall(r"<\s*/?\s*(?:profile|recent|candidates|items)", user.content, re.IGNORECASE)
    assert len(tags) == 6


@TEXTS
def test_an_item_takes_a_bounded_part_of_a_reranking_request(text: str) -> None:
    user = rerank(text, [FIRST], RerankOptions("first-stage"))[0].requests[0].messages[1]
    (line,) = (line for line in user.content.splitlines() if line.startswith("[I2]"))
    assert len(line) <= len("[I2]  |  | ") + 160 + 2_000 + len(cut_to_tokens(clean(text), 60)) + 2


@TEXTS
def test_a_text_stays_in_its_review(text: str) -> None:
    chat, _ = extract(text, ["no"])
    system, user = chat.requests[0].messages
    assert system == extract("x", ["no"])[0].requests[0].messages[0]
    opened = re.findall(r"</?\s*review", user.content, re.IGNORECASE)
    assert opened == ["<review", "</review"] * 2
    lines = [line for line in user.content.splitlines() if line]
    assert len(lines) == 1 + 2 * 3
    assert count_tokens(user.content) <= 2 * (256 + 150)


# Replies: whatever a model says, this holds


@TEXTS
@pytest.mark.parametrize("shown", ["hash", "first-stage"])
def test_a_list_keeps_its_items(text: str, shown: Any) -> None:
    for replies in replies_to(text):
        _, listed = rerank(text, replies, RerankOptions(shown))
        assert sorted(item.item_id for item in listed) == list(IDS)
        assert [item.rank for item in listed] == [1, 2, 3]
        assert listed.reranked or listed.reason != text
        assert not steers(on_a_terminal(listed))
        assert is_safe(listed._repr_html_())


@TEXTS
def test_the_reply_decides_and_not_the_text(text: str) -> None:
    """An item whose every field gives orders is placed as any other in the same place."""
    replied = json.dumps({"order": ["I3", "I1", "I2"]})
    _, listed = rerank(text, [replied], RerankOptions("first-stage"))
    assert [item.item_id for item in listed] == ["i3", "i1", "i2"]


@TEXTS
def test_a_profile_rests_on_quotes_of_the_persons_words(text: str) -> None:
    for replied in profiles_replied(text):
        _, profile = extract(text, [replied])
        if profile is None:
            continue
        words = {clean("A fugue a day."), clean(text), clean_title(f"Film {text}")}
        for interest in profile.interests:
            assert 0 < interest.weight <= 1
            assert interest.polarity in ("like", "dislike")
            assert interest.evidence
            assert all(any(e.quote in said for said in words) for e in interest.evidence)
        assert {source.review_id for source in profile.sources} == {"r1", "r2"}
        assert not steers(on_a_terminal(profile))
        assert is_safe(profile._repr_html_())
        assert InterestProfile.from_json(profile.to_json()) == profile


@TEXTS
def test_a_text_stays_in_its_line_of_an_explaining_request(text: str) -> None:
    chat, _ = explain(text, ["no"])
    system, user = chat.requests[0].messages
    assert system == explain("x", ["no"])[0].requests[0].messages[0]
    starts = ["<profile>", "Language: en", "[P1] like 0.5: ", '    [R1] "', "[P2] dislike 0.5: "]
    starts += ['    [R1] "', "</profile>", "", "<items>", "[I1] ", "[I2] ", "[I3] ", "</items>"]
    lines = user.content.splitlines()
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))
    tags = re.findall(r"<\s*/?\s*(?:profile|recent|candidates|items)", user.content, re.IGNORECASE)
    assert len(tags) == 4


@TEXTS
def test_an_explanation_is_grounded_or_composed(text: str) -> None:
    words = profile_of(text).interests[0].evidence[0].quote
    for replied in explanations_replied(text):
        _, listed = explain(text, [replied])
        assert [item.item_id for item in listed] == list(IDS)
        for item in listed:
            said = item.explanation
            assert said is not None
            assert said.text.strip()
            assert all(quote.quote in words for quote in said.quotes)
            if said.source == "model":
                assert len(said.text.split()) <= 45
                assert said.quotes
        assert not steers(on_a_terminal(listed))
        assert is_safe(listed._repr_html_())
        assert Recommendation.from_json(listed.to_json()) == listed


@TEXTS
def test_what_is_printed_as_json_is_the_same_json(
    text: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    listed = list_of(catalogue_of(text), text)
    print_json(listed.to_json())
    printed = capsysbinary.readouterr().out.decode("utf-8")
    assert not steers(printed)
    assert Recommendation.from_json(printed) == listed


@TEXTS
def test_what_is_said_of_it_does_not_steer_a_terminal(
    text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A user whose name is the text, of whom nothing is recorded: the error names the request."""
    reviews, calls = tmp_path / "reviews.jsonl", tmp_path / "calls.jsonl"
    rows = [{"user_id": user, "text": f"x {text}", "review_id": "r"} for user in (text, "bo")]
    reviews.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    arguments = ["extract", str(reviews), "-o", str(tmp_path / "p"), "--calls", str(calls)]
    arguments += ["--model", "tiny"]
    near = ChatRequest("tiny", (Message("user", f"x {text}"),), label=text)
    asyncio.run(CallLog(calls).record(near, {}))
    assert cli.run([*arguments, "--replay"]) == 4
    said = capsys.readouterr()
    assert "no call" in said.err
    assert not steers(said.err + said.out)
