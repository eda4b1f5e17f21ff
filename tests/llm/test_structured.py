"""Asking for a value: a recorded reply that cannot be used is asked for anew, once."""

import asyncio
from dataclasses import replace

import pytest
from exchanges import LiveChat, answered, asked

from llmrec.errors import ChatIncomplete, ChatUnavailable, ReplyInvalid
from llmrec.llm.chat import ChatReply, ChatRequest
from llmrec.llm.structured import ask, json_schema_format

CUT = answered("4", finish_reason="length")
WORDS = answered("forty-two")


class RecordedFirst:
    """Answers with a recorded reply, and from a live model where that is to be renewed."""

    def __init__(self, recorded: ChatReply, *live: ChatReply | Exception) -> None:
        self.recorded = replace(recorded, recorded=True)
        self.live = LiveChat(*live)

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        return await self.live.reply(request) if renew else self.recorded


def number(text: str) -> int:
    if not text.isdigit():
        raise ReplyInvalid("not a number", text)
    return int(text)


def test_the_format_asks_for_strict_json() -> None:
    schema = {"type": "object", "properties": {}}
    assert json_schema_format("answer", schema) == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    }


def test_a_valid_reply_is_parsed() -> None:
    chat = LiveChat(answered("42"))
    value, reply = asyncio.run(ask(chat, asked(), number))
    assert (value, reply.text(), reply.recorded) == (42, "42", False)
    assert chat.requests == [asked()]


def test_a_valid_recorded_reply_is_not_asked_for_anew() -> None:
    chat = RecordedFirst(answered("42"))
    value, reply = asyncio.run(ask(chat, asked(), number))
    assert (value, reply.recorded) == (42, True)
    assert chat.live.requests == []


@pytest.mark.parametrize(("live", "error"), [(WORDS, ReplyInvalid), (CUT, ChatIncomplete)])
def test_a_live_reply_that_cannot_be_used_is_an_error(
    live: ChatReply, error: type[Exception]
) -> None:
    chat = LiveChat(live)
    with pytest.raises(error):
        asyncio.run(ask(chat, asked(), number))
    assert len(chat.requests) == 1


@pytest.mark.parametrize("recorded", [WORDS, CUT])
def test_a_recorded_reply_that_cannot_be_used_is_asked_for_anew(recorded: ChatReply) -> None:
    chat = RecordedFirst(recorded, answered("42"))
    value, reply = asyncio.run(ask(chat, asked(), number))
    assert (value, reply.recorded) == (42, False)
    assert chat.live.requests == [asked()]


@pytest.mark.parametrize("recorded", [WORDS, CUT])
@pytest.mark.parametrize(
    ("renewed", "error"),
    [
        (WORDS, ReplyInvalid),
        (CUT, ChatIncomplete),
        (ChatUnavailable("the server sleeps"), ChatUnavailable),
    ],
)
def test_it_is_asked_for_anew_only_once(
    recorded: ChatReply, renewed: ChatReply | Exception, error: type[Exception]
) -> None:
    chat = RecordedFirst(recorded, renewed)
    with pytest.raises(error):
        asyncio.run(ask(chat, asked(), number))
    assert len(chat.live.requests) == 1


def test_an_invalid_reply_is_kept_in_the_error() -> None:
    with pytest.raises(ReplyInvalid, match="not a number; the reply begins 'forty-two'") as wrong:
        asyncio.run(ask(LiveChat(WORDS), asked(), number))
    assert wrong.value.reply == "forty-two"
