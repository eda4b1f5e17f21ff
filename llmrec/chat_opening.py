"""From settings to the chat model that answers: a call log, and the server behind it."""

from pathlib import Path
from typing import TYPE_CHECKING

from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatModel
from llmrec.llm.recorded import LiveChatModel, LoggedChatModel, ReplayChatModel
from llmrec.opening import Mode

if TYPE_CHECKING:
    from llmrec.llm.openai_chat import OpenAIChatModel
    from llmrec.llm.openai_client import Server


def open_chat(
    calls: str | Path | CallLog, mode: Mode, live: LiveChatModel | None = None
) -> ChatModel:
    """Return a chat model that answers from a call log as far as ``mode`` wants it.

    Args:
        calls: the call log; one that is open already is used as it is.
        mode: ``default`` reuses what is recorded and calls for the rest, ``replay`` never calls,
            ``fresh`` always calls.
        live: the model to call.

    Raises:
        InputError: there is no such log to replay, or it is not one.
    """
    log = calls if isinstance(calls, CallLog) else CallLog(calls, must_exist=mode == "replay")
    if mode == "replay":
        return ReplayChatModel(log)
    return LoggedChatModel(log, live, fresh=mode == "fresh")


def live_chat(server: "Server | None") -> "OpenAIChatModel | None":
    """Return the chat model of a server, or None where there is no server."""
    if server is None:
        return None
    from llmrec.llm.openai_chat import OpenAIChatModel

    return OpenAIChatModel(server)
