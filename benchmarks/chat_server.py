"""A chat server for benchmarks and long tests: fast, slow to answer, limited, failing on demand.

    python benchmarks/chat_server.py REPLIES [--latency-ms 200] [--rpm N --window-s S] [--faults P]

REPLIES is a call log: a request is answered with the recorded reply that its digest chooses. With
--rpm it refuses (429, retry-after-ms) what would be more than N/60*S requests in any S seconds.
With --faults a share P of the first attempts at a request fails once: 429, 500, a cut connection,
no answer, or a reply that is no JSON; the last is always so for that request, its follow-up works.

Prints its base URL, and serves until stdin ends. GET /v1/seen returns the ids of all requests that
came, in order; GET /v1/counts how many there were and how many were refused.
"""

import argparse
import asyncio
import json
import random
import re
import sys
from collections import Counter, deque
from pathlib import Path
from typing import Any

from llmrec.digests import digest
from llmrec.llm.chat import CHAT_URL

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_FOLLOW_UP = b"That cannot be used"
_FAULTS = ("busy", "broken", "cut", "silent", "no JSON")
_NO_JSON = json.dumps(
    {
        "choices": [{"message": {"content": "I would rather not."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105},
    }
).encode()


def _response(status: int, body: bytes, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Window:
    """At most ``limit`` requests in any ``window_s`` seconds."""

    def __init__(self, limit: float, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._let_in: deque[float] = deque()

    def wait_s(self, now: float) -> float:
        """Let a request in and return 0, or return in how many seconds there is room for one."""
        while self._let_in and self._let_in[0] <= now - self._window_s:
            self._let_in.popleft()
        if len(self._let_in) >= self._limit:
            return self._let_in[0] + self._window_s - now
        self._let_in.append(now)
        return 0.0


class ChatServer:
    """Answers requests.

    Attributes:
        counts: requests by what became of them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        lines = Path(options.replies).read_bytes().splitlines()
        self._replies = [
            _response(200, json.dumps(json.loads(line)["response"]["body"]).encode())
            for line in lines
        ]
        self._latency_s = options.latency_ms / 1000
        self._faults = options.faults
        limit = options.rpm / 60 * options.window_s if options.rpm else 0
        self._window = Window(limit, options.window_s) if options.rpm else None
        self._bodies: list[bytes] = []
        self._failed: set[int] = set()
        self.counts: Counter[str] = Counter()

    def answer(self, path: bytes, body: bytes) -> tuple[float, bytes | None]:
        """Return in how many seconds what is sent; nothing at all where that is None."""
        if path == b"/v1/seen":
            ids = [digest([CHAT_URL, json.loads(body)]) for body in self._bodies]
            return 0, _response(200, json.dumps(ids).encode())
        if path == b"/v1/counts":
            return 0, _response(200, json.dumps(self.counts).encode())
        self.counts["requests"] += 1
        if self._faults is not None:
            self._bodies.append(body)
        wait_s = self._window.wait_s(asyncio.get_running_loop().time()) if self._window else 0
        if wait_s:
            self.counts["refused"] += 1
            headers = f"retry-after-ms: {wait_s * 1000:.0f}\r\n"
            return 0, _response(429, b'{"error": {"message": "Rate limit reached"}}', headers)
        chosen = random.Random(body)
        reply = chosen.choice(self._replies)
        if self._faults and chosen.random() < self._faults:
            return self._failing(chosen.choice(_FAULTS), hash(body), reply, _FOLLOW_UP in body)
        return self._latency_s, reply

    def _failing(
        self, fault: str, key: int, reply: bytes, is_follow_up: bool
    ) -> tuple[float, bytes | None]:
        if fault == "no JSON":
            return self._latency_s, reply if is_follow_up else _response(200, _NO_JSON)
        if key in self._failed:
            return self._latency_s, reply
        self._failed.add(key)
        self.counts[fault] += 1
        if fault == "busy":
            busy = b'{"error": {"message": "Rate limit reached"}}'
            return 0, _response(429, busy, "retry-after-ms: 20\r\n")
        if fault == "broken":
            return self._latency_s, _response(500, b'{"error": {"message": "broken"}}')
        return (self._latency_s, b"") if fault == "cut" else (3600, None)


class Connection(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self, server: ChatServer) -> None:
        self._server = server
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers go into."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request when it is whole."""
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        size = int(length.group(1)) if length else 0
        if len(rest) < size:
            return
        self._buffer = rest[size:]
        seconds, answer = self._server.answer(head.split(b" ", 2)[1], rest[:size])
        if answer is not None:
            asyncio.get_running_loop().call_later(seconds, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if answer:
            self._transport.write(answer)
        else:
            self._transport.abort()


async def serve(options: argparse.Namespace) -> None:
    """Serve until stdin ends."""
    loop = asyncio.get_running_loop()
    server = ChatServer(options)
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", 0, backlog=1024)
    port = listening.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("replies")
    parser.add_argument("--latency-ms", type=float, default=200)
    parser.add_argument("--rpm", type=float)
    parser.add_argument("--window-s", type=float, default=1)
    parser.add_argument("--faults", type=float)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
