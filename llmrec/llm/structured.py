"""Asking a chat model for a JSON object of a given shape."""

import dataclasses
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from llmrec.digests import canonical_json
from llmrec.errors import ChatIncomplete, FormatRefused, RecordingMissing, ReplyInvalid
from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest, Message

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_FOLLOW_UPS = 2

_FORMATS = ("json_schema", "json_object", "text")
_THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_STARTS_TRIED = 50


def json_schema_format(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``response_format`` that asks for JSON of a schema, strictly."""
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "strict": True, "schema": dict(schema)},
    }


def object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has these properties, all of them and no other."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": dict(properties),
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value, and the call that gave it.

    Attributes:
        value: parsed.
        custom_id: of the request whose reply it is.
    """

    value: T
    custom_id: str


class Asker:
    """Asks one chat model, and remembers which response formats its server takes.

    Where a server refuses ``json_schema`` the schema goes into the prompt, with ``json_object``,
    and without any response format where that is refused too.

    Args:
        chat: answers.
    """

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat
        self._format = 0

    @property
    def response_format(self) -> str:
        """The best that the server is not known to refuse: json_schema, json_object or text."""
        return _FORMATS[self._format]

    async def ask(
        self,
        request: ChatRequest,
        parse: Callable[[str], T],
        *,
        follow_ups: int = MAX_FOLLOW_UPS,
    ) -> Answer[T]:
        """Ask, parse the JSON object in the reply, and ask again where that fails.

        What is recorded is never asked for twice: a recorded reply that cannot be used is followed
        up, as it would have been had the run not ended there, and asked for anew only where no
        follow-up is left. Where nothing may be called, a follow-up that is not recorded counts as
        one that failed.

        Args:
            request: with a ``json_schema`` response format.
            parse: makes the value of a JSON text, or raises ReplyInvalid.
            follow_ups: how many times it may ask again.

        Raises:
            ChatError: no usable answer came.
            ReplyInvalid: the last reply was not what was asked for.
            RecordingMissing: only recorded answers are allowed, and there is none.
        """
        variants = [request, _with_schema_in_prompt(request, "json_object")]
        variants.append(_with_schema_in_prompt(request, "text"))
        recorded = (n for n, variant in enumerate(variants) if self._chat.is_recorded(variant))
        last = len(variants) - 1
        for number in range(next(recorded, self._format), last):
            try:
                return await self._answer(variants[number], parse, follow_ups)
            except FormatRefused as error:
                self._step_down(number + 1, error)
        return await self._answer(variants[last], parse, follow_ups)

    def _step_down(self, number: int, error: FormatRefused) -> None:
        if number > self._format:
            self._format = number
            log.warning(
                "the server does not take response_format %s, going on with %s: %s",
                _FORMATS[number - 1],
                _FORMATS[number],
                error,
            )

    async def _answer(
        self, request: ChatRequest, parse: Callable[[str], T], follow_ups: int
    ) -> Answer[T]:
        reply = await self._chat.reply(request)
        value = _parsed(reply, parse)
        if reply.recorded and isinstance(value, _Failed) and value.is_final(follow_ups):
            reply = await self._chat.reply(request, renew=True)
            value = _parsed(reply, parse)
        if not isinstance(value, _Failed):
            return Answer(value, request.custom_id)
        if not isinstance(error := value.error, ReplyInvalid) or follow_ups == 0:
            raise error
        try:
            return await self._answer(_follow_up(request, reply, error), parse, follow_ups - 1)
        except RecordingMissing:
            raise error from None


@dataclasses.dataclass(frozen=True, slots=True)
class _Failed:
    error: ChatIncomplete | ReplyInvalid

    def is_final(self, follow_ups: int) -> bool:
        """Say whether so many follow-ups cannot repair it."""
        return not isinstance(self.error, ReplyInvalid) or follow_ups == 0


def _parsed(reply: ChatReply, parse: Callable[[str], T]) -> T | _Failed:
    """Parse the last object that is what was asked for; drafts and examples come before it."""
    try:
        text = reply.text()
    except ChatIncomplete as error:
        return _Failed(error)
    failed = _Failed(ReplyInvalid("no whole JSON object in the reply", text))
    for number, found in enumerate(reversed(find_objects(text))):
        try:
            return parse(found)
        except ReplyInvalid as error:
            if number == 0:
                failed = _Failed(error)
    return failed


def find_objects(text: str) -> list[str]:
    """Return the JSON objects in a reply, none inside another: in code fences, between prose.

    Thoughts before it (``<think>…</think>``) are left out.
    """
    spoken = _THOUGHT.sub("", text)
    decoder = json.JSONDecoder()
    found: list[str] = []
    end = 0
    for _ in range(_STARTS_TRIED):
        start = spoken.find("{", end)
        if start < 0:
            break
        try:
            _, end = decoder.raw_decode(spoken, start)
        except (ValueError, RecursionError):
            if not spoken[:start].strip():
                break  # all of it is meant as one object: those inside are not what was asked for
            end = start + 1
        else:
            found.append(spoken[start:end])
    return found


def _with_schema_in_prompt(request: ChatRequest, response_format: str) -> ChatRequest:
    schema = (request.response_format or {})["json_schema"]["schema"]
    system, *others = request.messages
    instruction = (
        "Reply with one JSON object of this JSON Schema, and with nothing else:\n"
        f"{canonical_json(schema)}"
    )
    return dataclasses.replace(
        request,
        messages=(Message(system.role, f"{system.content}\n\n{instruction}"), *others),
        response_format=None if response_format == "text" else {"type": response_format},
    )


def _follow_up(request: ChatRequest, reply: ChatReply, error: ReplyInvalid) -> ChatRequest:
    return dataclasses.replace(
        request,
        messages=(
            *request.messages,
            Message("assistant", reply.written),
            Message(
                "user",
                f"That cannot be used: {error.what}. Reply again with the whole corrected JSON "
                "object and with nothing else.",
            ),
        ),
        label=f"{request.label}/again",
    )
