"""An index that grows: what is embedded again, what is not, and that nobody sees half of it."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import killed_builds
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec.errors import IndexMismatch, InputError
from llmrec.llm.embedder import Embedder, Role, Rows, vector_key
from llmrec.llm.vectors import VectorsFile
from llmrec.matching import bank as banks
from llmrec.matching import building, content_index, index_folder
from llmrec.matching.bank import Bank, bank_of_items
from llmrec.matching.building import build_index
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.index_folder import next_generation
from llmrec.matching.item_text import item_text
from llmrec.records.reviews import Item

ITEMS = [Item(f"i{n}", f"Harbour story {n}") for n in range(5)]
STORED = Bank("stored", ("gulls", "boats and nets"), "interests", ("d1",))
CHOICE = EmbedderChoice("openai:m", query_prefix="q: ")


class Remembering:
    """Embeds by the letters of a text, and remembers what it was asked."""

    model = CHOICE.key_model

    def __init__(self, letters: str = "Harbouestyi0123456789") -> None:
        self.asked: list[tuple[Role, str]] = []
        self._letters = letters

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        self.asked += [(role, text) for text in texts]
        rows = np.array([[1, *map(text.count, self._letters)] for text in texts], np.float32)
        unit: Rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def build(
    items: Sequence[Item],
    folder: Path,
    embedder: Embedder | None = None,
    stored: Bank | None = None,
    *,
    choice: EmbedderChoice = CHOICE,
    vectors: VectorsFile | None = None,
) -> ContentIndex:
    return asyncio.run(
        build_index(
            items,
            folder,
            embedder or Remembering(),
            choice=choice,
            stored=stored,
            vectors=vectors,
        )
    )


def counts(index: ContentIndex) -> tuple[int, int, int]:
    growth = index.manifest.growth
    return growth.reused, growth.embedded, growth.removed


def assert_same(grown: ContentIndex, fresh: ContentIndex) -> None:
    """An index that grew is the one that would have been made at once."""
    assert tuple(grown.items) == tuple(fresh.items)
    np.testing.assert_array_equal(grown.rows, fresh.rows)
    assert grown.manifest.banks == fresh.manifest.banks
    assert {file.name for file in grown.files.iterdir()} == {
        file.name for file in fresh.files.iterdir()
    }
    for kind in ("index", "stored"):
        if kind in fresh.manifest.banks:
            ours, theirs = grown.hub(kind), fresh.hub(kind)
            np.testing.assert_allclose(ours.mean, theirs.mean, atol=1e-6)
            np.testing.assert_allclose(ours.deviation, theirs.deviation, atol=1e-6)
    for file in ("bank.npy", "offsets.npy", "ids.npy", "categories.npy"):
        np.testing.assert_array_equal(np.load(grown.files / file), np.load(fresh.files / file))


def test_only_new_texts_are_embedded(tmp_path: Path) -> None:
    build(ITEMS, tmp_path / "i")
    changed = Item("i1", "Harbour story 1, revised")
    embedder = Remembering()
    index = build([Item("new", "Nets"), changed, *ITEMS[3:]], tmp_path / "i", embedder)
    texts = ["Nets", "Harbour story 1, revised"]
    assert embedder.asked == [("passage", text) for text in texts] + [
        ("query", text) for text in bank_of_items(tuple(index.items)).texts if text in texts
    ]
    assert counts(index) == (2, 2, 2)
    assert_same(index, build(tuple(index.items), tmp_path / "fresh"))


def test_the_same_catalogue_again_embeds_nothing(tmp_path: Path) -> None:
    build(ITEMS, tmp_path / "i", stored=STORED)
    embedder = Remembering()
    index = build(ITEMS, tmp_path / "i", embedder, STORED)
    assert embedder.asked == []
    assert counts(index) == (5, 0, 0)
    assert_same(index, build(ITEMS, tmp_path / "fresh", stored=STORED))


def test_only_the_text_of_an_item_decides(tmp_path: Path) -> None:
    build(ITEMS, tmp_path / "i")
    embedder = Remembering()
    renamed = [Item(f"new-{item.item_id}", item.title) for item in ITEMS]
    index = build(renamed[::-1], tmp_path / "i", embedder)
    assert embedder.asked == []
    assert counts(index) == (5, 0, 5)
    assert_same(index, build(renamed[::-1], tmp_path / "fresh"))


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.lists(
            st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1, unique_by=lambda i: i[0]
        ),
        min_size=2,
        max_size=4,
    ),
    bank_size=st.sampled_from([2, 600]),
)
def test_an_index_that_grew_is_the_one_made_at_once(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[list[tuple[int, int]]],
    bank_size: int,
) -> None:
    folder = tmp_path_factory.mktemp("grown")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(banks, "N_ITEMS", bank_size)
        seen: set[str] = set()
        for number, step in enumerate(steps):
            items = [Item(f"i{n}", f"Story {text}") for n, text in step]
            embedder = Remembering()
            grown = build(items, folder / "i", embedder, None if number else STORED)
            asked = [text for role, text in embedder.asked if role == "passage"]
            assert seen.isdisjoint(asked)
            seen = {item.title for item in items}
        assert_same(grown, build(items, folder / "fresh", stored=STORED))


def test_a_stored_bank_stays_until_another_is_given(tmp_path: Path) -> None:
    build(ITEMS, tmp_path / "i", stored=STORED)
    embedder = Remembering()
    index = build([*ITEMS, Item("new", "Nets")], tmp_path / "i", embedder)
    assert ("query", "gulls") not in embedder.asked
    assert index.manifest.banks["stored"].reviews == ("d1",)
    assert_same(index, build(tuple(index.items), tmp_path / "fresh", stored=STORED))
    other = Bank("stored", ("gulls",), "interests")
    index = build(ITEMS, tmp_path / "i", embedder, stored=other)
    assert ("query", "gulls") in embedder.asked
    assert index.manifest.banks["stored"].digest == other.digest


@pytest.mark.parametrize(
    "choice",
    [EmbedderChoice("openai:m"), EmbedderChoice("openai:m", "q: ", "p: ")],
    ids=["another query prefix", "another passage prefix"],
)
def test_an_index_by_another_embedder_is_replaced_as_a_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, choice: EmbedderChoice
) -> None:
    build(ITEMS, tmp_path / "i", stored=STORED)
    embedder = Remembering()
    with caplog.at_level(logging.WARNING):
        index = build(ITEMS, tmp_path / "i", embedder, choice=choice)
    assert "made by another embedder or of other item texts: nothing of it is kept" in caplog.text
    assert [text for role, text in embedder.asked if role == "passage"] == [
        item.title for item in ITEMS
    ]
    assert index.manifest.banks.keys() == {"index"}


def test_an_index_of_other_item_texts_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = build(ITEMS, tmp_path / "i").folder
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["item_text"] = "title only"
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert counts(build(ITEMS, folder)) == (0, 5, 0)


@pytest.mark.parametrize("name", ["manifest.json", "data-1/items.jsonl", "data-1/rows.npy"])
def test_a_damaged_index_can_be_built_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    folder = build(ITEMS, tmp_path / "i").folder
    (folder / name).write_bytes(b"{}")
    with caplog.at_level(logging.WARNING):
        index = build(ITEMS, folder)
    assert "the older index cannot be read: " in caplog.text
    assert counts(index) == (0, 5, 0)
    assert_same(index, build(ITEMS, tmp_path / "fresh"))


def test_vectors_of_another_dim_are_refused(tmp_path: Path) -> None:
    build(ITEMS, tmp_path / "i")
    with pytest.raises(IndexMismatch, match=r"22 dims.*as in the index that is there, came 3"):
        build([*ITEMS, Item("new", "Nets")], tmp_path / "i", Remembering("ab"))
    assert len(ContentIndex(tmp_path / "i")) == 5


def test_vectors_that_change_their_dim_on_the_way_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shrinking(Remembering):
        async def embed(self, texts: Sequence[str], role: Role) -> Rows:
            rows = await super().embed(texts, role)
            return rows if texts == [item_text(ITEMS[0])] else rows[:, :-1]

    monkeypatch.setattr(building, "_BATCH", 1)
    with pytest.raises(IndexMismatch, match=r"as in the first answer, came .*: one model must"):
        build(ITEMS, tmp_path / "i", Shrinking())


def test_query_vectors_are_handed_on(tmp_path: Path) -> None:
    keys = [vector_key(CHOICE.key_model, "query", text) for text in ("asked", "asked later")]
    row = np.eye(22, dtype=np.float32)[:1]
    vectors = VectorsFile(tmp_path / "v.npz", CHOICE.key_model)
    vectors.append(keys[:1], row)
    first = build(ITEMS, tmp_path / "i", vectors=vectors)
    VectorsFile(first.files / "queries.npz", CHOICE.key_model).append(keys[1:], row)
    second = build(ITEMS[:2], tmp_path / "i")
    assert not (second.files / "queries.npz.part").exists()
    kept = VectorsFile(second.files / "queries.npz", CHOICE.key_model)
    assert all(key in kept for key in keys)


def test_statistics_of_runs_are_not_handed_on(tmp_path: Path) -> None:
    first = build(ITEMS, tmp_path / "i")
    first.keep_run_hub("d1", first.hub("index"))
    second = build(ITEMS, tmp_path / "i")
    assert second.run_hub("d1") is None
    assert [path.name for path in second.folder.rglob("run_hub_*")] == []
    first.keep_run_hub("d2", first.hub("index"))  # its folder is gone: no more than a note
    assert second.run_hub("d2") is None


def as_format_1(index: ContentIndex) -> Path:
    """Lay an index out as the version before did."""
    folder = index.folder
    for file in index.files.iterdir():
        if file.name not in ("offsets.npy", "ids.npy", "categories.npy"):
            file.rename(folder / file.name)
    for file in index.files.iterdir():
        file.unlink()
    index.files.rmdir()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    older = {key: manifest[key] for key in manifest if key not in ("generation", "growth")}
    (folder / "manifest.json").write_text(json.dumps(older | {"format": 1}), "utf-8")
    return folder


def test_an_index_of_format_1_is_read_and_grows(tmp_path: Path) -> None:
    folder = as_format_1(build(ITEMS, tmp_path / "i", stored=STORED))
    older = ContentIndex(folder)
    assert tuple(older.items) == tuple(ITEMS)
    assert older.positions(["i3", "nobody"]) == [3]
    assert older.titles["i2"] == "Harbour story 2"
    older.keep_run_hub("d1", older.hub("stored"))
    assert (folder / "run_hub_d1.npy").exists()
    grown = build(ITEMS[1:], folder)
    assert counts(grown) == (4, 0, 1)
    assert_same(grown, build(ITEMS[1:], tmp_path / "fresh", stored=STORED))
    assert {child.name for child in folder.iterdir()} == {"manifest.json", "data-1"}


def test_an_opened_index_stays_whole(tmp_path: Path) -> None:
    opened = build(ITEMS, tmp_path / "i", stored=STORED)
    build([Item("i4", "Nets")], tmp_path / "i")
    assert not opened.files.exists()
    assert tuple(opened.items) == tuple(ITEMS)
    assert opened.titles["i4"] == "Harbour story 4"
    rows = asyncio.run(Remembering().embed([item.title for item in ITEMS], "passage"))
    np.testing.assert_array_equal(opened.rows, rows)
    assert opened.hub("stored").mean.shape == (5,)


def test_an_index_replaced_while_it_is_being_opened_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(ITEMS, tmp_path / "i")
    read = content_index.read_manifest
    replaced = False

    def and_then_replace(folder: Path) -> object:
        nonlocal replaced
        manifest = read(folder)
        if not replaced:
            replaced = True
            build(ITEMS[:2], tmp_path / "i")
        return manifest

    monkeypatch.setattr(content_index, "read_manifest", and_then_replace)
    assert tuple(ContentIndex(tmp_path / "i").items) == tuple(ITEMS[:2])


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    build(ITEMS, tmp_path / "i")
    with (
        next_generation(tmp_path / "i"),
        pytest.raises(InputError, match="another process is writing here"),
    ):
        build(ITEMS[:2], tmp_path / "i")
    assert len(ContentIndex(tmp_path / "i")) == 5
    assert len(build(ITEMS[:2], tmp_path / "i")) == 2


def test_a_writer_that_comes_too_late_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(ITEMS, tmp_path / "i")
    numbers = iter([0])
    newest = index_folder._newest
    monkeypatch.setattr(index_folder, "_newest", lambda folder: next(numbers, newest(folder)))
    with pytest.raises(InputError, match="another process has just written here"):
        build(ITEMS[:2], tmp_path / "i")
    assert len(ContentIndex(tmp_path / "i")) == 5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork and no SIGKILL")
def test_a_build_that_is_killed_at_any_moment_leaves_a_whole_index(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, killed_builds.__file__, str(tmp_path / "i")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
