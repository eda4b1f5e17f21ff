"""Chat models that answer from a call log: only from it, or before they ask a live one."""

import asyncio
import difflib
import json
import logging
from collections.abc import Mapping
from itertools import islice, takewhile, zip_longest
from typing import Any, Protocol

from llmrec.errors import (
    ChatRejected,
    ChatUnavailable,
    FormatRefused,
    RecordingMissing,
    SettingsError,
)
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import CHAT_URL, ChatModel, ChatReply, ChatRequest
from llmrec.llm.openai_errors import FORMAT_STATUSES

log = logging.getLogger(__name__)

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

    def is_recorded(self, request: ChatRequest) -> bool:
        """Say whether the log has an exchange of this request."""
        return request.custom_id in self._log

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


class LiveChatModel(ChatModel, Protocol):
    """A chat model that makes its answers."""

    @property
    def address(self) -> str:
        """Where it is: scheme, host and path, without credentials."""
        ...


class LoggedChatModel:
    """Answers from a call log where it can, else from a live model, and records that.

    Args:
        log: the recorded calls.
        live: the model to call; None where nothing says which.
        fresh: ignore what is recorded.
    """

    def __init__(self, log: CallLog, live: LiveChatModel | None, *, fresh: bool = False) -> None:
        self._log = log
        self._live = live
        self._fresh = fresh
        self._elsewhere: set[str] = set()
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._found: tuple[str, dict[str, Any] | None] | None = None

    def is_recorded(self, request: ChatRequest) -> bool:
        """Say whether the log has a usable exchange of this request, and may be used."""
        return self._usable(request) is not None

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Return a recorded answer, or a new one that is on disk before it is returned.

        Without a live model a recorded answer stands, also where ``renew`` asks for another.

        Raises:
            SettingsError: a call is needed, and there is no live model.
            ChatError: the live model gave no answer.
            FormatRefused: the server refuses the response format, now or when it was recorded.
        """
        while (other := self._under_way.get(request.custom_id)) is not None:
            await asyncio.wait([other])  # the same request: its answer will serve here too
        exchange = self._usable(request)
        if exchange is not None and (not renew or self._live is None):
            self._note_server(exchange)
            return _recorded_reply(exchange)
        if self._live is None:
            raise SettingsError(
                f"{request.label or 'a request'} is not in {self._log.path}, and nothing says "
                "which server to call: set OPENAI_API_KEY, or --base-url (LLMREC_BASE_URL) for "
                "another server, or replay a log that has it (--replay)"
            )
        done = self._under_way[request.custom_id] = asyncio.get_running_loop().create_future()
        try:
            return await self._called(request, self._live)
        finally:
            del self._under_way[request.custom_id]
            self._found = None
            done.set_result(None)

    async def _called(self, request: ChatRequest, live: LiveChatModel) -> ChatReply:
        """Return a live answer that is on disk."""
        try:
            reply = await live.reply(request)
        except FormatRefused as error:
            await self._log.record(
                request, error.body, status=error.status or 400, server=live.address
            )
            raise
        await self._log.record(request, dict(reply.body), server=live.address)
        return reply

    def _usable(self, request: ChatRequest) -> dict[str, Any] | None:
        exchange = None if self._fresh else self._find(request)
        if exchange is None or not (_succeeded(exchange) or _refuses_format(exchange)):
            return None
        return exchange

    def _find(self, request: ChatRequest) -> dict[str, Any] | None:
        """Return the newest exchange; its line is read once for a question and the answer."""
        if self._found is None or self._found[0] != request.custom_id:
            self._found = (request.custom_id, self._log.find(request))
        return self._found[1]

    def _note_server(self, exchange: Mapping[str, Any]) -> None:
        server = exchange.get("server")
        if self._live is None or server in (None, self._live.address, *self._elsewhere):
            return
        self._elsewhere.add(str(server))
        log.warning(
            "%s: some answers are from %s, not from %s", self._log.path, server, self._live.address
        )


def _response(exchange: Mapping[str, Any]) -> Mapping[str, Any]:
    response = exchange["response"]
    return response if isinstance(response, Mapping) else {}


def _status(exchange: Mapping[str, Any]) -> int | None:
    return _response(exchange).get("status_code")


def _succeeded(exchange: Mapping[str, Any]) -> bool:
    return _status(exchange) == 200 and isinstance(_response(exchange).get("body"), Mapping)


def _refuses_format(exchange: Mapping[str, Any]) -> bool:
    """Say whether a server refused the response format: of the 4xx only these are recorded."""
    return _status(exchange) in FORMAT_STATUSES and "response_format" in exchange["body"]


def _recorded_reply(exchange: Mapping[str, Any]) -> ChatReply:
    if _succeeded(exchange):
        return ChatReply(exchange["response"]["body"], recorded=True)
    status = _status(exchange)
    body = _response(exchange).get("body")
    said = json.dumps(exchange.get("error") or body, ensure_ascii=False)[:300]
    what = f"recorded for {exchange.get('label') or exchange['custom_id']}: {status} {said}"
    if _refuses_format(exchange):
        raise FormatRefused(what, status, body)
    if isinstance(status, int) and 400 <= status < 500 and status != 429:
        raise ChatRejected(what, status, body)
    raise ChatUnavailable(what)


def _nearest(request: ChatRequest, log: CallLog) -> str:
    """Say in a few lines how the most similar recorded request differs."""
    wanted = _lines(request.body)
    best: tuple[float, str, list[str]] = (0.0, "", [])
    for exchange in islice(log.exchanges(), _COMPARED):
        if exchange["url"] != CHAT_URL:
            continue
        lines = _lines(exchange["body"])
        common = len(set(wanted) & set(lines)) / len(set(wanted) | set(lines))
        if common > best[0]:
            best = (common, exchange.get("label") or exchange["custom_id"], lines)
    if not best[2]:
        return "; nothing similar is recorded"
    changed = _changes(best[2], wanted)
    more = len(changed) - _DIFF_LINES
    tail = [f"… and {more} lines more"] if more > 0 else []
    shown = "".join(f"\n    {line}" for line in [*changed[:_DIFF_LINES], *tail])
    return f"; the nearest is {best[1]} (- recorded, + asked for):{shown}"


def _changes(recorded: list[str], wanted: list[str]) -> list[str]:
    """Return the lines that differ, each from shortly before where it differs."""
    changes: list[str] = []
    matcher = difflib.SequenceMatcher(None, recorded, wanted, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        for old, new in zip_longest(recorded[start:end], wanted[new_start:new_end]):
            pairs = zip(old or "", new or "", strict=False)
            same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            changes += [
                f"{sign}{_from(line, same)}"
                for sign, line in (("-", old), ("+", new))
                if line is not None
            ]
    return changes


def _from(line: str, same: int) -> str:
    start = max(0, same - _LINE_WIDTH // 2)
    return ("…" if start else "") + line[start : start + _LINE_WIDTH]


def _lines(body: Mapping[str, Any]) -> list[str]:
    settings = {key: value for key, value in body.items() if key != "messages"}
    text = "\n".join(str(message["content"]) for message in body["messages"])
    return [json.dumps(settings, sort_keys=True, ensure_ascii=False), *text.splitlines()]
