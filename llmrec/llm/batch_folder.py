"""A folder of requests that are answered in batches, and what became of each batch."""

import json
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from llmrec.errors import InputError
from llmrec.llm.chat import CHAT_URL, ChatRequest
from llmrec.records.messages import first_problem
from llmrec.records.profile import FORMAT, Format
from llmrec.records.replacing import replaced
from llmrec.records.reviews import RECORD
from llmrec.records.tables import read_lines

MAX_LINES: Final = 50_000
MAX_BYTES: Final = 200_000_000
"""Limits of one input file of OpenAI's Batch API."""

STATE = "batch.json"
LABELS = "labels.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class Part:
    """One input file, and how far its batch is.

    Attributes:
        input: name of the file, in the folder.
        requests: number of its lines.
        sha256: of the file; the batch carries it, so that it is found again after a stop.
        file_id: of the uploaded file, or None.
        batch_id: of the batch, or None.
        status: as the server said it last, or None.
        fetched: names of the files with answers and errors, in the folder.
    """

    input: str
    requests: Annotated[int, Field(ge=1)]
    sha256: str
    file_id: str | None = None
    batch_id: str | None = None
    status: str | None = None
    fetched: Annotated[tuple[str, ...], Field(strict=False)] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class _State:
    format: Format = FORMAT
    parts: Annotated[tuple[Part, ...], Field(strict=False)]


_STATE = TypeAdapter(_State)


class BatchFolder:
    """An opened folder of batches.

    Args:
        path: as ``export_batch`` wrote it.

    Attributes:
        path: the folder.
        parts: its input files, in order.

    Raises:
        InputError: it is not such a folder, or a later version wrote it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        state = self.path / STATE
        try:
            self.parts = _STATE.validate_json(state.read_bytes()).parts
        except OSError:
            raise InputError(
                f"no folder of batches: expected {STATE} in it, as llmrec batch export writes",
                path=self.path,
            ) from None
        except ValidationError as error:
            raise InputError(first_problem(error), path=state) from None

    def keep(self, part: Part) -> Part:
        """Put a part in the place of the one with the same input file, on disk and here.

        Raises:
            InputError: the folder cannot be written.
        """
        self.parts = tuple(part if part.input == old.input else old for old in self.parts)
        _write_state(self.path, self.parts)
        return part

    def requests(self) -> dict[str, ChatRequest]:
        """Return all requests by id, with their labels.

        Raises:
            InputError: a file is damaged or missing.
        """
        labels = {row["custom_id"]: row["label"] for row in self._rows(LABELS)}
        return {
            row["custom_id"]: ChatRequest.of_body(row["body"], labels.get(row["custom_id"], ""))
            for part in self.parts
            for row in self._rows(part.input)
        }

    def _rows(self, name: str) -> Iterator[dict[str, Any]]:
        path = self.path / name
        for line, raw in read_lines(path):
            try:
                yield json.loads(raw)
            except ValueError as error:
                raise InputError(f"not JSON: {error}", path=path, line=line) from None


def export_batch(
    requests: Iterable[ChatRequest],
    path: str | Path,
    *,
    max_lines: int = MAX_LINES,
    max_bytes: int = MAX_BYTES,
) -> BatchFolder:
    """Write requests as input files of OpenAI's Batch API, into a new folder.

    Args:
        requests: each once.
        path: the folder; it may be there, without batches in it.
        max_lines: of a file.
        max_bytes: of a file.

    Raises:
        InputError: there is nothing to ask, the folder has batches already or cannot be written,
            or a single request is larger than a file may be.
    """
    folder = Path(path)
    if (folder / STATE).exists():
        raise InputError("has batches already: finish those, or choose another folder", path=folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", path=folder) from None
    parts: list[Part] = []
    with replaced(folder / LABELS) as labels:
        for lines in _files(requests, labels.write, max_lines, max_bytes):
            content = b"".join(lines)
            name = f"input-{len(parts) + 1:03}.jsonl"
            with replaced(folder / name) as file:
                file.write(content)
            digest = sha256(content).hexdigest()
            parts.append(Part(input=name, requests=len(lines), sha256=digest))
    if not parts:
        raise InputError("nothing is left to ask: every request is in the call log", path=folder)
    _write_state(folder, tuple(parts))
    return BatchFolder(folder)


def _files(
    requests: Iterable[ChatRequest],
    write_label: Callable[[bytes], object],
    max_lines: int,
    max_bytes: int,
) -> Iterator[list[bytes]]:
    """Yield the lines of each file, as many as fit, and write the labels on the way."""
    lines: list[bytes] = []
    size = 0
    for request in requests:
        line = _line(
            {
                "custom_id": request.custom_id,
                "method": "POST",
                "url": CHAT_URL,
                "body": request.body,
            }
        )
        if len(line) > max_bytes:
            raise InputError(f"{request.label}: {len(line)} bytes, a batch takes {max_bytes}")
        if len(lines) == max_lines or size + len(line) > max_bytes:
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line)
        write_label(_line({"custom_id": request.custom_id, "label": request.label}))
    if lines:
        yield lines


def _line(row: dict[str, object]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n"


def _write_state(folder: Path, parts: tuple[Part, ...]) -> None:
    with replaced(folder / STATE) as file:
        file.write(_STATE.dump_json(_State(parts=parts), indent=1) + b"\n")
