"""The Batch API on loopback: files, batches that take some time, and what may become of them."""

import email
import email.policy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from serving.faults import refusal
from serving.openai_server import Answer, OpenAIServer, Received, completion

STATES = ("validating", "in_progress", "finalizing", "completed")

LineFault = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Makes the response and error of an input line that is not answered, or None."""


@dataclass
class Batch:
    """A batch, and what will become of it."""

    batch_id: str
    input_file_id: str
    metadata: dict[str, str]
    ends: str
    answered: int
    steps: Iterator[str]
    status: str = "validating"
    files: dict[str, str] = field(default_factory=dict)


class BatchServer(OpenAIServer):
    """An OpenAI-compatible server with the Batch API; every question brings a batch one state on.

    Attributes:
        ends: how the next batches end: completed, expired, cancelled or failed.
        partial: of a batch that is not completed, the number of lines that were answered.
        fault: makes what stands in the error file for a line, or None where it is answered.
        paid: number of answers by custom_id: what is charged.
    """

    def __init__(self, chat: Callable[[Any], str]) -> None:
        super().__init__(chat=chat)
        self.ends = "completed"
        self.partial = 0
        self.fault: LineFault = lambda line: None
        self.paid: Counter[str] = Counter()
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}

    def proper(self, request: Received) -> Answer:
        parts = urlsplit(request.path).path.removeprefix("/v1/").split("/")
        match (request.method, *parts):
            case ("POST", "files"):
                return Answer(body=self._file(_uploaded(request)))
            case ("GET", "files", file_id, "content") if file_id in self.files:
                return Answer(body=self.files[file_id], headers={"Content-Type": "text/plain"})
            case ("POST", "batches"):
                return self._create(request.body)
            case ("GET", "batches"):
                return Answer(body=self._page(parse_qs(urlsplit(request.path).query)))
            case ("GET", "batches", batch_id) if batch_id in self.batches:
                self._go_on(self.batches[batch_id])
                return Answer(body=self._shown(self.batches[batch_id]))
        return super().proper(request)

    def _file(self, content: bytes) -> dict[str, Any]:
        file_id = f"file-{len(self.files) + 1}"
        self.files[file_id] = content
        return {"id": file_id, "object": "file", "bytes": len(content), "purpose": "batch"}

    def _create(self, body: Any) -> Answer:
        if body["input_file_id"] not in self.files:
            return refusal(400, "No such file")
        assert body["endpoint"] == "/v1/chat/completions"
        assert body["completion_window"] == "24h"
        states = ("validating", "failed") if self.ends == "failed" else (*STATES[:-1], self.ends)
        batch = Batch(
            f"batch_{len(self.batches) + 1}", body["input_file_id"], body["metadata"], self.ends,
            self.partial, iter(states),
        )  # fmt: skip
        self.batches[batch.batch_id] = batch
        return Answer(body=self._shown(batch))

    def _page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        newest_first = list(self.batches.values())[::-1]
        ids = [batch.batch_id for batch in newest_first]
        start = ids.index(query["after"][0]) + 1 if "after" in query else 0
        shown = newest_first[start : start + 1]  # a page has one, so that there are several
        more = start + 1 < len(newest_first)
        return {"object": "list", "data": [self._shown(one) for one in shown], "has_more": more}

    def _go_on(self, batch: Batch) -> None:
        batch.status = next(batch.steps, batch.status)
        if batch.status == batch.ends and batch.ends != "failed" and not batch.files:
            self._finish(batch)

    def _finish(self, batch: Batch) -> None:
        output, errors = [], []
        lines = [json.loads(line) for line in self.files[batch.input_file_id].splitlines()]
        for number, line in enumerate(lines):
            fault = self.fault(line)
            if batch.ends != "completed" and number >= batch.answered:
                code = "batch_expired" if batch.ends == "expired" else "batch_cancelled"
                fault = {"response": None, "error": {"code": code, "message": "Not in time."}}
            if fault is not None:
                errors.append({"custom_id": line["custom_id"]} | fault)
                continue
            self.paid[line["custom_id"]] += 1
            body = completion(self._chat(line["body"]))
            response = {"status_code": 200, "request_id": "r", "body": body}
            output.append(
                {"id": f"r-{number}", "custom_id": line["custom_id"], "response": response}
                | {"error": None}
            )
        for name, rows in (("output_file_id", output[::-1]), ("error_file_id", errors)):
            if rows:
                content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
                batch.files[name] = self._file(content)["id"]

    def _shown(self, batch: Batch) -> dict[str, Any]:
        n_lines = len(self.files[batch.input_file_id].splitlines())
        refused = {"data": [{"code": "invalid", "message": "Line 1 is no request.", "line": 1}]}
        return {
            "id": batch.batch_id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": batch.input_file_id,
            "status": batch.status,
            "metadata": batch.metadata,
            "errors": refused if batch.status == "failed" else None,
            "output_file_id": batch.files.get("output_file_id"),
            "error_file_id": batch.files.get("error_file_id"),
            "request_counts": {"total": n_lines, "completed": 0, "failed": 0},
        }


def _uploaded(request: Received) -> bytes:
    """Return the file of a multipart upload."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.content, policy=email.policy.HTTP)
    parts = {
        part.get_param("name", header="content-disposition"): part for part in message.iter_parts()
    }
    assert parts["purpose"].get_content().strip() == "batch"
    content = parts["file"].get_payload(decode=True)
    assert isinstance(content, bytes)
    return content
