"""An embedder that takes vectors from files, and from a live embedder what they lack."""

import logging
from collections.abc import Sequence

import numpy as np

from llmrec.errors import IndexMismatch, InputError, RecordingMissing
from llmrec.llm.embedder import Embedder, Role, Rows, refuse_blank, vector_key
from llmrec.llm.live_rows import live_batches
from llmrec.llm.vectors import VectorsFile

log = logging.getLogger(__name__)

INSTALLED = "no --replay, and the embedder installed"

_NAMED = 3


class RecordedEmbedder:
    """Looks vectors up in files and records the new ones.

    Args:
        model: the embedder's name in keys.
        files: looked into in this order.
        live: makes what they lack; None where only recorded vectors are allowed, or the embedder
            is not installed.
        record_to: takes the new vectors, in the batches of a ``BatchEmbedder`` or a few texts at
            a time; None keeps them nowhere.
        must_keep: whether it is an error that they cannot be kept, or only said.
        dim: of the vectors they are to be compared with; None where that is not known.
        how_made: what it takes to have vectors made, for the message that says that they are not.
    """

    def __init__(
        self,
        model: str,
        files: Sequence[VectorsFile],
        live: Embedder | None = None,
        record_to: VectorsFile | None = None,
        *,
        must_keep: bool = False,
        dim: int | None = None,
        how_made: str = INSTALLED,
    ) -> None:
        self.model = model
        self._files = tuple(files)
        self._live = live
        self._record_to = record_to
        self._must_keep = must_keep
        self._dim = dim
        self._how_made = how_made

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        """Embed texts; see ``Embedder``.

        Raises:
            RecordingMissing: a vector is in no file, and there is no live embedder.
            ChatUnavailable: the live embedder's connection failed.
            IndexMismatch: recorded and new vectors are of two dims, or not of the dim expected.
            InputError: a text is blank, the live embedder gave other than a unit row a text, or
                new vectors must be kept and cannot be.
        """
        keys = self.keys(texts, role)
        found = {key: row for key in set(keys) if (row := self._find(key)) is not None}
        missing = {k: text for k, text in zip(keys, texts, strict=True) if k not in found}
        if missing:
            found.update(await self._made(missing, role))
        dims = {len(row) for row in found.values()}
        if len(dims) > 1:
            raise IndexMismatch(f"{self.model}: vectors of {sorted(dims)} dims were mixed")
        for dim in dims:
            self._refuse_other(dim)
        return np.stack([found[key] for key in keys]) if keys else np.zeros((0, 0), np.float32)

    def keys(self, texts: Sequence[str], role: Role) -> list[str]:
        """Return the key of each text.

        Raises:
            InputError: a text is blank.
        """
        refuse_blank(texts)
        return [vector_key(self.model, role, text) for text in texts]

    def has(self, key: str) -> bool:
        """Say whether a vector is in a file."""
        return self._find(key) is not None

    def _find(self, key: str) -> Rows | None:
        return next((file[key] for file in self._files if key in file), None)

    async def _made(self, missing: dict[str, str], role: Role) -> dict[str, Rows]:
        if self._live is None:
            raise RecordingMissing(
                [
                    f"no {role} vector of {self.model} for {text[:80]!r}"
                    for text in missing.values()
                ][:_NAMED],
                f"{len(missing)} vectors are missing from {self._places()}: give a vectors file "
                f"that has them (--vectors), or have them made ({self._how_made})",
            )
        made: dict[str, Rows] = {}
        keys = list(missing)
        async for rows in live_batches(self._live, list(missing.values()), role):
            self._refuse_other(rows.shape[1])
            batch, keys = keys[: len(rows)], keys[len(rows) :]
            made.update(zip(batch, rows, strict=True))
            self._record(batch, rows)
        return made

    def _refuse_other(self, dim: int) -> None:
        if self._dim not in (None, dim):
            raise IndexMismatch(
                f"{self.model}: vectors of {self._dim} dims are expected, as in the index, came "
                f"{dim}: ask what the index was made with, or make it again"
            )

    def _record(self, keys: Sequence[str], rows: Rows) -> None:
        if self._record_to is None:
            return
        try:
            self._record_to.append(keys, rows)
        except InputError as error:
            if self._must_keep:
                raise
            log.warning("new vectors are not kept: %s", error)
            self._record_to = None

    def _places(self) -> str:
        return ", ".join(str(file.path) for file in self._files) or "the files (none was given)"
