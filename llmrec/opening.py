"""From settings to the server that is called, and whether anything is called at all."""

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from llmrec.errors import SettingsError

if TYPE_CHECKING:
    from llmrec.llm.billing import Billing
    from llmrec.llm.openai_client import Server

Mode = Literal["default", "replay", "fresh"]

_KEY_VARIABLES = ("LLMREC_API_KEY", "OPENAI_API_KEY")


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """Which server to call.

    Attributes:
        base_url: None for the one in LLMREC_BASE_URL or OPENAI_BASE_URL, else OpenAI's.
        key_variable: the environment variable that holds the key; None for the first that is set
            of LLMREC_API_KEY and OPENAI_API_KEY.
        timeout_s: how long one attempt may take.
        requests_per_min: that the server allows; None for no limit.
        tokens_per_min: likewise, input and output together.
    """

    base_url: str | None = None
    key_variable: str | None = None
    timeout_s: float = 120.0
    requests_per_min: float | None = None
    tokens_per_min: float | None = None

    def for_embeddings(self, base_url: str | None, key_variable: str | None) -> "ServerChoice":
        """Return where embeddings are called: here, as far as no other server is named."""
        return replace(
            self,
            base_url=base_url or self.base_url,
            key_variable=key_variable or self.key_variable,
        )


def open_server(
    choice: "ServerChoice | Server", billing: "Billing | None" = None
) -> "Server | None":
    """Return the server that settings and environment name, or None where they name none.

    A server with a base URL needs no key (local servers have none); without either there is
    nothing to call. One that is open already is returned as it is.

    Raises:
        SettingsError: the variable that should hold the key is not set, or the URL is not one, or
            stands alone.
    """
    if isinstance(choice, str):
        raise SettingsError(
            f"a server is a ServerChoice(base_url={choice!r}), or one from open_server, and no text"
        )
    if not isinstance(choice, ServerChoice):
        return choice
    base_url = (
        choice.base_url or os.environ.get("LLMREC_BASE_URL") or os.environ.get("OPENAI_BASE_URL")
    )
    if choice.key_variable is not None and not os.environ.get(choice.key_variable):
        raise SettingsError(f"the variable {choice.key_variable} should hold a key and is not set")
    variables = _KEY_VARIABLES if choice.key_variable is None else (choice.key_variable,)
    source = next((name for name in variables if os.environ.get(name)), None)
    if base_url is None and source is None:
        return None
    from llmrec.llm.limits import RateLimiter
    from llmrec.llm.openai_client import Server
    from llmrec.llm.server_settings import OPENAI_URL, ServerSettings

    return Server(
        ServerSettings(
            base_url=base_url or OPENAI_URL,
            api_key=os.environ[source].strip() if source else None,
            key_source=source or "none",
            timeout_s=choice.timeout_s,
        ),
        RateLimiter(choice.requests_per_min, choice.tokens_per_min),
        billing,
    )
