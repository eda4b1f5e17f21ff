"""The call log: one JSON Lines file that is recording, cache, resume point and receipt."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import IO, Any

from llmrec.digests import digest
from llmrec.errors import InputError
from llmrec.llm.call_appending import append_lines
from llmrec.llm.call_index import CallIndex
from llmrec.llm.call_lines import Asked, exchange_line
from llmrec.llm.chat import ChatRequest
from llmrec.llm.group_commit import GroupCommit
from llmrec.records.locking import locked

log = logging.getLogger(__name__)

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
        self._group = GroupCommit(self._append)
        self._lock = Lock()
        there = must_exist or self.path.exists()
        self._index = CallIndex(self.path) if there else None

    def __contains__(self, custom_id: str) -> bool:
        with self._lock:
            return self._found(custom_id) is not None

    def __len__(self) -> int:
        with self._lock:
            index = self._current()
            return 0 if index is None else len(index.places)

    def find(self, request: ChatRequest) -> dict[str, Any] | None:
        """Return the newest exchange of a request, or None.

        Raises:
            InputError: the line was altered: its id is not that of its request.
        """
        with self._lock:
            found = self._found(request.custom_id)
            return None if found is None else self._read(*found)

    def exchanges(self) -> Iterator[dict[str, Any]]:
        """Yield the newest exchange of every request, in the order of the file."""
        with self._lock:
            index = self._current()
        if index is not None:
            for place in sorted(index.places.values()):
                with self._lock:
                    exchange = self._read(index, place)
                yield exchange

    def sample(self, n: int) -> Iterator[dict[str, Any]]:
        """Yield n of what ``exchanges`` yields, evenly spread; all, where there are no more."""
        with self._lock:
            index = self._current()
        if index is not None:
            places = sorted(index.places.values())
            for number in range(min(n, len(places))):
                with self._lock:
                    exchange = self._read(
                        index, places[number * len(places) // min(n, len(places))]
                    )
                yield exchange

    async def record(
        self,
        request: Asked,
        body: object,
        *,
        status: int = 200,
        server: str | None = None,
        batch: bool = False,
    ) -> None:
        """Write an exchange to disk; when this returns it is there.

        Exchanges that come at about the same time are written together. One is written also if
        the caller is cancelled while it waits.

        Args:
            request: what was asked.
            body: the JSON body that came back.
            status: the HTTP status.
            server: scheme, host and path of the server, without credentials, if there is one.
            batch: whether it came in a batch, at half the price.

        Raises:
            InputError: the file cannot be written.
        """
        line = exchange_line(request, body, status, server, batch)
        error = await self._group.commit((request.custom_id, line))
        if error is not None:
            raise InputError(
                f"cannot be written: {error.strerror}: the answer to "
                f"{request.label or request.custom_id} came, but is not recorded and not used; "
                "what was recorded before is kept: make room or name another file with --calls",
                path=self.path,
            )

    def _append(self, exchanges: Sequence[tuple[str, bytes]]) -> Sequence[OSError | None]:
        """Write lines, and say of each why it is not on disk, or None where it is."""
        lines = [line for _, line in exchanges]
        try:
            with locked(self.path, "a+b") as file:
                appended = append_lines(file, lines)
                kept = exchanges[: appended.kept]
                if kept:
                    self._take_in(file, appended.start, kept)
        except OSError as error:
            return [error] * len(lines)
        return [None] * len(kept) + [appended.error] * (len(lines) - len(kept))

    def _take_in(self, file: IO[bytes], start: int, lines: Sequence[tuple[str, bytes]]) -> None:
        with self._lock:
            if self._index is None or not self._index.is_of(file):
                self._index = CallIndex(self.path)
            else:
                self._index.add(start, lines)

    def _found(self, custom_id: str) -> tuple[CallIndex, int] | None:
        ids = _LOOKED_UP.get()
        if ids is not None:
            ids.add(custom_id)
        index = self._current()
        place = None if index is None else index.places.get(bytes.fromhex(custom_id))
        return None if index is None or place is None else (index, place)

    def _current(self) -> CallIndex | None:
        """Return the index, made anew where another process has put a new file in the place."""
        if self._index is not None and not self._index.is_current():
            log.info("%s: another file has taken its place, and is read", self.path)
            self._index = CallIndex(self.path)
        return self._index

    def _read(self, index: CallIndex, place: int) -> dict[str, Any]:
        try:
            exchange: dict[str, Any] = json.loads(index.line_at(place))
            right = digest([exchange["url"], exchange["body"]]) == exchange["custom_id"]
        except (ValueError, KeyError, TypeError):
            right = False
        if not right:
            raise InputError(
                "expected an exchange whose custom_id is that of its request: the line was altered",
                path=f"{self.path}, byte {place}",
            )
        return exchange
