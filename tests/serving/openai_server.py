"""A small OpenAI-compatible server on loopback that answers, and fails, as a test scripts it.

with OpenAIServer(chat=lambda body: "4") as server:
    server.script(faults.busy(retry_after="2"))     # the next request; later ones are answered
    ...                                             # call server.url
    assert [r.path for r in server.requests] == ["/v1/chat/completions"] * 2
"""

import hashlib
import json
import random
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import urlsplit

WAIT_S = 30
"""How long anything waits that should not have to: a test that hangs fails after this."""

DIMS = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server does with one request.

    Attributes:
        status: of the response.
        body: JSON value, or bytes as they are.
        headers: beside content type and length.
        cut: the connection is cut before the answer, or in the middle of its body.
        held: the answer waits until the test releases it.
    """

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: Literal["before", "within"] | None = None
    held: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


Script = Answer | Callable[[Received], Answer]
"""An answer, or a function that makes one from the request."""


def completion(content: str | None, finish_reason: str = "stop", **changes: Any) -> dict[str, Any]:
    """Return a chat completion: 100 tokens in, 10 out; ``usage`` or ``refusal`` change it."""
    message = {"role": "assistant", "content": content, "refusal": changes.pop("refusal", None)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    } | changes


def vector(model: str, text: str, dims: int = DIMS) -> list[float]:
    """Return the vector that the server has for a text: any, but always the same."""
    seed = hashlib.sha256(f"{model}\n{text}".encode()).digest()
    generator = random.Random(seed)
    return [generator.uniform(-2, 2) for _ in range(dims)]


class OpenAIServer:
    """Serves chat completions, embeddings and a list of models in a thread.

    Args:
        chat: makes the text of a chat completion from the request's body.
        models: that it offers.

    Attributes:
        requests: all that came, in order.
        url: base URL, ending in ``/v1``.
        held: set when a request is being held.
    """

    def __init__(
        self,
        chat: Callable[[Any], str] = lambda body: "{}",
        models: Sequence[str] = ("tiny", "small"),
    ) -> None:
        self.requests: list[Received] = []
        self.held = threading.Event()
        self._released = threading.Event()
        self._chat = chat
        self._models = models
        self._script: list[Script] = []
        self._always: Script | None = None
        self._http = _Http(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def script(self, *answers: Script) -> None:
        """Answer the next requests with these, one each."""
        self._script.extend(answers)

    def always(self, answer: Script | None) -> None:
        """Answer every POST with this, once the script is at its end; None: as it should."""
        self._always = answer

    def release(self) -> None:
        """Let the answers go that are held."""
        self._released.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._http.shutdown()
        self._thread.join(WAIT_S)
        self._http.server_close()

    def answer(self, request: Received) -> Answer:
        """Return what the script has for a request, else what a server should answer."""
        self.requests.append(request)
        always = self._always if request.method == "POST" else None
        scripted = self._script.pop(0) if self._script else always
        if scripted is None:
            return self.proper(request)
        return scripted if isinstance(scripted, Answer) else scripted(request)

    def hold(self) -> None:
        self.held.set()
        self._released.wait(WAIT_S)

    def proper(self, request: Received) -> Answer:
        """Return what a server should answer."""
        path = urlsplit(request.path).path
        if path.endswith("/models"):
            models = [{"id": name, "object": "model"} for name in self._models]
            return Answer(body={"object": "list", "data": models})
        if path.endswith("/chat/completions"):
            return Answer(body=completion(self._chat(request.body)))
        if path.endswith("/embeddings"):
            return Answer(body=embeddings(request))
        return Answer(404, {"detail": "Not Found"})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.command, self.path, headers, content)
                self.close_connection = True
                self._send(server.answer(request))

            do_GET = do_POST  # noqa: N815

            def _send(self, answer: Answer) -> None:
                if answer.held:
                    server.hold()
                if answer.cut == "before":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                headers = {"Content-Type": "application/json", "Connection": "close"}
                headers["Content-Length"] = str(len(answer.content))
                self.send_response(answer.status)
                for name, value in (headers | dict(answer.headers)).items():
                    self.send_header(name, value)
                self.end_headers()
                whole = answer.content
                self.wfile.write(whole[: len(whole) // 2] if answer.cut == "within" else whole)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _Http(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away: that is what some tests are about."""


def embeddings(request: Received, dims: int = DIMS) -> dict[str, Any]:
    """Return the vectors of the texts in a request."""
    model = request.body["model"]
    data = [
        {"object": "embedding", "index": n, "embedding": vector(model, text, dims)}
        for n, text in enumerate(request.body["input"])
    ]
    usage = {"prompt_tokens": 5 * len(data), "total_tokens": 5 * len(data)}
    return {"object": "list", "model": model, "data": data, "usage": usage}
