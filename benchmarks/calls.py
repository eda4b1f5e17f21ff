"""The call layer against the bare client, at a limit's edge, and through faults and a kill.

    python benchmarks/calls.py [--quick]

A local server process answers after 200 ms (benchmarks/chat_server.py). Printed are

- ``of_bare_client``: our calls/s (log, fsync and validation included, no token limit) as a share
  of those of AsyncOpenAI behind a semaphore, on the same bodies of the demo; interleaved, the
  median of five pairs, the worse of 50 and 200 calls at once;
- ``of_rate_limit``, ``share_429``: our calls/s as a share of a limit that the server enforces, and
  how many it refused. The server allows no more than the limit's share in any one second;
- ``lost``, ``paid_twice``: users of whom nothing is known, and calls that were whole in the log
  when the program was killed and were made again, of 2,000 users with a server that fails a
  quarter of them once (429, 500, cut connections, no answer, no JSON), and ``kill -9`` halfway;
- ``cpu_ms_per_call``: of our process, at 200 at once.

Without --quick the runs are longer, and a throttling loop in the manner of openai-cookbook's
parallel processor goes against the same limit. The last line is one JSON object.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from throttling_loop import throttled

from llmrec.llm.call_lines import logged_lines
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Message
from llmrec.llm.in_order import in_order
from llmrec.llm.limits import RateLimiter
from llmrec.llm.metering import MeteredChatModel
from llmrec.llm.openai_chat import OpenAIChatModel
from llmrec.llm.openai_client import Server
from llmrec.llm.recorded import LoggedChatModel
from llmrec.llm.server_settings import ServerSettings
from llmrec.llm.structured import Asker
from llmrec.profiling.extraction import parse_reply

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / "fixtures" / "demo" / "extract_profile.jsonl"
PAIRS = 5


@contextmanager
def serving(replies: Path, *options: object) -> Iterator[str]:
    """Run the server; yields its base URL."""
    command = [sys.executable, str(HERE / "chat_server.py"), str(replies), *map(str, options)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


def asked(url: str, what: str) -> Any:
    """Return what the server knows."""
    with urllib.request.urlopen(f"{url}/{what}") as answer:
        return json.load(answer)


def demo_requests(n: int, first_seed: int = 0) -> list[ChatRequest]:
    """Return n requests of the demo's bodies; a seed makes each another one."""
    bodies = [line.exchange["body"] for line in logged_lines(DEMO)]
    return [
        ChatRequest(
            model=body["model"],
            messages=tuple(Message(m["role"], m["content"]) for m in body["messages"]),
            response_format=body["response_format"],
            sampling={"seed": first_seed + number},
        )
        for number, body in ((number, bodies[number % len(bodies)]) for number in range(n))
    ]


async def ours(
    url: str, requests: Sequence[ChatRequest], concurrency: int, limiter: RateLimiter, log: Path
) -> list[float]:
    """Make calls through the whole layer, and return when each was answered, in seconds."""
    answered: list[float] = []
    server = Server(ServerSettings(url), limiter)
    asker = Asker(MeteredChatModel(LoggedChatModel(CallLog(log), OpenAIChatModel(server))))

    async def one(request: ChatRequest) -> object:
        answer = await asker.ask(request, parse_reply)
        answered.append(time.perf_counter())
        return answer

    async for _ in in_order(one, requests, concurrency):
        pass
    await server.aclose()
    return answered


async def bare(url: str, requests: Sequence[ChatRequest], concurrency: int) -> None:
    """Make the same calls with the client alone."""
    room = asyncio.Semaphore(concurrency)
    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def one(body: dict[str, Any]) -> object:
            async with room:
                reply = await client.chat.completions.create(**body)
            return reply.choices[0].message.content

        await asyncio.gather(*(one(request.body) for request in requests))


def against_bare(folder: Path, per_slot: int) -> dict[str, float]:
    """Return the worse ratio, and our CPU time a call at 200 at once."""
    ratios: dict[int, float] = {}
    cpu_ms: list[float] = []
    with serving(DEMO) as url:
        asyncio.run(ours(url, demo_requests(1, -1), 1, RateLimiter(), folder / "warm.jsonl"))
        asyncio.run(bare(url, demo_requests(1), 1))
        for concurrency in (50, 200):
            n = concurrency * per_slot
            pairs = []
            for number in range(PAIRS):
                log = folder / f"{concurrency}-{number}.jsonl"
                requests = demo_requests(n, number * n)
                cpu, began = time.process_time(), time.perf_counter()
                asyncio.run(ours(url, requests, concurrency, RateLimiter(), log))
                our_s = time.perf_counter() - began
                cpu_ms.append((time.process_time() - cpu) / n * 1000)
                assert sum(1 for _ in logged_lines(log)) == n
                began = time.perf_counter()
                asyncio.run(bare(url, demo_requests(n), concurrency))
                pairs.append((n / our_s, n / (time.perf_counter() - began)))
            ratios[concurrency] = statistics.median(mine / theirs for mine, theirs in pairs)
            mine, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
            print(
                f"{concurrency} at once: {mine:.0f} calls/s, bare client {theirs:.0f}: "
                f"{ratios[concurrency]:.2f}"
            )
    return {
        "of_bare_client": min(ratios.values()),
        "cpu_ms_per_call": statistics.median(cpu_ms[PAIRS:]),
    }


