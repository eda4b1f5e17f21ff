"""The Batch API of an OpenAI-compatible server: answers within a day, at half the price."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from llmrec.errors import InputError
from llmrec.llm.batch_folder import BatchFolder, Part
from llmrec.llm.chat import CHAT_URL
from llmrec.llm.openai_client import Expected, Server
from llmrec.records.replacing import replaced

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
"""What a batch's status is when nothing more comes of it."""

_MARK = "llmrec_input_sha256"
"""What a batch carries of its input file, so that it is found again."""

_WINDOW: Final = "24h"
_OBJECT = Expected("id", str)
_PAGE = 100
_OUTPUTS = {"output_file_id": "output", "error_file_id": "errors"}


class OpenAIBatches:
    """Runs the batches of a folder on a server, from wherever an earlier run was stopped.

    What the server said is on disk before the next step. A run may be killed between a batch's
    beginning and that; so each batch carries the digest of its input file, and is looked for before
    it is begun: nothing is paid twice.

    Args:
        server: to call.
        folder: of the batches.
    """

    def __init__(self, server: Server, folder: BatchFolder) -> None:
        self._server = server
        self._folder = folder

    async def submit(self) -> None:
        """Begin the batches that were not begun.

        Raises:
            ChatError: the server does not take one; the next ``submit`` goes on from there.
            InputError: a file of the folder cannot be read or written.
        """
        waiting = [part for part in self._folder.parts if part.batch_id is None]
        begun = await self._begun() if waiting else {}
        for part in waiting:
            batch = begun.get(part.sha256)
            if batch is None:
                batch = await self._begin(part)
            else:
                log.info("%s: batch %s was begun before", part.input, batch["id"])
            self._keep(part, batch)

    async def refresh(self) -> bool:
        """Ask how far the batches are that had not ended, and say whether all begun ones have.

        Raises:
            ChatError: the server does not say.
            InputError: the folder cannot be written.
        """
        for part in self._folder.parts:
            if part.batch_id is not None and part.status not in ENDED:
                self._keep(part, await self._batch(part.batch_id))
        begun = [part for part in self._folder.parts if part.batch_id is not None]
        return all(part.status in ENDED for part in begun)

    async def fetch(self) -> None:
        """Download the answers and the errors of the batches that have ended, each file once.

        Raises:
            ChatError: the server does not give one.
            InputError: a file cannot be written.
        """
        for part in self._folder.parts:
            if part.batch_id is not None and part.status in ENDED and not part.fetched:
                batch = await self._batch(part.batch_id)
                names = [
                    await self._download(file_id, part.input.replace("input", what))
                    for field, what in _OUTPUTS.items()
                    if (file_id := batch.get(field))
                ]
                self._folder.keep(replace(part, fetched=tuple(names)))

    async def _begin(self, part: Part) -> Mapping[str, Any]:
        file_id = part.file_id
        if file_id is None:
            upload = partial(_upload, path=self._folder.path / part.input)
            file_id = (await self._server.call(upload, _OBJECT))["id"]
            self._folder.keep(replace(part, file_id=file_id))
        return await self._server.once(
            lambda client: client.batches.with_raw_response.create(
                input_file_id=file_id,
                endpoint=CHAT_URL,
                completion_window=_WINDOW,
                metadata={_MARK: part.sha256},
            ),
            _OBJECT,
        )

    async def _begun(self) -> dict[str, Mapping[str, Any]]:
        """Return the newest batch of each input that is under way or has answers, by digest."""
        batches: list[Mapping[str, Any]] = []
        more = True
        while more:
            after = batches[-1]["id"] if batches else None
            page = await self._server.call(partial(_list, after=after), Expected("data"))
            batches += page["data"]
            more = bool(page["data"]) and page.get("has_more") is True
        return {
            (batch.get("metadata") or {}).get(_MARK, ""): batch
            for batch in reversed(batches)
            if batch.get("status") not in ENDED or batch.get("output_file_id")
        }

    async def _batch(self, batch_id: str) -> Mapping[str, Any]:
        return await self._server.call(
            lambda client: client.batches.with_raw_response.retrieve(batch_id), _OBJECT
        )

    async def _download(self, file_id: str, name: str) -> str:
        content = await self._server.download(
            lambda client: client.files.with_raw_response.content(file_id)
        )
        with replaced(self._folder.path / name) as file:
            file.write(content)
        return name

    def _keep(self, part: Part, batch: Mapping[str, Any]) -> None:
        """Keep what the server says of a part's batch, and say it."""
        status = str(batch.get("status") or "unknown")
        self._folder.keep(
            replace(part, file_id=batch.get("input_file_id"), batch_id=batch["id"], status=status)
        )
        counts = batch.get("request_counts") or {}
        done = f"{counts.get('completed', 0)} answered, {counts.get('failed', 0)} failed"
        log.info("%s: %s, of %d requests %s", part.input, status, part.requests, done)
        for error in (batch.get("errors") or {}).get("data") or ():
            log.error("%s: the server refuses it: %s", part.input, error.get("message"))


async def _upload(client: "AsyncOpenAI", path: Path) -> Any:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None
    return await client.files.with_raw_response.create(file=(path.name, content), purpose="batch")


async def _list(client: "AsyncOpenAI", after: str | None) -> Any:
    place = {} if after is None else {"after": after}
    return await client.batches.with_raw_response.list(limit=_PAGE, extra_query=place)
