"""How many tokens a request has, before it is sent."""

from dataclasses import dataclass

from llmrec.digests import canonical_json
from llmrec.llm.chat import ChatRequest
from llmrec.llm.tokens import count_tokens, encoding_of, say_if_unknown

PER_MESSAGE = 3
PER_REPLY = 3
"""Tokens of the frame around messages and before the reply, as OpenAI describes its chat format."""


@dataclass(frozen=True, slots=True)
class RequestTokens:
    """Tokens of one request or of many.

    Attributes:
        messages: of the messages' texts, exactly, in the model's encoding.
        framing: 3 a message and 3 before the reply.
        schema: of the response format's canonical JSON; servers put it into the prompt in ways of
            their own, and many do not count it.
    """

    messages: int = 0
    framing: int = 0
    schema: int = 0

    @property
    def framed(self) -> int:
        """Messages and framing: what servers report where they do not count the schema."""
        return self.messages + self.framing

    def __add__(self, other: "RequestTokens") -> "RequestTokens":
        return RequestTokens(
            self.messages + other.messages,
            self.framing + other.framing,
            self.schema + other.schema,
        )


def tokens_of(request: ChatRequest) -> RequestTokens:
    """Count the tokens of a request."""
    say_if_unknown(request.model)
    encoding = encoding_of(request.model)
    schema = request.response_format
    return RequestTokens(
        messages=sum(count_tokens(message.content, encoding) for message in request.messages),
        framing=PER_MESSAGE * len(request.messages) + PER_REPLY,
        schema=0 if schema is None else count_tokens(canonical_json(schema), encoding),
    )
