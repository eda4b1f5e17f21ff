import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from llmrec.errors import InputError
from llmrec.llm.batch_answers import Imported, import_answers
from llmrec.llm.batch_folder import BatchFolder, export_batch
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Message

ASKED = [ChatRequest("tiny", (Message("user", f"{n}"),), label=f"ask/u{n}") for n in range(6)]


@pytest.fixture
def folder(tmp_path: Path) -> BatchFolder:
    return export_batch(ASKED, tmp_path / "batches", max_lines=4)


@pytest.fixture
def log(tmp_path: Path) -> CallLog:
    return CallLog(tmp_path / "log.jsonl")


def answered(request: ChatRequest, content: str = "Yes.") -> dict[str, Any]:
    body = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    response = {"status_code": 200, "request_id": "r", "body": body}
    return {"id": "x", "custom_id": request.custom_id, "response": response, "error": None}


def failed(request: ChatRequest, code: str, message: str = "") -> dict[str, Any]:
    error = {"code": code, "message": message}
    return {"id": "x", "custom_id": request.custom_id, "response": None, "error": error}


def done(folder: BatchFolder, log: CallLog, *files: list[dict[str, Any]]) -> Imported:
    paths = []
    for number, rows in enumerate(files):
        path = folder.path / f"output-{number}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        paths.append(path)
    return asyncio.run(import_answers(paths, folder, log, "http://a/v1"))


def test_every_request_ends_somewhere(folder: BatchFolder, log: CallLog) -> None:
    refused = answered(ASKED[3])
    refused["response"] = {"status_code": 400, "body": {"error": "too long"}}
    silent = {"custom_id": ASKED[4].custom_id, "response": None, "error": None}
    foreign = answered(ChatRequest("tiny", (Message("user", "else"),)))
    imported = done(
        folder,
        log,
        [failed(ASKED[1], "batch_expired", "too late"), failed(ASKED[2], "bad", "no"), foreign],
        [answered(ASKED[0]), refused, silent, answered(ASKED[0], "Twice.")],
    )
    assert imported == Imported(
        answered=1,
        failed={
            "ask/u2": "bad: no",
            "ask/u3": '400: {"error": "too long"}',
            "ask/u4": "no response",
        },
        expired=["ask/u1"],
        missing=["ask/u5"],
        foreign=1,
        repeated=1,
    )
    assert imported.open == 5
    assert len(CallLog(log.path)) == 1


def test_an_answer_is_logged_as_if_called_for(folder: BatchFolder, log: CallLog) -> None:
    done(folder, log, [answered(request) for request in ASKED])
    again = CallLog(log.path)
    for request in ASKED:
        exchange = again.find(request)
        assert exchange is not None
        assert (exchange["label"], exchange["server"]) == (request.label, "http://a/v1")
        assert exchange["body"] == request.body
        assert exchange["response"]["status_code"] == 200


def test_the_order_of_files_and_lines_does_not_matter(folder: BatchFolder, tmp_path: Path) -> None:
    rows = [answered(request) for request in ASKED[:4]] + [failed(ASKED[4], "bad")]
    outcomes = []
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        log = CallLog(tmp_path / f"log-{seed}.jsonl")
        outcomes.append(done(folder, log, rows[:2], rows[2:]))
        assert {r.custom_id in log for r in ASKED[:4]} == {True}
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_an_answer_beats_an_error_about_the_same_request(folder: BatchFolder, log: CallLog) -> None:
    rows = [failed(ASKED[0], "bad"), answered(ASKED[0])]
    assert done(folder, log, rows).failed == {}
    assert done(folder, log, rows[::-1]).failed == {}


def test_importing_again_writes_nothing(folder: BatchFolder, log: CallLog) -> None:
    rows = [answered(request) for request in ASKED[:3]]
    assert done(folder, log, rows).answered == 3
    size = log.path.stat().st_size
    again = done(folder, CallLog(log.path), rows)
    assert (again.answered, again.known, len(again.missing)) == (0, 3, 3)
    assert log.path.stat().st_size == size


@pytest.mark.parametrize("line", ["no json", "[]", '{"response": null}', "3"])
def test_a_line_of_no_batch_is_named(folder: BatchFolder, log: CallLog, line: str) -> None:
    path = folder.path / "output.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"output.jsonl, line 1 .*not a line of a batch's output"):
        asyncio.run(import_answers([path], folder, log))
