"""Answers of batches, put into a call log as if each had been called for, at half the price."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmrec.errors import InputError
from llmrec.llm.batch_folder import BatchFolder
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest
from llmrec.records.tables import read_lines

EXPIRED = "batch_expired"
"""Error of a request whose turn did not come in time."""


@dataclass(slots=True)
class Imported:
    """What became of the requests of a folder of batches.

    Attributes:
        answered: number of answers that are new in the call log.
        known: number of answers that it had already.
        failed: what went wrong, by label; such a request can be asked again.
        expired: labels of requests whose batch ended before their turn.
        missing: labels of requests that no line answers.
        foreign: number of lines whose request is not of this folder.
        repeated: number of further lines about a request that is answered.
    """

    answered: int = 0
    known: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    expired: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    foreign: int = 0
    repeated: int = 0

    @property
    def open(self) -> int:
        """Number of requests that are still without an answer."""
        return len(self.failed) + len(self.expired) + len(self.missing)


async def import_answers(
    files: Iterable[str | Path], folder: BatchFolder, log: CallLog, server: str | None = None
) -> Imported:
    """Put the answers in the output files of batches into a call log.

    Files may come in any order, and again: what the log has is not written twice.

    Args:
        files: output and error files, as the Batch API gives them.
        folder: of the batches, which has their requests and labels.
        log: where the answers go.
        server: address of the server that answered, if it is known.

    Raises:
        InputError: a file cannot be read or is not of a batch, or the log cannot be written.
    """
    requests = folder.requests()
    done = Imported()
    answered: set[str] = set()
    problems: dict[str, str] = {}
    for custom_id, line in _lines(files):
        request = requests.get(custom_id)
        body, problem = _answer(line)
        if request is None:
            done.foreign += 1
        elif custom_id in answered:
            done.repeated += 1
        elif body is None:
            problems[custom_id] = problem
        else:
            answered.add(custom_id)
            await _record(request, body, log, server, done)
    _tell_the_rest(requests, answered, problems, done)
    return done


async def _record(
    request: ChatRequest, body: Mapping[str, Any], log: CallLog, server: str | None, done: Imported
) -> None:
    there = log.find(request)
    if there is not None and (there["response"] or {}).get("body") == body:
        done.known += 1
        return
    await log.record(request, body, server=server, batch=True)
    done.answered += 1


def _tell_the_rest(
    requests: Mapping[str, ChatRequest],
    answered: set[str],
    problems: Mapping[str, str],
    done: Imported,
) -> None:
    for custom_id, request in requests.items():
        label = request.label or custom_id
        if custom_id in answered:
            continue
        if custom_id not in problems:
            done.missing.append(label)
        elif problems[custom_id] == EXPIRED:
            done.expired.append(label)
        else:
            done.failed[label] = problems[custom_id]


def _lines(files: Iterable[str | Path]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in files:
        for number, raw in read_lines(path):
            try:
                line = json.loads(raw)
                yield str(line["custom_id"]), line
            except (ValueError, TypeError, KeyError):
                raise InputError(
                    "not a line of a batch's output: expected an object with custom_id, response "
                    "and error",
                    path=path,
                    line=number,
                ) from None


def _answer(line: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    """Return the completion, or None and what went wrong."""
    response = line.get("response")
    error = line.get("error")
    if isinstance(error, Mapping):
        code, message = str(error.get("code") or ""), str(error.get("message") or "")
        return None, EXPIRED if code == EXPIRED else f"{code}: {message}".strip(": ")
    if not isinstance(response, Mapping):
        return None, "no response"
    body = response.get("body")
    if response.get("status_code") != 200 or not isinstance(body, Mapping):
        said = json.dumps(body, ensure_ascii=False)[:200]
        return None, f"{response.get('status_code')}: {said}"
    return body, ""
