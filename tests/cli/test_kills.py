"""kill -9 at any moment of a run over many users, and then the same command again."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from live_runs import PROFILE, arguments
from serving.openai_server import completion

from llmrec.llm.call_lines import logged_lines

ROOT = Path(__file__).resolve().parent.parent.parent
N_USERS = 500
N_KILLS = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="no such signals"),
]


@contextmanager
def failing_server(folder: Path) -> Iterator[str]:
    """Serve chat completions; a quarter of the first attempts fail."""
    replies = folder / "replies.jsonl"
    exchange = {
        "custom_id": "0" * 24,
        "url": "",
        "body": {},
        "response": {"body": completion(PROFILE)},
    }
    replies.write_text(json.dumps(exchange) + "\n", "utf-8")
    command = [sys.executable, str(ROOT / "benchmarks" / "chat_server.py"), str(replies)]
    with subprocess.Popen(
        [*command, "--latency-ms", "20", "--faults", "0.25"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


def ask(url: str, what: str) -> Any:
    with urllib.request.urlopen(f"{url}/{what}") as answer:
        return json.load(answer)


def started(url: str) -> "subprocess.Popen[bytes]":
    """Start the extraction, many users at once."""
    command = arguments(url, "--timeout", "1", "--quiet")
    command[command.index("--concurrency") + 1] = "20"
    return subprocess.Popen([sys.executable, "-m", "llmrec", *command], stdout=subprocess.PIPE)


def write_users() -> None:
    rows = [
        {"user_id": f"u{n}", "review_id": f"r{n}", "text": f"A fugue a day, says u{n}."}
        for n in range(N_USERS)
    ]
    Path("reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder, before = tmp_path_factory.mktemp("undisturbed"), Path.cwd()
    os.chdir(folder)
    try:
        write_users()
        with failing_server(folder) as url, started(url) as process:
            process.communicate(timeout=300)
        assert process.returncode == 0
        return Path("p.jsonl").read_bytes()
    finally:
        os.chdir(before)


@pytest.mark.parametrize("seed", range(N_KILLS))
def test_nothing_is_lost_and_nothing_is_paid_twice(
    undisturbed: bytes, tmp_path: Path, seed: int
) -> None:
    write_users()
    assert undisturbed.count(b"\n") == N_USERS
    moment = random.Random(seed).randrange(1, N_USERS)
    with failing_server(tmp_path) as url:
        with started(url) as process:
            while ask(url, "counts").get("requests", 0) < moment:
                assert process.poll() is None
                time.sleep(0.003)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert not Path("p.jsonl").exists()
        whole = {line.custom_id for line in logged_lines("calls.jsonl")}
        before = len(ask(url, "seen"))
        with started(url) as process:
            done = json.loads(process.communicate(timeout=300)[0])
        assert process.returncode == 0
        made_again = whole & set(ask(url, "seen")[before:])
    assert Path("p.jsonl").read_bytes() == undisturbed
    assert done["failed"] == {}
    assert made_again == set()
