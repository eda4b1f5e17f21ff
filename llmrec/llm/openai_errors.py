"""What a server says that it cannot do, as errors that say what to do."""

import email.utils
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from llmrec.errors import ChatError, ChatRejected, ChatUnavailable, FormatRefused

if TYPE_CHECKING:
    import openai

_WORTH_ANOTHER_TRY = (408, 409, 425, 429)
_EXHAUSTED = re.compile("insufficient_quota|billing|credit", re.IGNORECASE)
_FORMAT = re.compile(
    "response_format|json_schema|json_object|structured output|guided|grammar", re.IGNORECASE
)
_NO_MODEL = re.compile("model", re.IGNORECASE)
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

    if isinstance(error, openai.APITimeoutError):
        return ChatUnavailable(f"{address}: no answer within {settings.timeout_s:g} s")
    if not isinstance(error, openai.APIStatusError):
        cause = type(error.__cause__).__name__ if error.__cause__ else str(error)
        return ChatUnavailable(f"{address}: the connection failed ({cause})")
    status = error.status_code
    body = _without_key(error.body, settings)
    said = _text(body)
    where = f"{address}: {status}"
    if 300 <= status < 400:
        elsewhere = error.response.headers.get("location", "elsewhere")
        return ChatRejected(
            f"{where}: redirected to {elsewhere}, not followed: the key stays here; set the base "
            "URL to that address if it is right",
            status,
        )
    if status in (401, 403):
        return ChatRejected(f"{where}: {_about_key(settings)}: {said}", status, body)
    if status == 429 and _EXHAUSTED.search(said):
        return ChatRejected(f"{where}: the quota is used up, waiting does not help: {said}", status)
    if status in _WORTH_ANOTHER_TRY or status >= 500:
        return ChatUnavailable(f"{where}: {said}", retry_after_s(error.response.headers))
    if status in (400, 404, 422) and _FORMAT.search(said):
        return FormatRefused(f"{where}: {said}", status, body)
    return ChatRejected(f"{where}: {said}", status, body)


def names_no_model(error: ChatRejected) -> bool:
    """Say whether a server may have refused because it has no such model."""
    return error.status in (400, 404) and bool(_NO_MODEL.search(str(error)))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a server asks to wait: retry-after-ms, else Retry-After, or None."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    asked = headers.get("retry-after")
    if asked is None:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(asked)
    except ValueError:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _about_key(settings: KeySettings) -> str:
    if settings.api_key is None:
        return "the server asks for a key: set OPENAI_API_KEY or LLMREC_API_KEY"
    return f"the server refuses the key from {settings.key_source}: check it"


def _without_key(body: object, settings: KeySettings) -> Any:
    text = json.dumps(body, ensure_ascii=False, default=str)
    if settings.api_key:
        text = text.replace(settings.api_key, "…")
    return json.loads(text)


def _text(body: object) -> str:
    if isinstance(body, Mapping):
        said = body.get("message") or body.get("error") or body
        code = body.get("code")
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        return f"{text[:_SAID]} ({code})" if code else text[:_SAID]
    return str(body)[:_SAID] if body else "nothing was said"
