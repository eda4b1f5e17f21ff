"""The chat model behind any OpenAI-compatible server."""

from llmrec.errors import ChatError, ChatRejected, FormatRefused
from llmrec.llm.chat import ChatReply, ChatRequest
from llmrec.llm.openai_client import Expected, Server
from llmrec.llm.openai_errors import names_no_model
from llmrec.llm.tokens import count_tokens

_MODELS_NAMED = 20

_FIRST_REPLY_TOKENS = 1_000
"""What a reply is taken to have before there was one: about a profile."""


class OpenAIChatModel:
    """Answers chat requests by calling a server.

    What is sent is the request's body and nothing else.

    Args:
        server: to call.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._replies = 1
        self._reply_tokens = _FIRST_REPLY_TOKENS

    @property
    def address(self) -> str:
        """The server's, without key."""
        return self._server.address

    def is_recorded(self, request: ChatRequest) -> bool:
        """Return False: answers are made, not kept."""
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Call the server.

        Raises:
            ChatUnavailable: still no answer after the last attempt.
            ChatRejected: another try would not help; a wrong model lists those there are.
            FormatRefused: the server does not take this response format.
            BudgetExceeded: the call could pass the server's budget.
        """
        body = request.body  # whole as extra_body: of arguments openai would copy every message
        try:
            answer = await self._server.call(
                lambda client: client.chat.completions.with_raw_response.create(
                    model=request.model, messages=(), extra_body=body
                ),
                Expected("choices", not_empty=True),
                tokens=self._expected_tokens(request),
                attempting=self._server.billing.of(request.model, self.address, body),
            )
        except ChatRejected as error:
            if isinstance(error, FormatRefused) or not names_no_model(error):
                raise
            raise ChatRejected(f"{error}{await self._models()}", error.status, error.body) from None
        reply = ChatReply(answer)
        if reply.usage is not None:
            self._replies += 1
            self._reply_tokens += reply.usage.output_tokens
        return reply

    def _expected_tokens(self, request: ChatRequest) -> float:
        """Return input and output tokens, where the server's limiter wants to know them."""
        if not self._server.limiter.counts_tokens:
            return 0
        asked = sum(count_tokens(message.content) for message in request.messages)
        return asked + self._reply_tokens / self._replies

    async def _models(self) -> str:
        try:
            names = await self._server.models()
        except ChatError:
            return ""
        more = f" and {len(names) - _MODELS_NAMED} more" if len(names) > _MODELS_NAMED else ""
        return f"; the server offers {', '.join(names[:_MODELS_NAMED])}{more}"
