"""Builds that are killed (SIGKILL) at one file operation after the other: what they leave.

    python killed_builds.py FOLDER

Every build is a process of its own. Writes how many were killed; fails where a build left
something that is neither the old index nor the new one.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from llmrec.llm.embedder import Role, Rows
from llmrec.matching.bank import Bank
from llmrec.matching.building import build_index
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import EmbedderChoice
from llmrec.records.reviews import Item

OLD = [Item(f"i{n}", f"Story {n}") for n in range(7)]
NEW = [*OLD[2:], Item("new", "Another story")]
FILE_OPERATIONS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")


class ByLetters:
    """Makes a vector of the letters of a text."""

    model = "lexical"

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        rows = np.array([[1, *map(text.count, "Story2n3")] for text in texts], np.float32)
        unit: Rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def build(items: Sequence[Item], folder: Path, stored: Bank | None = None) -> ContentIndex:
    """Make an index without any model."""
    choice = EmbedderChoice("lexical")
    return asyncio.run(build_index(items, folder, ByLetters(), choice=choice, stored=stored))


def killed_at(operation: int, folder: Path) -> bool:
    """Build in a new process that is killed at its n-th file operation, if it comes so far."""
    child = os.fork()
    if child == 0:
        left = operation

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in FILE_OPERATIONS and str(folder) in str(arguments[0]):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        build(NEW, folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        assert os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def check(folder: Path) -> None:
    """Fail unless the index is whole, the old one or the new one."""
    index = ContentIndex(folder)
    items = list(index.items)
    assert items in (OLD, NEW), items
    texts = [item.title for item in items]
    np.testing.assert_array_equal(index.rows, asyncio.run(ByLetters().embed(texts, "passage")))
    assert index.manifest.banks["stored"].n == 2
    assert index.hub("stored").mean.shape == (len(items),)


def main(folder: Path) -> None:
    """Kill a build at every operation it makes."""
    os.fsync = lambda _: None  # takes long, and only matters where the machine stops
    stored = Bank("stored", ("Stor", "ny"), "interests")
    operation = 0
    build(OLD, folder, stored)
    while killed_at(operation, folder):
        check(folder)
        build(OLD, folder)  # what was left does not stand in the way
        operation += 1
    check(folder)
    generation = ContentIndex(folder).manifest.generation
    left = sorted(child.name for child in folder.iterdir())
    assert left == [f"data-{generation}", "manifest.json"], left
    sys.stdout.write(str(operation))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
