"""What a server says that it cannot do, as errors that say what to do."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from llmrec.errors import ChatError, ChatRejected, ChatUnavailable, FormatRefused
from llmrec.llm.limit_headers import reset_s, retry_after_s

if TYPE_CHECKING:
    import openai

FORMAT_STATUSES = (400, 404, 422)
"""With which servers refuse a response format."""

_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")
"""Errors of the connection that come before the request has left."""

_GAVE_UP_WAITING = (408, 499, 502, 504, *range(520, 525))
"""With which gateways say that no answer came from behind them: there it may have been made."""

_WORTH_ANOTHER_TRY = (408, 409, 425, 429)
_EXHAUSTED = "insufficient_quota"
_FORMAT = re.compile(
    "response_format|json_schema|json_object|structured output|guided|grammar", re.IGNORECASE
)
_NO_MODEL = re.compile(
    r"model_not_found|deployment|(no such|unknown|invalid) model"
    r"|model\b.*\b(not found|not exist|unknown|invalid|not valid|access)",
    re.IGNORECASE | re.DOTALL,
)
_SAID = 300


class KeySettings(Protocol):
    """The settings that an error message needs."""

    @property
    def api_key(self) -> str | None:
        """The secret, never repeated."""
        ...

    @property
    def key_source(self) -> str:
        """Where it was found."""
        ...

    @property
    def timeout_s(self) -> float:
        """How long an attempt may take."""
        ...


def mapped(error: "openai.APIError", address: str, settings: KeySettings) -> ChatError:
    """Return our error for one of the openai package's; no text of it holds the key."""
    import openai

    if not isinstance(error, openai.APIStatusError):
        cause = type(error.__cause__ or error).__name__
        return ChatUnavailable(f"{address}: the connection failed ({cause})")
    status, headers = error.status_code, error.response.headers
    body = without_key(_read(error.response.content), settings.api_key)
    said, where = _said(body), f"{address}: {status}"
    if 300 <= status < 400:
        elsewhere = without_key(headers.get("location", "elsewhere"), settings.api_key)
        return ChatRejected(
            f"{where}: redirected to {elsewhere[:_SAID]}, not followed: the key stays here; set "
            "the base URL to that address if it is right",
            status,
        )
    if status in (401, 403):
        return ChatRejected(f"{where}: {_about_key(status, settings)}: {said}", status, body)
    if status == 429 and _EXHAUSTED in json.dumps(body):
        what = f"{where}: the quota is used up, waiting does not help: {said}"
        return ChatRejected(what, status, body)
    if status in _WORTH_ANOTHER_TRY or status >= 500:
        asked_s = retry_after_s(headers)
        return ChatUnavailable(f"{where}: {said}", reset_s(headers) if asked_s is None else asked_s)
    if status in FORMAT_STATUSES and _FORMAT.search(said):
        return FormatRefused(f"{where}: {said}", status, body)
    if status == 404 and not _NO_MODEL.search(said):
        said += "; is the base URL whole? Most end in /v1"
    return ChatRejected(f"{where}: {said}", status, body)


def may_be_charged(error: "openai.APIError") -> bool:
    """Say whether an answer may have been made, and charged, that did not come back."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code in _GAVE_UP_WAITING
    return type(error.__cause__ or error).__name__ not in _NEVER_SENT


def timed_out(address: str, settings: KeySettings) -> ChatUnavailable:
    """Return the error for an attempt that took too long."""
    return ChatUnavailable(
        f"{address}: no whole answer within {settings.timeout_s:g} s (--timeout gives it longer)"
    )


def names_no_model(error: ChatRejected) -> bool:
    """Say whether a server seems to have refused because it has no such model."""
    return error.status in (400, 404) and bool(_NO_MODEL.search(_said(error.body)))


def without_key(value: Any, key: str | None) -> Any:
    """Return a text, or a JSON value with the texts in it, without the key."""
    if not key:
        return value
    if isinstance(value, str):
        return value.replace(key, "…")
    if isinstance(value, list):
        return [without_key(entry, key) for entry in value]
    if isinstance(value, dict):
        return {without_key(name, key): without_key(entry, key) for name, entry in value.items()}
    return value


def _about_key(status: int, settings: KeySettings) -> str:
    if settings.api_key is None:
        return "the server asks for a key: set OPENAI_API_KEY or LLMREC_API_KEY"
    if status == 403:
        return f"the key from {settings.key_source} does not allow this"
    return f"the server refuses the key from {settings.key_source}: check it"


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")


def _said(body: object) -> str:
    """Return the message in an error body, and its code."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return str(error)[:_SAID] if error else "nothing was said"
    message, code = error.get("message"), error.get("code")
    text = message if isinstance(message, str) else json.dumps(error, ensure_ascii=False)
    return f"{text[:_SAID]} ({code})" if code else text[:_SAID]
