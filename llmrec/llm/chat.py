"""What goes to a chat model and what comes back, and the protocol every chat model keeps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal, Protocol, Self

from llmrec.digests import digest
from llmrec.errors import ChatIncomplete, SettingsError

CHAT_URL: Final = "/v1/chat/completions"


_NO_SAMPLING = ("model", "messages", "response_format", "stream")


def checked_sampling(fields: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the further fields of each request, which must leave the request what it is.

    Raises:
        SettingsError: one of them decides more than how the reply is sampled, or is no number.
    """
    wrong = [name for name in _NO_SAMPLING if name in (fields or {})]
    if wrong:
        raise SettingsError(
            f"sampling: fields such as temperature are expected, came {', '.join(wrong)}"
        )
    unknown = [
        name
        for name, value in (fields or {}).items()
        if isinstance(value, float) and not math.isfinite(value)
    ]
    if unknown:
        raise SettingsError(f"sampling: finite numbers are expected, not so {', '.join(unknown)}")
    return fields or {}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class ChatRequest:
    """Everything that decides a chat model's answer, and nothing else.

    Attributes:
        model: the model's name.
        messages: in order.
        response_format: as the chat completions API takes it, or None.
        sampling: further fields of the body (``temperature``, ``seed``…), sent only if set.
        label: for people who read the call log; it decides nothing.
        followed_by: number of calls that its reply leads to in any case; it decides nothing.
    """

    model: str
    messages: tuple[Message, ...]
    response_format: Mapping[str, Any] | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    followed_by: int = 0

    @property
    def body(self) -> dict[str, Any]:
        """The request's JSON body."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": m.role, "content": m.content} for m in self.messages],
            **self.sampling,
        }
        if self.response_format is not None:
            body["response_format"] = dict(self.response_format)
        return body

    @property
    def url(self) -> str:
        """The path that it is sent to."""
        return CHAT_URL

    @property
    def stage(self) -> str:
        """The label's part before the first ``/``."""
        return self.label.partition("/")[0]

    @classmethod
    def of_body(cls, body: Mapping[str, Any], label: str = "") -> Self:
        """Return the request of a JSON body that ``body`` once gave."""
        own = ("model", "messages", "response_format")
        return cls(
            model=body["model"],
            messages=tuple(Message(m["role"], m["content"]) for m in body["messages"]),
            response_format=body.get("response_format"),
            sampling={name: value for name, value in body.items() if name not in own},
            label=label,
        )

    @cached_property
    def custom_id(self) -> str:
        """24 hex digits that are the same for the same request on every machine."""
        return digest([self.url, self.body])


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call or of many.

    Attributes:
        input_tokens: of the messages.
        output_tokens: of the reply.
        estimated: whether some were counted here, because the server did not.
        cached_tokens: of those in, the ones that the server had cached and charges less for.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    cached_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.estimated or other.estimated,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A chat completion.

    Attributes:
        body: the response's JSON body, as it came.
        recorded: whether it comes from a call log.
    """

    body: Mapping[str, Any]
    recorded: bool = False

    @property
    def usage(self) -> Usage | None:
        """The tokens that the server counted, or None where it did not."""
        usage = self.body.get("usage")
        if not isinstance(usage, Mapping):
            return None
        asked, replied = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if not isinstance(asked, int) or not isinstance(replied, int):
            return None
        details = usage.get("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
        return Usage(asked, replied, cached_tokens=cached if isinstance(cached, int) else 0)

    @property
    def written(self) -> str:
        """Whatever the model wrote, whole or not; empty where it wrote nothing."""
        content = self._message.get("content")
        return content if isinstance(content, str) else ""

    def text(self) -> str:
        """Return the whole text of the reply.

        Raises:
            ChatIncomplete: it was cut off, filtered or refused, or there is none.
        """
        refusal, finish = self._message.get("refusal"), self._choice.get("finish_reason")
        if refusal:
            raise ChatIncomplete(f"the model refused: {str(refusal)[:200]!r}")
        if finish == "length":
            raise ChatIncomplete("the reply was cut off at the output limit: raise the limit")
        if finish == "content_filter":
            raise ChatIncomplete("the server's content filter withheld the reply")
        if not self.written:
            raise ChatIncomplete(f"the reply has no text (finish_reason {finish!r})")
        return self.written

    @property
    def _choice(self) -> Mapping[str, Any]:
        choices = self.body.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        return first if isinstance(first, Mapping) else {}

    @property
    def _message(self) -> Mapping[str, Any]:
        message = self._choice.get("message")
        return message if isinstance(message, Mapping) else {}


class ChatModel(Protocol):
    """Anything that answers chat requests."""

    def is_recorded(self, request: ChatRequest) -> bool:
        """Say whether there is an answer, or a refusal, that can be used without a call."""
        ...

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Answer a request.

        Args:
            request: what is asked.
            renew: the recorded answer cannot be used: make a new call where that is allowed.

        Raises:
            ChatError: no answer came.
            RecordingMissing: only recorded answers are allowed, and there is none.
            SettingsError: a live answer is needed, and nothing says from where.
        """
        ...
