"""An embedder of one's own, an object: index, open, grow, record."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmrec import EmbedderChoice, Plan, ServerChoice, plan_index
from llmrec.cli import run
from llmrec.errors import (
    ChatUnavailable,
    IndexMismatch,
    InputError,
    RecordingMissing,
    SettingsError,
)
from llmrec.llm.embedder import Role, Rows
from llmrec.matching.embedding import LexicalEmbedder
from llmrec.recommender import Recommender
from llmrec.records.reading import read_items
from llmrec.records.reviews import Item

TYPED = "quiet films about space"
NEW = Item("new", "A very new film about a lighthouse")


class Mine:
    """Words as the lexical embedder sees them, the roles told apart; keeps what it was asked."""

    def __init__(self, model: str = "mine") -> None:
        self.model = model
        self.asked: list[tuple[Role, str]] = []
        self._words = LexicalEmbedder()

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        self.asked += [(role, text) for text in texts]
        return await self._words.embed([f"{role} {text}" for text in texts], role)


class Long(Mine):
    """Forgets to divide by the length."""

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        return 2 * await super().embed(texts, role)


class Stopping(Mine):
    """Stops in the middle."""

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        if len(self.asked) >= 64:
            raise ConnectionError("gone")
        return await super().embed(texts, role)


class Lists(Mine):
    """Gives lists of doubles."""

    async def embed(self, texts: Sequence[str], role: Role) -> Any:
        return (await super().embed(texts, role)).astype(np.float64).tolist()


class First(Mine):
    """Gives one row without its axis."""

    async def embed(self, texts: Sequence[str], role: Role) -> Any:
        return (await super().embed(texts, role))[0]


class Waiting(Mine):
    """Does not let others work meanwhile."""

    def embed(self, texts: Sequence[str], role: Role) -> Any:
        return np.eye(len(texts), 64)


class Narrow(Mine):
    """Makes other vectors under the same name."""

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        return np.eye(len(texts), 64, dtype=np.float32)


@pytest.fixture(scope="module")
def items(demo: Path) -> list[Item]:
    return list(read_items(demo / "items.jsonl"))


@pytest.fixture
def index(tmp_path: Path, items: list[Item]) -> Path:
    Recommender.index(items, tmp_path / "index", embedder=Mine())
    return tmp_path / "index"


def manifest_of(index: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((index / "manifest.json").read_text("utf-8"))
    return manifest


def test_an_index_is_made_with_it_and_says_so(tmp_path: Path, items: list[Item]) -> None:
    mine = Mine()
    made = Recommender.index(items, tmp_path / "index", embedder=mine)
    assert sum(role == "passage" for role, _ in mine.asked) == len(items)
    mine.asked.clear()
    assert len(made.recommend_for(TYPED, 3)) == 3
    assert mine.asked == [("query", TYPED)]
    manifest = manifest_of(tmp_path / "index")
    assert (manifest["embedder"], manifest["model"]) == ("own:mine", "mine")
    assert (manifest["format"], manifest["dim"]) == (2, 4096)


def test_opened_with_it_the_index_gives_the_same(tmp_path: Path, items: list[Item]) -> None:
    made = Recommender.index(items, tmp_path / "index", embedder=Mine())
    mine = Mine()
    opened = Recommender.open(tmp_path / "index", embedder=mine)
    found = opened.recommend_for(TYPED, 5)
    assert mine.asked == [("query", TYPED)]
    assert opened.recommend_for(TYPED, 5) == found
    assert mine.asked == [("query", TYPED)]  # the vector is in the index
    assert made.recommend_for(TYPED, 5) == found


def test_the_async_twin_takes_it_too(tmp_path: Path, items: list[Item]) -> None:
    async def main() -> int:
        made = await Recommender.aindex(items, tmp_path / "index", embedder=Mine())
        return len(await made.arecommend_for(TYPED, 4))

    assert asyncio.run(main()) == 4


def test_one_of_another_name_is_refused(index: Path) -> None:
    with pytest.raises(IndexMismatch, match="made with 'mine', and the embedder given is 'other'"):
        Recommender.open(index, embedder=Mine("other"))


def test_without_it_what_is_not_recorded_says_that_it_must_be_given(index: Path) -> None:
    Recommender.open(index, embedder=Mine()).recommend_for(TYPED)
    opened = Recommender.open(index)
    assert len(opened.recommend_for(TYPED)) == 10
    with pytest.raises(RecordingMissing, match="the embedder, an object, given to Recommender"):
        opened.recommend_for("something else")


def test_replaying_it_is_not_asked(index: Path) -> None:
    mine = Mine()
    with pytest.raises(RecordingMissing):
        Recommender.open(index, embedder=mine, mode="replay").recommend_for(TYPED)
    assert mine.asked == []


def test_no_server_takes_its_place(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody")
    with pytest.raises(RecordingMissing, match="embedder="):
        Recommender.open(index).recommend_for(TYPED)


def test_an_object_and_a_server_contradict_each_other(index: Path) -> None:
    with pytest.raises(SettingsError, match="embedder= or embed_server="):
        Recommender.open(index, embedder=Mine(), embed_server=ServerChoice())


def test_an_object_that_makes_the_vectors_of_a_name_may_stand_in_its_place(
    tmp_path: Path, items: list[Item]
) -> None:
    by_name = Recommender.index(items, tmp_path / "index", embedder="lexical")
    by_object = Recommender.open(tmp_path / "index", embedder=LexicalEmbedder())
    assert by_object.recommend_for(TYPED) == by_name.recommend_for(TYPED)


def test_the_index_grows_without_embedding_the_rest_again(index: Path, items: list[Item]) -> None:
    mine = Mine()
    Recommender.index([*items[1:], NEW], index, embedder=mine)
    assert [text for role, text in mine.asked if role == "passage"] == [NEW.title]
    growth = manifest_of(index)["growth"]
    assert growth == {"reused": len(items) - 1, "embedded": 1, "removed": 1}


@pytest.mark.parametrize("other", ["lexical", Mine("other")])
def test_of_an_index_by_another_embedder_nothing_is_kept(
    index: Path, items: list[Item], other: str | Mine, caplog: pytest.LogCaptureFixture
) -> None:
    Recommender.index(items, index, embedder=other)
    assert manifest_of(index)["growth"]["reused"] == 0
    assert "made by another embedder" in caplog.text


def test_vectors_are_recorded_where_that_is_asked_for(tmp_path: Path, items: list[Item]) -> None:
    vectors = tmp_path / "v.npz"
    Recommender.index(items, tmp_path / "one", embedder=Mine(), vectors=vectors)
    silent = Mine()
    Recommender.index(items, tmp_path / "two", embedder=silent, vectors=vectors, mode="replay")
    assert silent.asked == []
    first, second = (manifest_of(tmp_path / name) for name in ("one", "two"))
    assert first == second
    with pytest.raises(IndexMismatch, match="vectors of 'other' are expected"):
        Recommender.index(items, tmp_path / "three", embedder=Mine("other"), vectors=vectors)


def test_what_it_made_is_kept_until_the_index_is_complete(
    tmp_path: Path, items: list[Item]
) -> None:
    stopping = Stopping()
    with pytest.raises(ChatUnavailable, match="mine: gone"):
        Recommender.index(items, tmp_path / "index", embedder=stopping)
    mine = Mine()
    Recommender.index(items, tmp_path / "index", embedder=mine)
    assert not set(stopping.asked) & set(mine.asked)


def test_rows_that_are_not_of_length_1_are_refused(tmp_path: Path, items: list[Item]) -> None:
    with pytest.raises(InputError, match="mine: rows of length 1 are expected, came one of len"):
        Recommender.index(items, tmp_path / "index", embedder=Long())
    assert not list(tmp_path.rglob("manifest.json"))


@pytest.mark.parametrize("wrong", [object(), Mine, 7, Mine("")])
def test_what_is_no_embedder_is_refused(tmp_path: Path, items: list[Item], wrong: Any) -> None:
    with pytest.raises(SettingsError, match=r"an object with a model.*see llmrec\.Embedder"):
        Recommender.index(items, tmp_path / "index", embedder=wrong)


def test_open_takes_no_name(index: Path) -> None:
    with pytest.raises(SettingsError, match=r"came 'local'"):
        Recommender.open(index, embedder="local")  # type: ignore[arg-type]


def test_a_plan_of_it_calls_nothing(tmp_path: Path, items: list[Item]) -> None:
    plan, mine = Plan(), Mine()
    plan_index(items, tmp_path / "index", plan, embedder=mine)
    assert (plan.embeddings, mine.asked) == ({}, [])


def test_choices_of_one_name_are_the_same() -> None:
    assert EmbedderChoice.of(Mine()) == EmbedderChoice("own:mine")
    assert EmbedderChoice.of(EmbedderChoice("lexical")) == EmbedderChoice.of("lexical")


def test_the_command_line_answers_from_recorded_vectors_alone(
    index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Recommender.open(index, embedder=Mine()).recommend_for(TYPED)
    assert run(["recommend", "--index", str(index), "--like", TYPED]) == 0
    assert run(["recommend", "--index", str(index), "--like", "something else"]) == 4
    assert "given to Recommender.open as embedder=" in capsys.readouterr().err


def test_the_command_line_makes_no_index_with_it(
    index: Path, demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = ["index", str(demo / "items.jsonl"), "-o", str(index), "--embedder", "own:mine"]
    assert run(ours) == 2
    assert "give it from Python" in capsys.readouterr().err
    assert run([*ours, "--dry-run"]) == 0
    assert "own:mine calls no server" in capsys.readouterr().out


def test_rows_are_taken_as_an_array_of_float32(tmp_path: Path, items: list[Item]) -> None:
    made = Recommender.index(items[:3], tmp_path / "index", embedder=Lists())
    assert len(made.recommend_for(TYPED, 3)) == 3
    with pytest.raises(InputError, match=r"\(n_texts, dim\), came an array of 1 axes"):
        Recommender.index(items[:3], tmp_path / "other", embedder=First())


def test_one_that_is_not_async_is_told_to_be(tmp_path: Path, items: list[Item]) -> None:
    with pytest.raises(SettingsError, match="mine: its method embed must be async"):
        Recommender.index(items[:3], tmp_path / "index", embedder=Waiting())


def test_vectors_of_other_dims_than_those_of_the_index_are_refused(index: Path) -> None:
    with pytest.raises(IndexMismatch, match="of 4096 dims are expected, as in the index, came 64"):
        Recommender.open(index, embedder=Narrow()).recommend_for(TYPED)
    assert len(Recommender.open(index, embedder=Mine()).recommend_for(TYPED, 3)) == 3
