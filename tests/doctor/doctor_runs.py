"""A server whose answers a test can choose, and what the doctor says of it."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = '{"colour": "red", "fruit": true}'

Body = dict[str, Any]
Answer = tuple[int, Any]


class _Http(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of callers who have gone."""


class FakeServer:
    """An OpenAI-compatible server; what it answers can be changed, what it was asked is kept."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Body]] = []
        self.keys: set[str | None] = set()
        self.models: Callable[[], Answer] = lambda: (200, {"data": [{"id": "tiny"}, {"id": "big"}]})
        self.chat: Callable[[Body], Answer] = lambda body: completion(GOOD)
        self.dims: Callable[[str], int] = lambda model: 3
        self._http = _Http(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> "FakeServer":
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _answer(self, path: str, body: Body) -> Answer:
        self.asked.append((path, body))
        if path == "/v1/models":
            return self.models()
        if path == "/v1/chat/completions":
            return self.chat(body)
        row = [1.0] * self.dims(body["model"])
        data = [{"index": n, "embedding": row} for n, _ in enumerate(body["input"])]
        return 200, {"data": data, "usage": {"prompt_tokens": 4}}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send()

            def do_POST(self) -> None:
                self._send()

            def _send(self) -> None:
                sent = self.rfile.read(int(self.headers.get("content-length") or 0))
                fake.keys.add(self.headers.get("authorization"))
                status, body = fake._answer(self.path, json.loads(sent or b"{}"))
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                if 300 <= status < 400:
                    self.send_header("location", "https://example.org/v1/models")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def completion(content: str, usage: Body | None = None, **choice: Any) -> Answer:
    message = {"role": "assistant", "content": content}
    choices = [{"message": message, "finish_reason": "stop"} | choice]
    return 200, {"choices": choices, "usage": usage}


@dataclass(frozen=True)
class Done:
    """What a run left behind; a check by its name."""

    code: int
    out: str
    err: str

    @property
    def checks(self) -> list[dict[str, str]]:
        checks: list[dict[str, str]] = json.loads(self.out)["checks"]
        return checks

    @property
    def failed(self) -> list[str]:
        return [check["name"] for check in self.checks if check["status"] == "failed"]

    def __getitem__(self, name: str) -> dict[str, str]:
        return next(check for check in self.checks if check["name"] == name)


Doctor = Callable[..., Done]
