"""What a run asked for and what it used."""

from collections.abc import Iterable

from llmrec.errors import Stopped
from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest, Usage
from llmrec.llm.tokens import count_tokens


class MeteredChatModel:
    """Passes requests on and counts what comes back, of every attempt.

    Args:
        chat: answers.

    Attributes:
        replies: number of answers.
        replayed: of them, from a call log.
        usage: tokens of all answers, replayed ones included.
        live_tokens: in and out, of those that were not replayed.
        under_way: number of requests that are not answered yet.
    """

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat
        self.replies = 0
        self.replayed = 0
        self.usage = Usage()
        self.live_tokens = 0
        self.under_way = 0
        self._stopped = False

    def stop(self) -> None:
        """Let no further request pass: those under way are answered, counted and recorded."""
        self._stopped = True

    def is_recorded(self, request: ChatRequest) -> bool:
        """Say whether there is an answer that can be used without a call."""
        return self._chat.is_recorded(request)

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Answer as the chat model does; see ``ChatModel``.

        Raises:
            Stopped: ``stop`` was called before.
        """
        if self._stopped:
            raise Stopped("no call is made after a stop; the same command goes on from here")
        self.under_way += 1
        try:
            reply = await self._chat.reply(request, renew=renew)
        finally:
            self.under_way -= 1
        if renew and reply.recorded:
            return reply  # the one that was counted already: there is no other
        self.replies += 1
        self.replayed += reply.recorded
        usage = reply.usage or estimated_usage((m.content for m in request.messages), reply)
        self.usage += usage
        self.live_tokens += 0 if reply.recorded else usage.input_tokens + usage.output_tokens
        return reply


def estimated_usage(asked: Iterable[str], reply: ChatReply) -> Usage:
    """Count the tokens of an exchange whose server did not, with o200k_base.

    Args:
        asked: the texts of the messages.
        reply: what came back.
    """
    return Usage(
        input_tokens=sum(map(count_tokens, asked)),
        output_tokens=count_tokens(reply.written),
        estimated=True,
    )
