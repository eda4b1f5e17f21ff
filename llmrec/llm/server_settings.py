"""Where an OpenAI-compatible server is, and how patient to be with it."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from llmrec.errors import SettingsError

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where a server is, and how patient to be with it.

    Attributes:
        base_url: with its path (``…/v1``); a query such as ``?api-version=…`` (Azure) is kept.
        api_key: None for a server without keys.
        key_source: where the key was found, for messages.
        timeout_s: how long one attempt may take, from the first byte out to the last one in.
        max_attempts: of one call, the first included.
        max_wait_s: how long all waits between the attempts of a call may be together.
        first_wait_s: scale of the random, growing waits between attempts.
    """

    base_url: str = OPENAI_URL
    api_key: str | None = field(default=None, repr=False)
    key_source: str = "none"
    timeout_s: float = 120.0
    max_attempts: int = 6
    max_wait_s: float = 300.0
    first_wait_s: float = 0.5


def checked_url(base_url: str) -> SplitResult:
    """Return the parts of a base URL.

    Raises:
        SettingsError: it is not one, or has a password in it.
    """
    parts = urlsplit(base_url)
    if parts.username or parts.password:
        raise SettingsError("base URL: leave user and password out, set the key instead")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        came = base_url.partition("?")[0][:80]
        raise SettingsError(f"base URL: expected http(s)://host/path, came {came!r}")
    return parts
