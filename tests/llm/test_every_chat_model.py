"""What every chat model promises: recorded, logged, behind our server, and behind llama.cpp."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from serving.openai_server import OpenAIServer

from llmrec.errors import ReplyInvalid
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest, Message
from llmrec.llm.openai_chat import OpenAIChatModel
from llmrec.llm.openai_client import Server
from llmrec.llm.recorded import LoggedChatModel, ReplayChatModel
from llmrec.llm.server_settings import ServerSettings
from llmrec.llm.structured import Asker, json_schema_format

T = TypeVar("T")

COLOURS = ["red", "blue", "green"]
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["colour"],
    "properties": {"colour": {"type": "string", "enum": COLOURS}},
}
REQUESTS = [
    ChatRequest(
        "smollm2",
        (Message("system", "Name a colour, in JSON."), Message("user", f"What is {thing} like?")),
        json_schema_format("colour", SCHEMA),
        {"temperature": 0, "seed": 7, "max_tokens": 30},
        label=f"colour/{thing}",
    )
    for thing in ("grass", "blood")
]
KINDS = ["replay", "logged", "fresh", "ours", "llama"]


@pytest.fixture(scope="module")
def ours() -> Iterator[str]:
    with OpenAIServer(chat=lambda body: '{"colour": "green"}') as server:
        yield server.url


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def way(kind: str, request: pytest.FixtureRequest) -> Server:
    url = request.getfixturevalue("llama_url" if kind == "llama" else "ours")
    return Server(ServerSettings(url))


def wait(way: Server, work: Callable[[], Awaitable[T]]) -> T:
    async def whole() -> T:
        try:
            return await work()
        finally:
            await way.aclose()

    return asyncio.run(whole())


@pytest.fixture
def chat(kind: str, way: Server, tmp_path: Path) -> ChatModel:
    live = OpenAIChatModel(way)
    if kind in ("ours", "llama"):
        return live
    log = CallLog(tmp_path / "calls.jsonl")
    logged = LoggedChatModel(log, live, fresh=kind == "fresh")
    if kind == "replay":
        for request in REQUESTS:
            wait(way, lambda request=request: logged.reply(request))  # type: ignore[misc]
        return ReplayChatModel(CallLog(log.path, must_exist=True))
    return logged


def colour(text: str) -> str:
    value: Any = json.loads(text)
    if value.get("colour") not in COLOURS:
        raise ReplyInvalid("colour: not one of those", text)
    return str(value["colour"])


def test_it_answers_each_of_many_requests(chat: ChatModel, way: Server) -> None:
    async def ask_all() -> list[ChatReply]:
        return await asyncio.gather(*(chat.reply(request) for request in REQUESTS))

    assert all(colour(reply.text()) for reply in wait(way, ask_all))


def test_it_gives_the_same_answer_whatever_the_label(chat: ChatModel, way: Server) -> None:
    first = wait(way, lambda: chat.reply(REQUESTS[0]))
    again = wait(way, lambda: chat.reply(replace(REQUESTS[0], label="another")))
    assert first.text() == again.text()


def test_it_counts_tokens(chat: ChatModel, way: Server) -> None:
    usage = wait(way, lambda: chat.reply(REQUESTS[0])).usage
    assert usage is not None
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0


def test_it_answers_when_another_answer_is_wanted(chat: ChatModel, way: Server) -> None:
    assert wait(way, lambda: chat.reply(REQUESTS[0], renew=True)).text()


def test_it_says_what_it_need_not_be_asked(chat: ChatModel, way: Server, kind: str) -> None:
    assert chat.is_recorded(REQUESTS[0]) == (kind == "replay")
    reply = wait(way, lambda: chat.reply(REQUESTS[0]))
    assert reply.recorded == (kind == "replay")
    assert chat.is_recorded(REQUESTS[0]) == (kind in ("replay", "logged"))


def test_it_can_be_asked_for_a_value(chat: ChatModel, way: Server) -> None:
    answer = wait(way, lambda: Asker(chat).ask(REQUESTS[0], colour))
    assert answer.value in COLOURS
    assert answer.custom_id == REQUESTS[0].custom_id
