"""Asking a chat model for a value of a given shape."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from llmrec.errors import ChatIncomplete, ReplyInvalid
from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest

T = TypeVar("T")


def json_schema_format(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``response_format`` that asks for JSON of a schema, strictly."""
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "strict": True, "schema": dict(schema)},
    }


async def ask(
    chat: ChatModel, request: ChatRequest, parse: Callable[[str], T]
) -> tuple[T, ChatReply]:
    """Ask, and parse the reply; a recorded reply that cannot be used is asked for anew once.

    Raises:
        ChatError: no usable answer came.
        ReplyInvalid: ``parse`` refused it.
    """
    reply = await chat.reply(request)
    try:
        return parse(reply.text()), reply
    except (ChatIncomplete, ReplyInvalid):
        if not reply.recorded:
            raise
    reply = await chat.reply(request, renew=True)
    return parse(reply.text()), reply
