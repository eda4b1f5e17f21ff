import asyncio
from pathlib import Path

import pytest

from llmrec.errors import RecordingMissing
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.planning import Plan
from llmrec.llm.recorded import LoggedChatModel


def request(text: str) -> ChatRequest:
    return ChatRequest("tiny", (Message("user", text),), label=f"ask/{text}")


def test_what_is_not_recorded_is_planned_once_and_in_order(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "log")
    answer = {"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}
    asyncio.run(log.record(request("known"), answer))
    plan = Plan()
    chat = LoggedChatModel(log, plan)
    assert not plan.is_recorded(request("known"))
    assert asyncio.run(chat.reply(request("known"))).text() == "Yes."
    for text in ("b", "a", "b"):
        with pytest.raises(RecordingMissing, match=f"ask/{text}"):
            asyncio.run(chat.reply(request(text)))
    assert list(plan.requests.values()) == [request("b"), request("a")]
    assert len(CallLog(log.path)) == 1


def test_an_unusable_answer_is_planned_anew(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "log")
    asyncio.run(log.record(request("known"), {"choices": [{"finish_reason": "length"}]}))
    plan = Plan()
    with pytest.raises(RecordingMissing):
        asyncio.run(LoggedChatModel(log, plan).reply(request("known"), renew=True))
    assert list(plan.requests) == [request("known").custom_id]
