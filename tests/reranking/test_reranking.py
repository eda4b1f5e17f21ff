"""One listwise call: the recorded requests, repairs, follow-ups, passes, windows and weights."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shortlists import (
    Answering,
    Preferring,
    candidates_shown,
    catalogue,
    ids,
    order,
    profile_of,
    shortlist,
)

from llmrec.chat_opening import open_chat
from llmrec.errors import ChatIncomplete, ChatUnavailable, InputError, RecordingMissing
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatModel, Usage
from llmrec.llm.prompts import Prompt, load_prompt
from llmrec.llm.recorded import LoggedChatModel, ReplayChatModel
from llmrec.profiling.extraction import PLACEHOLDERS, PROMPT_NAME, Extractor
from llmrec.records.grouping import read_users
from llmrec.records.ranking import Recommendation, Repairs, ScoredItem
from llmrec.records.reading import read_items
from llmrec.reranking.options import RerankOptions
from llmrec.reranking.reranking import Reranker
from llmrec.stage_opening import open_reranker

PROMPT = Prompt(
    "p",
    "Order.",
    "$profile\n\n<recent>\n$recent\n</recent>\n\n<candidates>\n$candidates\n</candidates>",
)
AS_GIVEN = RerankOptions(order="first-stage")
PROFILE = profile_of()


def reranker(chat: ChatModel, options: RerankOptions = AS_GIVEN, n: int = 200) -> Reranker:
    return Reranker(chat, "tiny", PROMPT, catalogue(n), options)


def rerank(
    chat: ChatModel,
    listed: Recommendation | None = None,
    options: RerankOptions = AS_GIVEN,
    recent: tuple[str, ...] = (),
) -> Recommendation:
    listed = shortlist(3) if listed is None else listed
    made = reranker(chat, options).rerank(listed, profile_of(), recent)
    return asyncio.run(made)


@pytest.mark.parametrize(("name", "shown"), [("candidates", "first-stage"), ("shortlist", "hash")])
def test_every_recorded_request_of_the_demo_is_found(demo: Path, name: str, shown: Any) -> None:
    items = {item.item_id: item for item in read_items(demo / "items.jsonl")}
    users = {user.user_id: user for user in read_users(demo / "reviews.jsonl")}
    extractor = Extractor(
        open_chat(demo / "extract_profile.jsonl", "replay"),
        "claude",
        load_prompt(PROMPT_NAME, PLACEHOLDERS),
        {item_id: item.title for item_id, item in items.items()},
    )
    chat = open_chat(demo / "rerank.jsonl", "replay")
    recorded = open_reranker(chat, "claude", items, RerankOptions(order=shown))

    async def all_lists() -> list[Recommendation]:
        made = []
        for line in map(json.loads, (demo / f"{name}.jsonl").read_text("utf-8").splitlines()):
            user = users[line["user_id"]]
            listed = Recommendation(
                user_id=user.user_id,
                recommendations=tuple(
                    ScoredItem(item_id, items[item_id].title, rank)
                    for rank, item_id in enumerate(line["candidates"], 1)
                ),
            )
            profile = (await extractor.extract(user)).profile
            made.append(await recorded.rerank(listed, profile, profile.reviewed))
        return made

    lists = asyncio.run(all_lists())
    assert (recorded.meter.replies, recorded.meter.replayed) == (12, 12)
    assert all(listed.reranked and listed.repairs == Repairs() for listed in lists)
    assert lists[-1][0].item_id == "film-interstellar"


def test_a_list_comes_back_in_the_order_replied() -> None:
    listed = rerank(Answering(order("I3", "I1", "I2")), shortlist(3, bank="index"))
    assert [(item.item_id, item.rank, item.score) for item in listed] == [
        ("i3", 1, 1.0),
        ("i1", 2, 3.0),
        ("i2", 3, 2.0),
    ]
    assert (listed.user_id, listed.bank) == ("ann", "index")
    assert (listed.reranked, listed.repairs, listed.reason) == (True, Repairs(), None)


def test_the_request_says_who_what_was_recent_and_what_may_come() -> None:
    chat = Answering(order("I1", "I2"))
    rerank(chat, shortlist(2), recent=("i7", "unknown", "i9"))
    (request,) = chat.requests
    assert request.label == "rerank/ann"
    assert request.messages[0].content == "Order."
    assert request.messages[1].content == (
        "Taste: Likes counterpoint.\n[P1] like 0.5: fugues. Voices that chase each other.\n\n"
        "<recent>\n- Fugue no. 7\n- Fugue no. 9\n</recent>\n\n"
        "<candidates>\n[I1] Fugue no. 1\n[I2] Fugue no. 2\n</candidates>"
    )
    assert request.response_format is not None
    schema = request.response_format["json_schema"]["schema"]
    assert schema["properties"]["order"]["items"]["enum"] == ["I1", "I2"]


def test_missing_items_keep_the_order_of_the_first_stage_not_the_one_shown() -> None:
    chat = Preferring("Fugue no. 15")
    shown = rerank(chat, shortlist(20), RerankOptions(order="hash"))
    texts = {text: label for label, text in candidates_shown(chat.requests[0])}
    label = texts["Fugue no. 15"]
    assert shown[0].item_id == "i15"
    listed = rerank(Answering(order(label)), shortlist(20), RerankOptions(order="hash"))
    assert ids(listed) == ["i15", *(f"i{n}" for n in range(1, 21) if n != 15)]
    assert listed.repairs == Repairs(missing=19)


@pytest.mark.parametrize(
    "useless",
    [order(), order("I9"), order(1, 2, 3), '{"order": "I1"}', "{}", "1. I3\n2. I1", '["I3"]', "9"],
)
def test_a_reply_without_a_usable_id_is_asked_for_once_more(useless: str) -> None:
    chat = Answering(useless, order("I2", "I1", "I3"))
    listed = rerank(chat)
    assert ids(listed) == ["i2", "i1", "i3"]
    assert listed.reranked
    first, again = chat.requests
    assert again.messages[: len(first.messages)] == first.messages
    assert "That cannot be used" in again.messages[-1].content


@pytest.mark.parametrize("useless", [order("I9"), "1, 2, 3", ChatIncomplete("cut off")])
def test_then_the_order_of_the_first_stage_stands(useless: str | Exception) -> None:
    chat = Answering(useless)
    listed = rerank(chat, shortlist(3, reason="the profile has no likes"))
    assert ids(listed) == ["i1", "i2", "i3"]
    assert (listed.reranked, listed.repairs) == (False, None)
    assert listed.reason is not None
    assert listed.reason.startswith("the profile has no likes; no order came from the model: ")
    assert len(chat.requests) == (1 if isinstance(useless, Exception) else 2)


def test_a_follow_up_that_is_not_recorded_counts_as_failed(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "calls.jsonl")
    with pytest.raises(InterruptedError):
        rerank(LoggedChatModel(log, Answering("no", InterruptedError())))
    listed = rerank(ReplayChatModel(log))
    assert (ids(listed), listed.reranked) == (["i1", "i2", "i3"], False)


def test_without_a_recording_nothing_is_put_in_order(tmp_path: Path) -> None:
    with pytest.raises(RecordingMissing, match="rerank/ann"):
        rerank(ReplayChatModel(CallLog(tmp_path / "calls.jsonl")))


def test_a_server_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(ChatUnavailable):
        rerank(Answering(ChatUnavailable("asleep")))


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_is_asked_where_there_is_nothing_to_order(n: int) -> None:
    chat = Answering(order("I1"))
    listed = rerank(chat, shortlist(n))
    assert (len(listed), listed.reranked, listed.reason) == (n, False, "nothing to put in order")
    assert chat.requests == []


def test_an_item_that_the_catalogue_has_not_is_an_error() -> None:
    with pytest.raises(InputError, match="'i3' of a list is not in the catalogue"):
        asyncio.run(reranker(Answering(order()), n=2).rerank(shortlist(3), profile_of(), ()))


def test_calls_and_tokens_are_counted() -> None:
    made = reranker(Answering("no", order("I1")))
    asyncio.run(made.rerank(shortlist(2), profile_of(), ()))
    assert (made.meter.replies, made.meter.usage) == (2, Usage(200, 20))


def test_passes_show_different_orders_and_their_ranks_are_fused() -> None:
    chat = Preferring("Fugue no. 3", "Fugue no. 2")
    listed = rerank(chat, shortlist(5), RerankOptions(passes=3))
    assert ids(listed)[:2] == ["i3", "i2"]
    assert len({request.messages[1].content for request in chat.requests}) == 3


def test_the_first_place_of_every_list_is_no_preference_over_passes() -> None:
    """A model that always puts first what it sees first decides nothing where orders differ."""
    first = rerank(Answering(order("I1")), shortlist(20), RerankOptions(order="hash"))
    fused = rerank(Answering(order("I1")), shortlist(20), RerankOptions(order="hash", passes=5))
    assert first[0].item_id != "i1"
    assert len({item.item_id for item in fused}) == 20
    assert fused.repairs == Repairs(missing=19 * 5)


def test_a_pass_that_fails_is_said_and_the_others_stand() -> None:
    chat = Answering("no", "no", order("I2", "I1"))
    listed = rerank(chat, shortlist(2), RerankOptions("first-stage", passes=2))
    assert listed.reranked
    assert listed.reason is not None
    assert listed.reason.startswith("1 of 2 calls gave no order: ")


def test_the_best_of_100_gets_to_the_top_in_one_sweep() -> None:
    chat = Preferring("Fugue no. 100", "Fugue no. 57")
    options = RerankOptions("first-stage", window=20, stride=10)
    listed = rerank(chat, shortlist(100), options)
    assert ids(listed)[:3] == ["i100", "i57", "i1"]
    assert sorted(ids(listed)) == sorted(ids(shortlist(100)))
    assert len(chat.requests) == 9


@pytest.mark.parametrize(
    ("n", "window", "stride", "calls"),
    [(100, 20, 10, 9), (100, 20, None, 9), (20, 20, None, 1), (21, 20, 10, 2), (5, 2, 1, 4),
     (7, 3, 3, 3), (5, None, None, 1), (3, 3, None, 1), (4, 3, None, 2)],
)  # fmt: skip
def test_windows_cover_the_whole_list(
    n: int, window: int | None, stride: int | None, calls: int
) -> None:
    chat = Preferring()
    rerank(chat, shortlist(n), RerankOptions("first-stage", window=window, stride=stride))
    assert len(chat.requests) == calls
    shown = "\n".join(request.messages[1].content for request in chat.requests)
    assert all(f"Fugue no. {rank}\n" in shown for rank in range(1, n + 1))


def test_a_window_that_fails_keeps_its_order() -> None:
    chat = Answering("no", "no", order("I2", "I1"))
    listed = rerank(chat, shortlist(4), RerankOptions("first-stage", window=2, stride=2))
    assert ids(listed) == ["i2", "i1", "i3", "i4"]
    assert listed.reranked


def test_a_weight_fuses_the_ranks_of_model_and_first_stage() -> None:
    reverse = order("I3", "I2", "I1")

    def weighed(weight: float) -> list[str]:
        options = RerankOptions("first-stage", weight=weight)
        return ids(rerank(Answering(reverse), shortlist(3), options))

    assert weighed(1) == ["i3", "i2", "i1"]
    assert weighed(0) == ["i1", "i2", "i3"]
    assert weighed(0.9) == ["i3", "i2", "i1"]
    assert weighed(0.1) == ["i1", "i2", "i3"]


def test_facts_are_shown_where_they_are_wanted() -> None:
    options = RerankOptions("first-stage", facts=True)

    def shown(n_users: dict[str, int] | None) -> list[tuple[str, str]]:
        chat = Answering(order("I1", "I2"))
        made = Reranker(chat, "tiny", PROMPT, catalogue(2), options, n_users)
        asyncio.run(made.rerank(shortlist(2), profile_of(), ()))
        return candidates_shown(chat.requests[0])

    assert shown({"i1": 12}) == [
        ("I1", "(chosen by 12; fugues 1.00) Fugue no. 1"),
        ("I2", "(chosen by 0; fugues 1.00) Fugue no. 2"),
    ]
    assert shown(None)[0] == ("I1", "(fugues 1.00) Fugue no. 1")


_LABELS = st.sampled_from(["I1", "I2", "I3", "I4", "I5", "I6", "i1", "1", "", "[I1]"])
_REPLIES = st.one_of(
    st.text(),
    st.lists(_LABELS | st.integers() | st.none() | st.text()).map(lambda ids: order(*ids)),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["order", "x"]), inner)
        ),
        max_leaves=8,
    ).map(json.dumps),
    st.lists(_LABELS).map(lambda ids: f"Sure!\n```json\n{order(*ids)}\n```"),
)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(_REPLIES, min_size=1, max_size=4),
    st.builds(
        RerankOptions,
        order=st.sampled_from(["hash", "first-stage", "shuffled"]),
        passes=st.integers(1, 2),
        window=st.none() | st.integers(2, 6),
        weight=st.floats(0, 1),
    ),
)
def test_any_replies_give_a_permutation(replies: list[str], options: RerankOptions) -> None:
    listed = rerank(Answering(*replies), shortlist(5), options)
    assert sorted(ids(listed)) == [f"i{n}" for n in range(1, 6)]
    assert [item.rank for item in listed] == [1, 2, 3, 4, 5]
    assert listed.reranked or listed.reason


def test_ten_thousand_replies_give_permutations() -> None:
    """Lists of 10,000 first replies; where one has no usable id, of two."""
    rng = random.Random(7)
    pieces = ["I1", "I2", "I3", "I4", "I5", "I6", "1", "2", '"', '"I3"', ",", ", ", "[", "]", "{"]
    pieces += [
        "}",
        '{"order": [',
        '{"order": ["',
        '"]}',
        "```json",
        "\n",
        "<think>",
        "</think>",
        "x",
    ]

    def reply() -> str:
        if rng.random() < 0.5:
            return "".join(rng.choices(pieces, k=rng.randrange(12)))
        labels = rng.choices(
            ["I1", "I2", "I3", "I4", "I5", "I6", 1, None, "i1"], k=rng.randrange(9)
        )
        return order(*labels)

    async def all_lists() -> set[bool | None]:
        outcomes = set()
        for _ in range(10_000):
            made = reranker(Answering(reply(), reply()), n=5)
            listed = await made.rerank(shortlist(5), PROFILE, ())
            assert sorted(ids(listed)) == ["i1", "i2", "i3", "i4", "i5"]
            outcomes.add(listed.reranked)
        return outcomes

    assert asyncio.run(all_lists()) == {True, False}
