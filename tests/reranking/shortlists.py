"""Profiles, items, lists and replies, as small as the tests of this folder need them."""

import json
from typing import Any

from llmrec.llm.chat import ChatReply, ChatRequest
from llmrec.records.profile import Evidence, Interest, InterestProfile
from llmrec.records.ranking import Because, Recommendation, ScoredItem
from llmrec.records.reviews import Item


def item(number: int, **fields: Any) -> Item:
    return Item(**({"item_id": f"i{number}", "title": f"Fugue no. {number}"} | fields))


def catalogue(n: int) -> dict[str, Item]:
    """Return items ``i1`` to ``in`` by id."""
    return {f"i{number}": item(number) for number in range(1, n + 1)}


def interest(name: str = "fugues", **fields: Any) -> Interest:
    values = {
        "name": name,
        "polarity": "like",
        "weight": 0.5,
        "description": "Voices that chase each other.",
        "evidence": (Evidence("r1", "text", "fugue"),),
    }
    return Interest(**(values | fields))


def profile_of(user_id: str = "ann", *interests: Interest, **fields: Any) -> InterestProfile:
    values = {"language": "en", "summary": "Likes counterpoint."}
    return InterestProfile(
        user_id=user_id, interests=interests or (interest(),), **(values | fields)
    )


def shortlist(n: int, user_id: str = "ann", **fields: Any) -> Recommendation:
    """Return a first stage's list of ``i1`` to ``in``, scores from n down to 1."""
    items = tuple(
        ScoredItem(
            f"i{rank}",
            f"Fugue no. {rank}",
            rank,
            n + 1.0 - rank,
            (Because(interest="fugues", share=1),),
        )
        for rank in range(1, n + 1)
    )
    return Recommendation(user_id=user_id, recommendations=items, **fields)


def ids(listed: Recommendation) -> list[str]:
    return [item.item_id for item in listed]


def order(*labels: object) -> str:
    return json.dumps({"order": labels})


class Answering:
    """Gives its answers one after the other, the last one for ever; keeps what it was asked."""

    address = "http://localhost/v1"

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[ChatRequest] = []

    def is_recorded(self, request: ChatRequest) -> bool:
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return replied(answer)


class Preferring:
    """Puts candidates in the order of a wish list of titles; others as they were shown."""

    address = "http://localhost/v1"

    def __init__(self, *titles: str) -> None:
        self.titles = titles
        self.requests: list[ChatRequest] = []

    def is_recorded(self, request: ChatRequest) -> bool:
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        self.requests.append(request)
        lines = candidates_shown(request)
        wished = {title: place for place, title in enumerate(self.titles)}
        best = sorted(lines, key=lambda line: wished.get(line[1], len(wished)))
        return replied(order(*(label for label, _ in best)))


def replied(text: str) -> ChatReply:
    return ChatReply(
        {
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10},
        }
    )


def candidates_shown(request: ChatRequest) -> list[tuple[str, str]]:
    """Return label and text of each candidate's line in a request."""
    user = request.messages[1].content
    block = user.split("<candidates>\n")[1].split("\n</candidates>")[0]
    pairs = (line.removeprefix("[").split("] ", 1) for line in block.split("\n"))
    return [(label, text) for label, text in pairs]
