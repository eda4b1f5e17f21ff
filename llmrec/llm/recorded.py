"""Chat models that answer from a call log: only from it, or before they ask a live one."""

import difflib
import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

from llmrec.errors import ChatRejected, ChatUnavailable, RecordingMissing, SettingsError
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest

_COMPARED = 2_000
_EXPLAINED = 3
_DIFF_LINES = 8
_LINE_WIDTH = 120


class ReplayChatModel:
    """Answers from a call log and never calls anything.

    Args:
        log: the recorded calls.
    """

    def __init__(self, log: CallLog) -> None:
        self._log = log
        self._unanswered = 0

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Return the recorded answer, also where ``renew`` asks for another.

        Raises:
            RecordingMissing: there is none; the first few say what the nearest recorded request
                has instead.
            ChatRejected, ChatUnavailable: that is what was recorded.
        """
        exchange = self._log.find(request)
        if exchange is not None:
            return _recorded_reply(exchange)
        self._unanswered += 1
        what = f"{request.label or 'a request'}: no call {request.custom_id} in {self._log.path}"
        if self._unanswered <= _EXPLAINED:
            what += _nearest(request, self._log)
        raise RecordingMissing(
            [what], "record these calls: run again without replaying, with a model to call"
        )


class LoggedChatModel:
    """Answers from a call log where it can, else from a live model, and records that.

    Args:
        log: the recorded calls.
        live: the model to call; None where nothing says which.
        fresh: ignore what is recorded.
    """

    def __init__(self, log: CallLog, live: ChatModel | None, *, fresh: bool = False) -> None:
        self._log = log
        self._live = live
        self._fresh = fresh

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Return a recorded answer, or a new one that is on disk before it is returned.

        Raises:
            SettingsError: a call is needed, and there is no live model.
            ChatError: the live model gave no answer.
        """
        if not (self._fresh or renew):
            exchange = self._log.find(request)
            if exchange is not None and _succeeded(exchange):
                return _recorded_reply(exchange)
        if self._live is None:
            raise SettingsError(
                f"{request.label or 'a request'} is not in {self._log.path}, and no live model "
                "is set to answer it: replay a log that has it (--replay, mode='replay'), or "
                "pass a ChatModel"
            )
        reply = await self._live.reply(request)
        self._log.append(request, reply)
        return reply


def _succeeded(exchange: Mapping[str, Any]) -> bool:
    response = exchange["response"]
    return isinstance(response, Mapping) and response.get("status_code") == 200


def _recorded_reply(exchange: Mapping[str, Any]) -> ChatReply:
    if _succeeded(exchange):
        return ChatReply(exchange["response"]["body"], recorded=True)
    response = exchange["response"] or {}
    status = response.get("status_code")
    said = json.dumps(exchange.get("error") or response.get("body"), ensure_ascii=False)[:300]
    kind = ChatRejected if status in (400, 401, 403, 404) else ChatUnavailable
    raise kind(f"recorded for {exchange.get('label') or exchange['custom_id']}: {status} {said}")


def _nearest(request: ChatRequest, log: CallLog) -> str:
    """Say in a few lines how the most similar recorded request differs."""
    wanted = _lines(request.body)
    best: tuple[float, str, list[str]] = (0.0, "", [])
    for exchange in islice(log.exchanges(), _COMPARED):
        lines = _lines(exchange["body"])
        common = len(set(wanted) & set(lines)) / len(set(wanted) | set(lines))
        if common > best[0]:
            best = (common, exchange.get("label") or exchange["custom_id"], lines)
    if not best[2]:
        return "; nothing similar is recorded"
    difference = difflib.unified_diff(best[2], wanted, n=0, lineterm="")
    changed = [line[:_LINE_WIDTH] for line in difference if not line.startswith(("---", "+++"))]
    more = len(changed) - _DIFF_LINES
    tail = [f"… and {more} lines more"] if more > 0 else []
    shown = "".join(f"\n    {line}" for line in [*changed[:_DIFF_LINES], *tail])
    return f"; the nearest is {best[1]} (- recorded, + asked for):{shown}"


def _lines(body: Mapping[str, Any]) -> list[str]:
    settings = {key: value for key, value in body.items() if key != "messages"}
    text = "\n".join(str(message["content"]) for message in body["messages"])
    return [json.dumps(settings, sort_keys=True, ensure_ascii=False), *text.splitlines()]
