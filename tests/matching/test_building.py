"""An index folder that is built: its files, and that it is replaced as a whole or not at all."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from llmrec.errors import InputError, RecordingMissing
from llmrec.llm.embedder import Embedder, Role, Rows, vector_key
from llmrec.llm.recorded_embedder import RecordedEmbedder
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.bank import Bank, bank_of_items, bank_of_reviews
from llmrec.matching.building import build_index
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import LOCAL_MODEL, EmbedderChoice, LexicalEmbedder
from llmrec.matching.item_text import RULE, item_text
from llmrec.matching.similarity import hub_statistics
from llmrec.records.reading import read_items
from llmrec.records.reviews import Item, Review

TABLES = {"offsets.npy", "ids.npy", "categories.npy"}
OWN_FILES = {"items.jsonl", "rows.npy", "bank.npy", "hub.npy", *TABLES}

ITEMS = [Item(f"i{n}", f"Harbour story {n}", "Boats come and go.", ("film",)) for n in range(5)]


class Failing:
    """A lexical embedder that fails on one call, or gives a vector that is not finite."""

    model = "lexical"

    def __init__(self, role: Role, call: int = 0, *, not_finite: bool = False) -> None:
        self._role = role
        self._calls_left = call
        self._not_finite = not_finite

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        rows = await LexicalEmbedder().embed(texts, role)
        if role != self._role:
            return rows
        self._calls_left -= 1
        if self._calls_left < 0:
            if not self._not_finite:
                raise RecordingMissing(["no such vector"], "record it")
            rows[-1, 0] = np.nan
        return rows


def build(
    items: Sequence[Item],
    folder: Path,
    embedder: Embedder | None = None,
    stored: Bank | None = None,
) -> ContentIndex:
    return asyncio.run(
        build_index(
            iter(items),
            folder,
            embedder or LexicalEmbedder(),
            choice=EmbedderChoice("lexical"),
            stored=stored,
        )
    )


def contents(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def test_the_files_of_an_index(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "index"
    index = build(ITEMS, folder)
    assert set(contents(folder / "data-1")) == OWN_FILES
    assert set(folder.iterdir()) == {folder / "manifest.json", folder / "data-1"}
    assert list(read_items(index.files / "items.jsonl")) == ITEMS == list(index.items)
    rows, bank, hub = (np.load(index.files / f"{name}.npy") for name in ("rows", "bank", "hub"))
    expected = asyncio.run(LexicalEmbedder().embed([item_text(i) for i in ITEMS], "passage"))
    np.testing.assert_array_equal(rows, expected)
    chosen = asyncio.run(LexicalEmbedder().embed(bank_of_items(ITEMS).texts, "query"))
    np.testing.assert_array_equal(bank, chosen)
    statistics = hub_statistics(rows, bank)
    np.testing.assert_allclose(hub, [statistics.mean, statistics.deviation], atol=1e-7)
    assert (rows.dtype, bank.dtype, hub.dtype) == (np.float32, np.float32, np.float64)


def test_the_manifest_says_what_the_index_is_made_of(tmp_path: Path) -> None:
    build(ITEMS, tmp_path / "index")
    manifest = json.loads((tmp_path / "index" / "manifest.json").read_text("utf-8"))
    assert (manifest["format"], manifest["generation"]) == (2, 1)
    assert (manifest["embedder"], manifest["model"]) == ("lexical", "lexical")
    assert (manifest["n_items"], manifest["dim"]) == (5, 4096)
    assert manifest["item_text"] == RULE
    own = bank_of_items(ITEMS)
    entry = {"digest": own.digest, "source": "items", "n": 5, "reviews": []}
    assert manifest["banks"] == {"index": {**entry, "languages": list(own.languages)}}
    assert manifest["growth"] == {"reused": 0, "embedded": 5, "removed": 0}
    assert manifest["versions"].keys() == {"llmrec", "numpy"}


def test_an_index_built_from_recorded_vectors_holds_the_query_vectors_among_them(
    demo: Path, demo_folder: Path, demo_items: tuple[Item, ...]
) -> None:
    assert set(contents(demo_folder / "data-1")) == {*OWN_FILES, "queries.npz"}
    given = VectorsFile(demo / "vectors.npz", LOCAL_MODEL)
    kept = VectorsFile(demo_folder / "data-1" / "queries.npz", LOCAL_MODEL)
    passages = {vector_key(LOCAL_MODEL, "passage", item_text(item)) for item in demo_items}
    assert kept.rows.keys() == given.rows.keys() - passages
    assert all(np.array_equal(kept[key], given[key]) for key in kept.rows)


def test_query_vectors_made_while_building_are_kept_too(
    chosen_vectors: Callable[[Mapping[str, Sequence[float]]], Embedder], tmp_path: Path
) -> None:
    embedder = chosen_vectors({"Quay": (1, 0), "Mole": (0, 1)})
    vectors = VectorsFile(tmp_path / "v.npz", embedder.model)
    recorded = RecordedEmbedder(embedder.model, [vectors], live=embedder)
    items = [Item("q", "Quay"), Item("m", "Mole")]
    index = asyncio.run(
        build_index(
            items, tmp_path / "i", recorded, choice=EmbedderChoice("local"), vectors=vectors
        )
    )
    kept = VectorsFile(index.files / "queries.npz", embedder.model)
    assert set(kept.rows) == {
        vector_key(embedder.model, "query", text) for text in ("Quay", "Mole")
    }


def test_a_stored_bank_stands_beside_the_indexs_own(tmp_path: Path) -> None:
    reviews = [Review("u", f"Gulls over pier {n}", review_id=str(n)) for n in range(3)]
    stored = bank_of_reviews(reviews)
    index = build(ITEMS, tmp_path / "index", stored=stored)
    assert set(contents(index.files)) == {*OWN_FILES, "stored_bank.npy", "stored_hub.npy"}
    entry = index.manifest.banks["stored"]
    assert (entry.source, entry.n, entry.reviews) == ("reviews", 3, stored.reviews)
    bank = asyncio.run(LexicalEmbedder().embed(stored.texts, "query"))
    np.testing.assert_array_equal(np.load(index.files / "stored_bank.npy"), bank)
    expected = hub_statistics(index.rows, bank)
    np.testing.assert_allclose(index.hub("stored").mean, expected.mean, atol=1e-7)


def test_a_catalogue_larger_than_a_batch_keeps_its_order(tmp_path: Path) -> None:
    items = [Item(f"i{n}", f"Story {n}") for n in range(600)]
    index = build(items, tmp_path / "index")
    expected = asyncio.run(LexicalEmbedder().embed([item.title for item in items], "passage"))
    np.testing.assert_array_equal(index.rows, expected)


def test_an_opened_index_still_answers_while_it_is_replaced(tmp_path: Path) -> None:
    opened = build(ITEMS, tmp_path / "index")
    before = np.array(opened.rows)
    build(ITEMS[:2], tmp_path / "index")
    np.testing.assert_array_equal(opened.rows, before)


@pytest.mark.parametrize(
    ("role", "call"),
    [("passage", 0), ("passage", 1), ("query", 0)],
    ids=["first batch", "second batch", "bank"],
)
def test_a_build_that_fails_leaves_the_old_index_and_nothing_else(
    tmp_path: Path, role: Role, call: int
) -> None:
    folder = tmp_path / "index"
    build(ITEMS, folder)
    before = contents(folder)
    more = [Item(f"i{n}", f"Story {n}") for n in range(300)]
    with pytest.raises(RecordingMissing):
        build(more, folder, Failing(role, call))
    assert contents(folder) == before
    assert list(tmp_path.iterdir()) == [folder]


def test_a_first_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RecordingMissing):
        build(ITEMS, tmp_path / "index", Failing("query"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("read_only")
def test_a_build_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Read-only file system"):
        build(ITEMS, tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["harbour.txt", "unfinished-novel.txt", "unfinished-1.npz.part", "data-2026/a", "data-1"],
)
def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "photos"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("not yours", "utf-8")
    with pytest.raises(InputError, match="it holds other files") as caught:
        build(ITEMS, folder)
    assert caught.value.path == str(folder)
    assert [file for file in folder.rglob("*") if file.is_file()] == [folder / name]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file", "utf-8")
    with pytest.raises(InputError):
        build(ITEMS, tmp_path / "index")


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    assert len(build(ITEMS, tmp_path / "index")) == 5


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(InputError, match="cannot be written") as caught:
        build(ITEMS, tmp_path / "file" / "index")
    assert caught.value.path == str(tmp_path / "file" / "index")


def test_an_empty_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one item is expected"):
        build([], tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["interests", "reviews"])
def test_an_empty_bank_is_refused(tmp_path: Path, source: str) -> None:
    empty = Bank("stored", (), source)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"the bank of {source} is empty"):
        build(ITEMS, tmp_path / "index", stored=empty)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("role", ["passage", "query"])
def test_a_vector_that_is_not_finite_is_refused(tmp_path: Path, role: Role) -> None:
    with pytest.raises(InputError, match="a vector is not finite"):
        build(ITEMS, tmp_path / "index", Failing(role, not_finite=True))
    assert list(tmp_path.iterdir()) == []
