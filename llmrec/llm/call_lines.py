"""The lines of a call log: each is one exchange in the shape of the OpenAI Batch API.

Its request half is a valid batch input line, its response half a batch output line; of calls for
vectors it has only what they used (``embed_call``).
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from llmrec.errors import InputError

log = logging.getLogger(__name__)

_BEGINNING = b'{"custom_id"'


@dataclass(frozen=True, slots=True)
class LoggedLine:
    """A whole line of a call log.

    Attributes:
        offset: where it begins, in bytes.
        number: its number in the file, from 0.
        raw: the line, with its line end if it has one.
        exchange: what it holds.
    """

    offset: int
    number: int
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
    try:
        with path.open("rb") as file:
            yield from lines_from(file, path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None


def lines_from(
    file: IO[bytes], path: Path, *, offset: int = 0, number: int = 0, end: int | None = None
) -> Iterator[LoggedLine]:
    """Yield lines of a call log that is open; see ``logged_lines``.

    Args:
        file: the log.
        path: of the log, for messages.
        offset: the byte to begin at, which begins a line.
        number: of that line.
        end: the byte to end before; None for the end of the file.

    Raises:
        InputError: it is not a call log.
    """
    file.seek(offset)
    while (end is None or offset < end) and (raw := file.readline()):
        exchange = None if raw.isspace() else _exchange(raw, path, number)
        if exchange is not None:
            yield LoggedLine(offset, number, raw, exchange)
        offset += len(raw)
        number += 1


class Asked(Protocol):
    """What a line says was asked: a chat request, or a call for vectors."""

    @property
    def custom_id(self) -> str:
        """The digest of url and body."""
        ...

    @property
    def label(self) -> str:
        """What it was for."""
        ...

    @property
    def url(self) -> str:
        """The path that it was sent to."""
        ...

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON body, or what stands for it."""
        ...


def exchange_line(
    request: Asked, body: object, status: int, server: str | None, batch: bool = False
) -> bytes:
    """Return the line of an exchange, with its line end; ``batch`` where a batch answered."""
    exchange = {
        "custom_id": request.custom_id,
        "label": request.label,
        **({"server": server} if server else {}),
        **({"batch": True} if batch else {}),
        "method": "POST",
        "url": request.url,
        "body": request.body,
        "response": {"status_code": status, "body": body},
        "error": None,
    }
    try:
        text = json.dumps(exchange, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # half a character in a reply that is paid for
        text = json.dumps(exchange).encode("ascii")
    return text + b"\n"


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
            "not a call log: expected an object with custom_id, url, body and response; if a newer "
            "llmrec wrote it, install that one, else name another file",
            path=path,
            line=number,
        )
    whole: dict[str, Any] = exchange
    return whole


def _is_cut_short(raw: bytes) -> bool:
    """Say whether a line may be what a stop left of one: its beginning, or zeros (power cut)."""
    if raw.startswith(b"\0"):
        return True
    content = raw.rstrip(b"\n")
    if content == raw:
        return content.startswith(b"{")
    return _BEGINNING.startswith(content.strip(b"\0")[: len(_BEGINNING)])


def _is_exchange(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("custom_id"), str)
        and isinstance(value.get("url"), str)
        and isinstance(value.get("body"), Mapping)
        and "response" in value
    )
