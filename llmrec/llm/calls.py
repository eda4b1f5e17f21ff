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
from llmrec.llm.call_lines import exchange_line
from llmrec.llm.chat import ChatRequest
from llmrec.llm.group_commit import GroupCommit

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
        self._index = CallIndex.of(self.path) if there else CallIndex(inode=0)

    def __contains__(self, custom_id: str) -> bool:
        return self._place(custom_id) is not None

    def __len__(self) -> int:
        return len(self._current().places)

    def find(self, request: ChatRequest) -> dict[str, Any] | None:
        """Return the newest exchange of a request, or None.

        Raises:
            InputError: the line was altered: its id is not that of its request.
        """
        place = self._place(request.custom_id)
        if place is None:
            return None
        with self._readable(), self.path.open("rb") as file:
            return self._read(file, place)

    def exchanges(self) -> Iterator[dict[str, Any]]:
        """Yield the newest exchange of every request, in the order of the file."""
        places = sorted(self._current().places.values())
        if places:
            with self._readable(), self.path.open("rb") as file:
                for place in places:
                    yield self._read(file, place)

    async def record(
        self, request: ChatRequest, body: object, *, status: int = 200, server: str | None = None
    ) -> None:
        """Write an exchange to disk; when this returns it is there.

        Exchanges that come at about the same time are written together. One is written also if
        the caller is cancelled while it waits.

        Args:
            request: what was asked.
            body: the JSON body that came back.
            status: the HTTP status.
            server: scheme, host and path of the server, without credentials, if there is one.

        Raises:
            InputError: the file cannot be written.
        """
        line = exchange_line(request, body, status, server)
        error = await self._group.commit((request.custom_id, line))
        if error is not None:
            raise InputError(
                f"cannot be written: {error.strerror}: the answer to "
                f"{request.label or request.custom_id} came, but is not recorded and not used; "
                "what was recorded before is kept: make room or name another file with --calls",
                path=self.path,
            )

    def _append(self, exchanges: Sequence[tuple[str, bytes]]) -> Sequence[OSError | None]:
        """Write lines; the first line of one that is not on disk says why."""
        lines = [line for _, line in exchanges]
        try:
            appended = append_lines(self.path, lines)
        except OSError as error:
            return [error] * len(lines)
        kept = exchanges[: appended.kept]
        if kept:
            with self._lock:
                if self._is_replaced():
                    self._index = CallIndex.of(self.path)
                else:
                    self._index.add(appended.start, kept, self.path)
                    self._index.keep_up(self.path)
        return [None] * len(kept) + [appended.error] * (len(lines) - len(kept))

    def _current(self) -> CallIndex:
        """Return the index, made anew where another process has put a new file in the place."""
        with self._lock:
            if self._index.inode and self._is_replaced():
                log.info("%s: was replaced, is read again", self.path)
                self._index = CallIndex.of(self.path)
            return self._index

    def _is_replaced(self) -> bool:
        with self._readable():
            return self.path.stat().st_ino != self._index.inode

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=self.path) from None

    def _place(self, custom_id: str) -> int | None:
        ids = _LOOKED_UP.get()
        if ids is not None:
            ids.add(custom_id)
        return self._current().places.get(bytes.fromhex(custom_id))

    def _read(self, file: IO[bytes], offset: int) -> dict[str, Any]:
        file.seek(offset)
        try:
            exchange: dict[str, Any] = json.loads(file.readline())
            right = digest([exchange["url"], exchange["body"]]) == exchange["custom_id"]
        except (ValueError, KeyError, TypeError):
            right = False
        if not right:
            raise InputError(
                "expected an exchange whose custom_id is that of its request: the line was altered",
                path=f"{self.path}, byte {offset}",
            )
        return exchange