def used(answered: Sequence[float], url: str, rpm: float) -> tuple[float, float]:
    """Return the share of a limit that was used after its first second, and that of refusals."""
    first = int(rpm / 60)
    per_min = (len(answered) - 1 - first) / (answered[-1] - answered[first]) * 60
    counts = asked(url, "counts")
    return per_min / rpm, counts.get("refused", 0) / counts["requests"]


def at_the_limit(folder: Path, rpm: float, seconds: float) -> dict[str, float]:
    """Return how much of a limit is used, and the share of refused calls."""
    requests = demo_requests(int(rpm / 60 * seconds))
    with serving(DEMO, "--rpm", rpm, "--window-s", 1) as url:
        limiter = RateLimiter(requests_per_min=rpm)
        answered = asyncio.run(ours(url, requests, 100, limiter, folder / "limit.jsonl"))
        share, refused = used(answered, url, rpm)
    print(f"limit {rpm:.0f}/min, {seconds:.0f} s: {share:.3f} of it used, {refused:.2%} refused")
    return {"of_rate_limit": share, "share_429": refused}


def loop_at_the_limit(rpm: float, seconds: float) -> dict[str, float]:
    """Return the same of the throttling loop."""
    requests = demo_requests(int(rpm / 60 * seconds))
    with serving(DEMO, "--rpm", rpm, "--window-s", 1) as url:
        answered = asyncio.run(throttled(url, [request.body for request in requests], rpm))
        share, refused = used(answered, url, rpm)
    print(f"throttling loop: {share:.3f} of it used, {refused:.2%} refused")
    return {
        "loop_of_rate_limit": share,
        "loop_share_429": refused,
        "loop_lost": len(requests) - len(answered),
    }


def write_users(folder: Path, n_users: int) -> None:
    """Write the reviews of made-up users, and a reply that fits them all."""
    with (folder / "reviews.jsonl").open("w", encoding="utf-8") as file:
        for n in range(n_users):
            review = {"user_id": f"u{n}", "review_id": f"r{n}", "text": f"A fugue a day, says u{n}"}
            file.write(json.dumps(review) + "\n")
    evidence = [{"review": "R1", "quote": "fugue"}]
    interest = {"name": "fugues", "polarity": "like", "weight": 0.5, "description": "Voices."}
    profile = {
        "language": "en",
        "summary": "Counterpoint.",
        "interests": [interest | {"evidence": evidence}],
    }
    reply = {
        "choices": [{"message": {"content": json.dumps(profile)}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 60, "total_tokens": 160},
    }
    exchange = {"custom_id": "0", "url": "", "body": {}, "response": {"body": reply}}
    (folder / "replies.jsonl").write_text(json.dumps(exchange) + "\n", "utf-8")


def extraction(folder: Path, url: str, concurrency: int) -> list[str]:
    """Return the command that makes the profiles of all users."""
    files = [f"{folder}/reviews.jsonl", "-o", f"{folder}/profiles.jsonl"]
    log = ["--calls", f"{folder}/calls.jsonl", "--model", "tiny", "--format", "json", "--quiet"]
    server = ["--base-url", url, "--timeout", "1", "--concurrency", str(concurrency)]
    return [sys.executable, "-m", "llmrec", "extract", *files, *log, *server]


def through_a_kill(folder: Path, n_users: int, concurrency: int = 100) -> dict[str, float]:
    """Return what was lost and what was paid twice."""
    write_users(folder, n_users)
    log = folder / "calls.jsonl"
    with serving(folder / "replies.jsonl", "--faults", 0.25) as url:
        command = extraction(folder, url, concurrency)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and asked(url, "counts").get("requests", 0) < n_users / 2:
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
        whole = {line.custom_id for line in logged_lines(log)}
        seen_before = len(asked(url, "seen"))
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        again = asked(url, "seen")
    summary = json.loads(done.stdout)
    made = (folder / "profiles.jsonl").read_bytes().count(b"\n")
    in_flight = set(again[:seen_before]) - whole
    result = {
        "lost": n_users - made - len(summary["failed"]),
        "paid_twice": len(whole & set(again[seen_before:])),
        "in_flight_made_again": len(in_flight & set(again[seen_before:])),
    }
    print(f"{n_users} users, killed at {len(whole)} calls in the log: {result}")
    return result


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = against_bare(folder, 4 if options.quick else 15)
        result |= at_the_limit(folder, 1200, 12 if options.quick else 60)
        if not options.quick:
            result |= loop_at_the_limit(1200, 60)
        result |= through_a_kill(folder, 2000)
    result["cores"] = os.cpu_count() or 0
    print(json.dumps({key: round(value, 4) for key, value in result.items()}))


if __name__ == "__main__":
    main()
