"""Reviews, texts that try to break a prompt, and a chat model that gives crafted replies."""

import json
from typing import Any

from hypothesis import strategies as st

from llmrec.llm.chat import ChatReply, ChatRequest
from llmrec.records.grouping import UserReviews
from llmrec.records.reviews import Review

_FRAGMENTS = ["<", "</", "/", ">", "&lt;", "&amp;lt;", "&amp;amp;lt;", "&#60;", "&#x3c;", "&"]
_FRAGMENTS += ["review", "REVIEW", "reviews", "<br>", "<BR/>", "\n", "\r\n", "\u2028", " ", "  "]
_FRAGMENTS += ['"', "&quot;", "'", "…", " …", "$reviews", "word ", "赋格", "🪿", "\ufffd"]

TEXTS = st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=4), max_size=30).map("".join)
"""Any text, mostly of pieces of markup."""

VISIBLE_TEXTS = TEXTS.filter(lambda text: text.strip() != "")


def review(text: str = "A fugue a day.", **fields: Any) -> Review:
    """Return a review by Ann."""
    return Review(**({"user_id": "ann", "review_id": "r1", "text": text} | fields))


def reviews_of(user_id: str, *texts: str) -> UserReviews:
    """Return the reviews of a user, one a day, about items ``i1``, ``i2``…."""
    return UserReviews.of(
        review(
            text,
            user_id=user_id,
            review_id=f"{user_id}-{n}",
            item_id=f"i{n}",
            rating=4,
            timestamp=f"2024-03-{n:02}",
        )
        for n, text in enumerate(texts, 1)
    )


def interest(**fields: Any) -> dict[str, Any]:
    """Return an interest as a model replies it, resting on the word fugue in R1."""
    return {
        "name": "fugues",
        "polarity": "like",
        "weight": 0.5,
        "description": "Voices that chase each other.",
        "evidence": [{"review": "R1", "quote": "fugue"}],
    } | fields


def profile_reply(*interests: object, **fields: Any) -> str:
    """Return a profile as a model replies it."""
    whole = {"language": "en", "summary": "Likes counterpoint.", "interests": list(interests)}
    return json.dumps(whole | fields, ensure_ascii=False)


class CraftedChat:
    """Gives the one reply, or that of the user asked about; keeps what it was asked."""

    address = "http://localhost/v1"

    def __init__(self, reply: str | None = None, **by_user: str | Exception) -> None:
        self.one = reply
        self.by_user = by_user
        self.requests: list[ChatRequest] = []

    def is_recorded(self, request: ChatRequest) -> bool:
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        self.requests.append(request)
        answer = self.by_user.get(request.label.split("/")[1], self.one)
        if isinstance(answer, Exception):
            raise answer
        return ChatReply(
            {
                "choices": [{"message": {"content": answer}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 10},
            }
        )
