"""Entries: found by place, id and category, and read only when they are asked for."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.errors import IndexMismatch, InputError
from llmrec.matching import places_by_name
from llmrec.matching.entries import Entries, EntriesById, Titles, write_entries
from llmrec.records.reviews import Item

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda t: t.strip())
catalogues = st.lists(
    st.builds(
        Item,
        texts,
        texts,
        st.text(st.characters(exclude_categories=["Cs"])),
        st.lists(st.sampled_from(["film", "Film", "电影", "a|b"])).map(tuple),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda item: item.item_id,
)

ITEMS = [Item("quay", "Quay"), Item("mole", "Mole", "A wall\nin the sea"), Item("pier", "埠头")]


def written(items: list[Item], folder: Path) -> Entries:
    return Entries(folder, write_entries(folder, items))


@given(items=catalogues)
def test_every_item_is_found_by_each_of_its_categories(
    tmp_path_factory: pytest.TempPathFactory, items: list[Item]
) -> None:
    new, old = (tmp_path_factory.mktemp("entries") for _ in range(2))
    entries = written(items, new)
    of_an_older_version = written(items, old)
    (old / "categories.npy").unlink()
    for category in ("film", "Film", "电影", "a|b", "none"):
        expected = [place for place, item in enumerate(items) if category in item.categories]
        assert entries.of_category(category).tolist() == expected
        assert of_an_older_version.of_category(category).tolist() == expected


@pytest.mark.parametrize(
    "content",
    [
        *([[0], [place]] for place in (0, 3, 2**64 - 1)),
        *([[0, 0], places] for places in ([1, 2], [2, 1], [1, 1])),
        [[0]],
        [[0], [1], [1]],
    ],
)
def test_a_table_of_other_categories_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: list[list[int]]
) -> None:
    monkeypatch.setattr(places_by_name, "_hash", lambda name: 0)
    entries = written([ITEMS[0], Item("mole", "Mole", "", ("film",)), ITEMS[2]], tmp_path)
    assert entries.of_category("film").tolist() == [1]
    np.save(tmp_path / "categories.npy", np.array(content, np.uint64))
    with pytest.raises(IndexMismatch, match="build the index again"):
        Entries(tmp_path, "unread").of_category("film")


@given(items=catalogues, others=st.lists(st.text()))
def test_every_item_is_found_by_place_and_by_id(
    tmp_path_factory: pytest.TempPathFactory, items: list[Item], others: list[str]
) -> None:
    entries = written(items, tmp_path_factory.mktemp("entries"))
    assert list(entries) == items
    assert [entries[place] for place in range(len(entries))] == items
    expected = {item.item_id: place for place, item in enumerate(items)}
    assert entries.places([*expected, *others]) == expected
    titles = Titles(EntriesById(entries))
    assert dict(titles) == {item.item_id: item.title for item in items}


def test_a_place_may_be_counted_from_the_end_and_a_part_be_cut_out(tmp_path: Path) -> None:
    entries = written(ITEMS, tmp_path)
    assert entries[-1] == ITEMS[-1]
    assert entries[1:] == tuple(ITEMS[1:])
    with pytest.raises(IndexError):
        entries[3]


def test_an_id_that_is_not_there_has_no_title(tmp_path: Path) -> None:
    titles = Titles(EntriesById(written(ITEMS, tmp_path)))
    assert len(titles) == 3
    assert "nobody" not in titles
    assert titles.get("nobody", "none") == "none"


def test_two_ids_of_one_hash_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places_by_name, "_hash", lambda item_id: 7)
    entries = written(ITEMS, tmp_path)
    assert entries.places(["pier", "quay", "nobody"]) == {"pier": 2, "quay": 0}


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    digest = write_entries(tmp_path, ITEMS)
    whole = (tmp_path / "items.jsonl").read_bytes()
    assert digest == hashlib.sha256(whole).hexdigest()[:24]


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    digest = write_entries(tmp_path, ITEMS)
    path = tmp_path / "items.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"mole"', b'"mole;'))
    entries = Entries(tmp_path, digest)
    assert entries.places(["pier"]) == {"pier": 2}
    with pytest.raises(IndexMismatch, match=r"items\.jsonl: not the entries"):
        entries[1]
    with pytest.raises(IndexMismatch, match=r"items\.jsonl: not the entries"):
        list(entries)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("offsets.npy", np.array([0, 5], np.int64)),
        ("offsets.npy", np.zeros(4, np.int32)),
        ("ids.npy", np.zeros((2, 2), np.uint64)),
        ("ids.npy", np.zeros((2, 3), np.int64)),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path, name: str, content: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> None:
    digest = write_entries(tmp_path, ITEMS)
    np.save(tmp_path / name, content)
    with pytest.raises(IndexMismatch, match="build the index again"):
        Entries(tmp_path, digest)


@pytest.mark.parametrize("place", [3, 2**64 - 1])
def test_an_id_of_no_place_is_refused(tmp_path: Path, place: int) -> None:
    write_entries(tmp_path, ITEMS)
    table = np.load(tmp_path / "ids.npy")
    table[1] = place
    np.save(tmp_path / "ids.npy", table)
    with pytest.raises(IndexMismatch, match="build the index again"):
        Entries(tmp_path, "unread").places(["quay"])


def test_an_empty_file_of_entries_is_refused(tmp_path: Path) -> None:
    digest = write_entries(tmp_path, ITEMS)
    (tmp_path / "items.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match=r"items\.jsonl: it is empty"):
        Entries(tmp_path, digest)
