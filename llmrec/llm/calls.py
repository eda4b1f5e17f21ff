"""The call log: one JSON Lines file that is recording, cache, resume point and receipt.

A line is one exchange in the shape of the OpenAI Batch API: its request half is a valid batch
input line, its response half a batch output line.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from llmrec.digests import digest
from llmrec.errors import InputError
from llmrec.llm.chat import CHAT_URL, ChatRequest

log = logging.getLogger(__name__)

_BEGINNING = b'{"custom_id"'


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
            self._scan()

    def __contains__(self, custom_id: str) -> bool:
        return custom_id in self._places

    def __len__(self) -> int:
        return len(self._places)

    def find(self, request: ChatRequest) -> dict[str, Any] | None:
        """Return the newest exchange of a request, or None.

        Raises:
            InputError: the line was altered: its id is not that of its request.
        """
        place = self._places.get(request.custom_id)
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
        line = json.dumps(exchange, ensure_ascii=False).encode("utf-8") + b"\n"
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

    def _scan(self) -> None:
        offset = number = 0
        try:
            with self.path.open("rb") as file:
                for raw in file:
                    if not raw.isspace():
                        self._note(raw, offset, number)
                    offset += len(raw)
                    number += 1
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=self.path) from None

    def _note(self, raw: bytes, offset: int, number: int) -> None:
        try:
            exchange = json.loads(raw)
        except ValueError as error:
            if not raw.endswith(b"\n") or _BEGINNING.startswith(raw[: len(_BEGINNING)].rstrip()):
                log.warning("%s, line %d: cut short by a stop, ignored", self.path, number)
                return
            raise InputError(f"not JSON: {error}", path=self.path, line=number) from None
        if not _is_exchange(exchange):
            raise InputError(
                "not a call log: expected an object with custom_id, body and response",
                path=self.path,
                line=number,
            )
        self._places[exchange["custom_id"]] = offset

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
