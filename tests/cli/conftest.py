"""Running commands inside this process, and the demo's files for them."""

import asyncio
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llmrec import cli
from llmrec.chat_opening import open_chat
from llmrec.errors import ReplyInvalid
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest
from llmrec.llm.prompts import load_prompt
from llmrec.llm.recorded import LoggedChatModel
from llmrec.profiling.extraction import PLACEHOLDERS, PROMPT_NAME, Extractor
from llmrec.profiling.run import ExtractionRun
from llmrec.recommender import Recommender
from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.profile import InterestProfile
from llmrec.records.reading import read_items


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lists(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Llmrec = Callable[..., Done]


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What a command says must not decide what later tests hear."""
    log = logging.getLogger("llmrec")
    handlers, level = log.handlers, log.level
    yield
    log.handlers = handlers
    log.setLevel(level)


@pytest.fixture
def llmrec(capsys: pytest.CaptureFixture[str]) -> Llmrec:
    """Run the command line with these arguments."""

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return run


def extractor_of(chat: ChatModel, demo: Path) -> Extractor:
    return Extractor(
        chat=chat,
        model="claude",
        prompt=load_prompt(PROMPT_NAME, PLACEHOLDERS),
        titles={item.item_id: item.title for item in read_items(demo / "items.jsonl")},
    )


@pytest.fixture(scope="session")
def extractor(demo: Path) -> Extractor:
    """As ``llmrec extract`` makes it for the demo."""
    return extractor_of(open_chat(demo / "extract_profile.jsonl", "replay"), demo)


@pytest.fixture(scope="session")
def demo_profiles(demo: Path, extractor: Extractor) -> list[InterestProfile]:
    async def made() -> list[InterestProfile]:
        run = ExtractionRun(extractor)
        return [profile async for profile in run.profiles(read_users(demo / "reviews.jsonl"))]

    return asyncio.run(made())


@pytest.fixture(scope="session")
def profiles(
    demo_profiles: list[InterestProfile], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The PROFILES file of the demo's twelve users."""
    path = tmp_path_factory.mktemp("profiles") / "profiles.jsonl"
    path.write_text("".join(f"{profile.to_json()}\n" for profile in demo_profiles), "utf-8")
    return path


@pytest.fixture(scope="session")
def _index(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index") / "index"
    items = read_items(demo / "items.jsonl")
    Recommender.index(items, folder, vectors=demo / "vectors.npz", mode="replay")
    return folder


@pytest.fixture
def index(_index: Path, tmp_path: Path) -> Path:
    """A copy of the demo's index."""
    return shutil.copytree(_index, tmp_path / "index")


class _Scripted:
    """A chat model that always answers the same."""

    def __init__(self, content: str) -> None:
        self._content = content

    address = "http://localhost/v1"

    def is_recorded(self, request: ChatRequest) -> bool:
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        message = {"role": "assistant", "content": self._content}
        usage = {"prompt_tokens": 100, "completion_tokens": 10}
        return ChatReply(
            {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
        )


@pytest.fixture
def record(demo: Path) -> Callable[[Path, UserReviews, str], None]:
    """Add to a call log how a model answers the request for one user's profile."""

    def add(log: Path, user: UserReviews, content: str) -> None:
        chat = LoggedChatModel(CallLog(log), _Scripted(content), fresh=True)
        with suppress(ReplyInvalid):
            asyncio.run(extractor_of(chat, demo).extract(user))

    return add
