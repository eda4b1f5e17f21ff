"""A person, a catalogue and replies, as small as the tests of explanations need them."""

import json
from typing import Any

from shortlists import interest, profile_of

from llmrec.llm.chat import ChatModel
from llmrec.llm.prompts import Prompt
from llmrec.records.profile import Evidence, InterestProfile, Source
from llmrec.records.ranking import Recommendation, ScoredItem
from llmrec.records.reviews import Item
from llmrec.reranking.explanations import Explainer

FERRY = "Gulls follow a slow boat to Norway. Made in 1997."
ITEMS = {
    item.item_id: item
    for item in (
        Item(
            "i1", "Night Ferry", "Gulls follow a slow boat to Norway. Made in 1997.", ("ferries",)
        ),
        Item("i2", "The Tower", "A keeper polishes a lamp.", ("lighthouses", "quiet films")),
        Item("i3", "夜航", "老人在海上漂了三天。", ("慢电影",)),
        Item("i9", "Harbour Lights", "Boats.", ("ferries",)),
    )
}
"""Three to explain, and one that was reviewed."""

SAID = "Gulls, gulls, gulls: I could watch them for hours."
QUIET = "Nothing happens and it is lovely."

PROFILE: InterestProfile = profile_of(
    "u_1",
    interest(
        "slow ferries",
        weight=0.9,
        description="Boats that take their time.",
        evidence=(
            Evidence("r1", "text", SAID, 10, 10 + len(SAID)),
            Evidence("r1", "title", "Harbour Lights", 0, 14),
        ),
    ),
    interest("quiet films", description="", evidence=(Evidence("r2", "text", QUIET),)),
    interest("loud battles", polarity="dislike", evidence=(Evidence("r2", "text", "too loud"),)),
    sources=(
        Source("r1", "i9", "2024-03-09", "d1", "R4"),
        Source("r2", None, None, "d2", "R7"),
    ),
)

LISTED = Recommendation(
    user_id="u_1",
    recommendations=tuple(
        ScoredItem(item_id, ITEMS[item_id].title, rank)
        for rank, item_id in enumerate(("i1", "i2", "i3", "i9"), 1)
    ),
)

PROMPT = Prompt("explain", "Explain.", "$profile\n--\n$items")


def explanation(item: str = "I1", **fields: Any) -> dict[str, Any]:
    """Return an explanation as a model replies it, with nothing wrong in it."""
    return {
        "item": item,
        "text": "You could watch gulls for hours, and here they follow a slow boat.",
        "interests": ["P1"],
        "quotes": [{"review": "R4", "quote": "I could watch them for hours"}],
    } | fields


def replied(*explanations: object) -> str:
    return json.dumps({"explanations": list(explanations)}, ensure_ascii=False)


ALL = replied(
    explanation("I1"),
    explanation("I2", text="A keeper and a lamp, and it is lovely.", interests=["P2", "P3", "P2"]),
    explanation("I3", text="An old man at sea, and a slow one."),
)


def explainer_of(chat: ChatModel) -> Explainer:
    return Explainer(chat, "m", PROMPT, ITEMS)
