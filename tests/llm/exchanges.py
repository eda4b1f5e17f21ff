"""Requests, replies and a live chat model, as small as the tests of this folder need them."""

from typing import Any

from llmrec.llm.chat import ChatReply, ChatRequest, Message


def asked(text: str = "What is a fugue?", **fields: Any) -> ChatRequest:
    """Return a request with one user message."""
    return ChatRequest("tiny", (Message("user", text),), **fields)


def answered(text: str, **choice: Any) -> ChatReply:
    """Return the reply of a server: 7 tokens in, 3 out."""
    message = {"role": "assistant", "content": text}
    return ChatReply(
        {
            "choices": [{"message": message, "finish_reason": "stop"} | choice],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        }
    )


class LiveChat:
    """Gives its answers one after the other, then echoes; keeps what it was asked."""

    address = "http://localhost/v1"

    def __init__(self, *answers: ChatReply | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[ChatRequest] = []

    def is_recorded(self, request: ChatRequest) -> bool:
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        self.requests.append(request)
        if not self.answers:
            return answered(f"echo: {request.messages[-1].content}")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
