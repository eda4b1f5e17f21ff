"""Calling a server from a test: no waiting between attempts, connections closed at the end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from serving.openai_server import OpenAIServer

from llmrec.llm.chat import ChatReply, ChatRequest, Message
from llmrec.llm.limits import RateLimiter
from llmrec.llm.openai_chat import OpenAIChatModel
from llmrec.llm.openai_client import Server
from llmrec.llm.server_settings import ServerSettings

T = TypeVar("T")

KEY = "sk-test-0123456789abcdef"


def question(text: str = "What is a fugue?", **fields: Any) -> ChatRequest:
    return ChatRequest("tiny", (Message("user", text),), **fields)


class Waits:
    """A clock on which sleeping takes no time; keeps how long each wait should have been."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.now += seconds

    def limiter(self, **limits: float) -> RateLimiter:
        return RateLimiter(**limits, clock=self.clock, sleep=self.sleep)


def opened(server: OpenAIServer, waits: Waits | None = None, **settings: Any) -> Server:
    """Return the way to a server, with a key unless the settings say otherwise."""
    given: dict[str, Any] = {
        "base_url": server.url,
        "api_key": KEY,
        "key_source": "OPENAI_API_KEY",
        "timeout_s": 10.0,
    }
    return Server(ServerSettings(**(given | settings)), (waits or Waits()).limiter())


def during(server: Server, work: Callable[[], Awaitable[T]]) -> T:
    """Do the work in an event loop of its own and close the connections."""

    async def whole() -> T:
        try:
            return await work()
        finally:
            await server.aclose()

    return asyncio.run(whole())


def reply(server: Server, request: ChatRequest | None = None) -> ChatReply:
    chat = OpenAIChatModel(server)
    return during(server, lambda: chat.reply(request or question()))
