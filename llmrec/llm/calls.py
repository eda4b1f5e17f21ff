"""The call log: one JSON Lines file that is recording, cache, resume point and receipt."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from llmrec.digests import digest
from llmrec.errors import InputError
from llmrec.llm.call_appending import append_lines
from llmrec.llm.call_index import CallIndex
from llmrec.llm.call_lines import exchange_line
from llmrec.llm.chat import ChatRequest
from llmrec.llm.group_commit import GroupCommit

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
        self._index = CallIndex()
        if must_exist or self.path.exists():
            self._index.read_on(self.path)

    def __contains__(self, custom_id: str) -> bool:
        return self._place(custom_id) is not None

    def __len__(self) -> int:
        return len(self._index.places)

    def find(self, request: ChatRequest) -> dict[str, Any] | None:
        """Return the newest exchange of a request, or None.

        Raises:
            InputError: the line was altered: its id is not that of its request.
        """
        place = self._place(request.custom_id)
        return None if place is None else self._read(place)

    def exchanges(self) -> Iterator[dict[str, Any]]:
        """Yield the newest exchange of every request, in the order of the file."""
        for place in sorted(self._index.places.values()):
            yield self._read(place)

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
        place = appended.start
        for custom_id, line in exchanges[: appended.kept]:
            self._index.places[bytes.fromhex(custom_id)] = place
            place += len(line)
        return [None] * appended.kept + [appended.error] * (len(lines) - appended.kept)

    def _place(self, custom_id: str) -> int | None:
        ids = _LOOKED_UP.get()
        if ids is not None:
            ids.add(custom_id)
        return self._index.places.get(bytes.fromhex(custom_id))

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
