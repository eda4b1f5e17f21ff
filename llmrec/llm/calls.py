"""The call log: one JSON Lines file that is recording, cache, resume point and receipt.

A line is one exchange in the shape of the OpenAI Batch API: its request half is a valid batch
input line, its response half a batch output line.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from llmrec.digests import digest
from llmrec.errors import InputError
from llmrec.llm.chat import CHAT_URL, ChatRequest

log = logging.getLogger(__name__)

_BEGINNING = b'{"custom_id"'
_LOOKED_UP: ContextVar[set[str] | None] = ContextVar("looked_up", default=None)


@contextmanager
def looked_up() -> Iterator[set[str]]:
    """Collect the ids that anything done inside this block asks call logs for, found or not.

    A program that makes its own call logs can so be asked what of them it needs.
    """
    ids: set[str] = set()
    token = _LOOKED_UP.set(ids)
    try:
        yield ids
    finally:
        _LOOKED_UP.reset(token)


@dataclass(frozen=True, slots=True)
class LoggedLine:
    """A whole line of a call log.

    Attributes:
        offset: where it begins, in bytes.
        raw: the line, with its line end if it has one.
        exchange: what it holds.
    """

    offset: int
    raw: bytes
    exchange: dict[str, Any]

    @property
    def custom_id(self) -> str:
        """The id of the request."""
        custom_id: str = self.exchange["custom_id"]
        return custom_id


def logged_lines(path: str | Path) -> Iterator[LoggedLine]:
    """Yield the lines of a call log; one that a stop cut short is left out, with a note.

    Raises:
        InputError: it is not there, is not a call log, or cannot be read.
    """
    path = Path(path)
    offset = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file):
                exchange = None if raw.isspace() else _exchange(raw, path, number)
                if exchange is not None:
                    yield LoggedLine(offset, raw, exchange)
                offset += len(raw)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None


class CallLog:
    """A call log on disk. In memory are the ids and where the newest line of each begins.

    Args:
        path: the file.
        must_exist: whether it has to be there already.

    Raises:
        InputError: it is not there, is not a call log, or cannot be read.
    """

    def __init__(self, path: str | Path, *, must_exist: bool = False) -> None:
        self.path = Path(path)
        self._places: dict[str, int] = {}
        if must_exist or self.path.exists():
            self._places = {line.custom_id: line.offset for line in logged_lines(self.path)}

    def __contains__(self, custom_id: str) -> bool:
        return self._place(custom_id) is not None

    def __len__(self) -> int:
        return len(self._places)

    def find(self, request: ChatRequest) -> dict[str, Any] | None:
        """Return the newest exchange of a request, or None.

        Raises:
            InputError: the line was altered: its id is not that of its request.
        """
        place = self._place(request.custom_id)
        return None if place is None else self._read(place)

    def exchanges(self) -> Iterator[dict[str, Any]]:
        """Yield the newest exchange of every request, in the order of the file."""
        for place in sorted(self._places.values()):
            yield self._read(place)

    def append(
        self, request: ChatRequest, body: object, *, status: int = 200, server: str | None = None
    ) -> None:
        """Write an exchange to disk; when this returns it is there.

        Args:
            request: what was asked.
            body: the JSON body that came back.
            status: the HTTP status.
            server: scheme, host and path of the server, without credentials, if there is one.

        Raises:
            InputError: the file cannot be written.
        """
        exchange = {
            "custom_id": request.custom_id,
            "label": request.label,
            **({"server": server} if server else {}),
            "method": "POST",
            "url": CHAT_URL,
            "body": request.body,
            "response": {"status_code": status, "body": body},
            "error": None,
        }
        line = _line(exchange)
        try:
            with self.path.open("a+b") as file:
                if not _ends_a_line(file):
                    file.write(b"\n")
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
                self._places[request.custom_id] = file.tell() - len(line)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", path=self.path) from None

    def _place(self, custom_id: str) -> int | None:
        ids = _LOOKED_UP.get()
        if ids is not None:
            ids.add(custom_id)
        return self._places.get(custom_id)

    def _read(self, offset: int) -> dict[str, Any]:
        with self.path.open("rb") as file:
            file.seek(offset)
            exchange: dict[str, Any] = json.loads(file.readline())
        if digest([exchange["url"], exchange["body"]]) != exchange["custom_id"]:
            raise InputError(
                f"custom_id {exchange['custom_id']} is not that of the request beside it: "
                "the line was altered",
                path=f"{self.path}, byte {offset}",
            )
        return exchange


def _exchange(raw: bytes, path: Path, number: int) -> dict[str, Any] | None:
    """Return what a line holds, or None for one that a stop cut short."""
    try:
        exchange = json.loads(raw)
    except (ValueError, RecursionError) as error:
        if _is_cut_short(raw):
            log.warning("%s, line %d: cut short by a stop, ignored", path, number)
            return None
        raise InputError(f"not JSON: {error}", path=path, line=number) from None
    if not _is_exchange(exchange):
        raise InputError(
            "not a call log: expected an object with custom_id, body and response",
            path=path,
            line=number,
        )
    whole: dict[str, Any] = exchange
    return whole


def _is_cut_short(raw: bytes) -> bool:
    """Say whether a line may be what a stop left of one: its beginning, or zeros (power cut)."""
    content = raw.rstrip(b"\n").strip(b"\0")
    if not raw.endswith(b"\n"):
        return not content or content.startswith(b"{")
    return _BEGINNING.startswith(content[: len(_BEGINNING)])


def _line(exchange: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(exchange, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # half a character in a reply that is paid for
        text = json.dumps(exchange).encode("ascii")
    return text + b"\n"


def _ends_a_line(file: IO[bytes]) -> bool:
    """Say whether a new line may begin here: a stop can leave half a line."""
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _is_exchange(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("custom_id"), str)
        and isinstance(value.get("url"), str)
        and isinstance(value.get("body"), Mapping)
        and "response" in value
    )
