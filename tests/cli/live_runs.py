"""``llmrec extract`` on a few short reviews, against a server."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llmrec import cli
from llmrec.llm.billing import Billing
from llmrec.llm.limits import RateLimiter
from llmrec.llm.openai_client import Server
from llmrec.llm.server_settings import ServerSettings

MODEL = "tiny"

PROFILE = json.dumps(
    {
        "language": "en",
        "summary": "Likes counterpoint.",
        "interests": [
            {
                "name": "fugues",
                "polarity": "like",
                "weight": 0.5,
                "description": "Voices that chase each other.",
                "evidence": [{"review": "R1", "quote": "fugue"}],
            }
        ],
    }
)


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def write_reviews(*users: str) -> Path:
    """Write a file of one review by each user."""
    rows = [
        {"user_id": user, "review_id": f"{user}-1", "text": f"A fugue a day, says {user}."}
        | {"timestamp": "2024-03-01"}
        for user in users
    ]
    path = Path("reviews.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def arguments(url: str | None, *more: str) -> list[str]:
    """Return the arguments of an extraction into ``p.jsonl`` with the log ``calls.jsonl``.

    Users are asked about one after the other, so that a script is for one after the other.
    """
    server = ["--concurrency", "1", *([] if url is None else ["--base-url", url])]
    files = ["reviews.jsonl", "-o", "p.jsonl", "--calls", "calls.jsonl"]
    return ["extract", *files, "--model", MODEL, "--format", "json", *server, *more]


def run(capsys: pytest.CaptureFixture[str], command: Sequence[str]) -> Done:
    capsys.readouterr()
    code = cli.run(command)
    return Done(code, *capsys.readouterr())


def logged() -> list[Any]:
    """Return the lines of the call log."""
    path = Path("calls.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def impatient(settings: ServerSettings, _: RateLimiter, billing: Billing | None) -> Server:
    """Return a server for which no wait takes any time; without limits."""
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    return Server(settings, RateLimiter(clock=lambda: now[0], sleep=sleep), billing)
