"""The demo's catalogue as an index, and embedders whose vectors a test chooses."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from llmrec.llm.embedder import Embedder, Role, Rows
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import LOCAL_MODEL
from llmrec.recommender import Recommender
from llmrec.records.profile import Evidence, Interest, InterestProfile
from llmrec.records.reading import read_items
from llmrec.records.reviews import Item

ProfileOf = Callable[..., InterestProfile]


class ChosenVectors:
    """Embeds from a table of texts, the same for both roles, and remembers what it was asked."""

    def __init__(self, table: Mapping[str, Sequence[float]], model: str = LOCAL_MODEL) -> None:
        self.model = model
        self.asked: list[str] = []
        self._table = table

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        self.asked += texts
        return np.array([self._table[text] for text in texts], np.float32)


class NotAsked:
    """An embedder that must not be needed."""

    model = LOCAL_MODEL

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        raise AssertionError(f"asked to embed {len(texts)} texts")


@pytest.fixture
def chosen_vectors() -> Callable[[Mapping[str, Sequence[float]]], ChosenVectors]:
    return ChosenVectors


@pytest.fixture
def not_asked() -> Embedder:
    return NotAsked()


@pytest.fixture(scope="session")
def demo_items(demo: Path) -> tuple[Item, ...]:
    return tuple(read_items(demo / "items.jsonl"))


@pytest.fixture(scope="session")
def demo_folder(
    demo: Path, demo_items: tuple[Item, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The index of the demo, built once from the recorded vectors; not to be written to."""
    folder = tmp_path_factory.mktemp("demo") / "index"
    Recommender.index(demo_items, folder, vectors=demo / "vectors.npz", mode="replay")
    return folder


@pytest.fixture(scope="session")
def demo_index(demo_folder: Path) -> ContentIndex:
    return ContentIndex(demo_folder)


@pytest.fixture
def folder(demo_folder: Path, tmp_path: Path) -> Path:
    """A copy of the demo's index that a test may spoil."""
    return shutil.copytree(demo_folder, tmp_path / "index")


@pytest.fixture
def profile_of() -> ProfileOf:
    """Make a profile of (name, polarity, weight) triples."""

    def make(user_id: str, *interests: tuple[str, str, float]) -> InterestProfile:
        quote = (Evidence("r1", "text", "so it is"),)
        return InterestProfile(
            user_id=user_id,
            language="en",
            summary="",
            interests=tuple(
                Interest(name, polarity, weight, f"about {name}", quote)  # type: ignore[arg-type]
                for name, polarity, weight in interests
            ),
        )

    return make


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file can be replaced, as on a file system that is mounted read-only."""

    def refuse(_: int) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        yield
