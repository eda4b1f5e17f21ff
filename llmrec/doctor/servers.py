"""Looking at the server of a chat model: settings, server, model, structured output, price."""

import asyncio
import difflib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Literal

import pydantic
from pydantic import ConfigDict, TypeAdapter, ValidationError

from llmrec.doctor.check import Check
from llmrec.errors import ChatError, ChatRejected, ReplyInvalid, SettingsError
from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.metering import MeteredChatModel
from llmrec.llm.openai_chat import OpenAIChatModel
from llmrec.llm.openai_client import Server
from llmrec.llm.pricing import known_price
from llmrec.llm.structured import Asker, json_schema_format
from llmrec.opening import ServerChoice, open_server
from llmrec.records.messages import first_problem

_CHECKS = ("server", "model", "structured output")
_ATTEMPTS = 2
_WAIT_S = 20.0
_REACH_S = 10.0
"""A list of models needs no model, and so little time."""
_NAMED = 5

_MESSAGES = (
    Message("system", "Reply in JSON and be brief."),
    Message("user", "Which colour has a ripe tomato, and is it a fruit?"),
)
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["colour", "fruit"],
    "properties": {
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "fruit": {"type": "boolean"},
    },
}
"""Two fields of few values: a reply that keeps to it ends after a few tokens."""


@pydantic.dataclasses.dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class _Reply:
    colour: Literal["red", "blue"]
    fruit: bool


_REPLY = TypeAdapter(_Reply)


def settings_check(choice: ServerChoice) -> tuple[Check, Server | None]:
    """Look at what settings and environment say; return the server that they name, if any."""
    name = "server settings"
    try:
        server = open_server(choice)
    except SettingsError as error:
        return Check(name, "failed", str(error)), None
    if server is None:
        advice = (
            "to call a model set OPENAI_API_KEY, or --base-url (LLMREC_BASE_URL) for a server of "
            "your own; replaying needs neither"
        )
        return Check(name, "skipped", "no key and no base URL", advice), None
    settings = server.settings
    key = "no key" if settings.api_key is None else f"key from {settings.key_source}"
    return Check(name, "ok", f"{server.address}, {key}"), hurried(server)


def hurried(server: Server) -> Server:
    """Return the same server, tried less often: what does not work now is what is looked for."""
    settings = replace(server.settings, max_attempts=_ATTEMPTS, max_wait_s=_WAIT_S)
    return Server(settings, server.limiter)


async def chat_checks(server: Server | None, model: str | None) -> list[Check]:
    """Look at a server, its model and the replies that it gives; of a None at nothing."""
    if server is None:
        return [Check(name, "skipped", "no server to call") for name in _CHECKS]
    try:
        checks = [check async for check in _of_chat(server, model)]
    finally:
        await server.aclose()
    because = f"rests on the {checks[-1].name}"
    return checks + [Check(name, "skipped", because) for name in _CHECKS[len(checks) :]]


async def reach(server: Server) -> tuple[Check, list[str]]:
    """See whether a server answers; return the models that it lists, if it does."""
    name = "server"
    try:
        models = await asyncio.wait_for(server.models(), _REACH_S)
    except TimeoutError:
        found = f"{server.address}: no answer within {_REACH_S:g} s"
        return Check(name, "failed", found, "is it running?"), []
    except ChatRejected as error:
        if error.status in (404, 405):
            advice = "if nothing else works: is the path of the base URL right (…/v1)?"
            return Check(name, "warning", f"it lists no models: {error}", advice), []
        return Check(name, "failed", str(error)), []
    except ChatError as error:
        return Check(name, "failed", str(error), "is it running, and its base URL right?"), []
    return Check(name, "ok", f"reached; models listed: {len(models)}"), models


def price_check(model: str | None, server: Server | None) -> Check:
    """Look up what a model costs."""
    name = "prices"
    if model is None:
        return Check(name, "skipped", "no model named")
    price = known_price(model, None if server is None else server.address)
    if price is None:
        advice = "tokens are counted all the same"
        return Check(name, "warning", f"no price is known of {model!r}", advice)
    found = f"{price.input_usd:g} USD a million tokens in, {price.output_usd:g} out"
    return Check(name, "ok", f"{found} ({price.provider})")


async def _of_chat(server: Server, model: str | None) -> AsyncIterator[Check]:
    reached, models = await reach(server)
    yield reached
    if reached.status == "failed":
        return
    named = _model_check(model, models)
    yield named
    if model is not None:
        yield await _structured_check(server, model)


def _model_check(model: str | None, models: Sequence[str]) -> Check:
    name = "model"
    if model is None:
        return Check(name, "skipped", "none named", f"--model NAME{_offered(models)}")
    if model in models:
        return Check(name, "ok", model)
    if not models:
        return Check(name, "skipped", f"{model}: the server does not say what it has")
    nearest = difflib.get_close_matches(model, models, _NAMED, 0.0)
    found = f"{model!r} is not listed{_offered(nearest + [m for m in models if m not in nearest])}"
    return Check(name, "warning", found, "some servers take any name: see the next check")


def _offered(models: Sequence[str]) -> str:
    if not models:
        return ""
    more = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
    return f"; the server offers {', '.join(models[:_NAMED])}{more}"


async def _structured_check(server: Server, model: str) -> Check:
    """Ask one small question, and see in which way a JSON object of a given shape can be had."""
    name = "structured output"
    meter = MeteredChatModel(OpenAIChatModel(server))
    asker = Asker(meter)
    request = ChatRequest(model, _MESSAGES, json_schema_format("tomato", _SCHEMA), label="doctor")
    try:
        await asker.ask(request, _parse)
    except (ChatError, ReplyInvalid) as error:
        advice = "try another model" if meter.replies else ""
        return Check(name, "failed", f"{error}{_spent(meter)}", advice)
    found = f"{asker.response_format}{_spent(meter)}"
    if asker.response_format != "json_schema":
        advice = "the schema goes into the prompt, and more replies will have to be asked again"
        return Check(name, "warning", found, advice)
    if meter.replies > 1:
        return Check(name, "warning", f"{found}, not at once", "try a larger model")
    return Check(name, "ok", found)


def _parse(text: str) -> _Reply:
    try:
        return _REPLY.validate_json(text)
    except ValidationError as error:
        raise ReplyInvalid(f"not what was asked for: {first_problem(error)}", text) from None


def _spent(meter: MeteredChatModel) -> str:
    usage = meter.usage
    if not meter.replies:
        return ""
    about = "about " if usage.estimated else ""
    return f" ({about}{usage.input_tokens} tokens in, {usage.output_tokens} out)"
