"""An index folder that is opened: what it gives, and what it refuses."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmrec.errors import IndexMismatch, InputError, SettingsError
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.entries import write_entries
from llmrec.matching.similarity import HubStatistics
from llmrec.records.reviews import Item


def rewrite_manifest(folder: Path, **values: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | values), "utf-8")


def files(folder: Path) -> Path:
    return folder / "data-1"


def test_an_opened_index_has_the_items_in_their_order(
    demo_index: ContentIndex, demo_items: tuple[Item, ...]
) -> None:
    assert tuple(demo_index.items) == demo_items
    assert len(demo_index) == len(demo_items) == 160
    assert demo_index.titles["film-interstellar"] == "星际穿越"


def test_rows_are_unit_rows_mapped_from_disk(demo_index: ContentIndex) -> None:
    assert isinstance(demo_index.rows, np.memmap)
    assert demo_index.rows.shape == (160, 384)
    assert demo_index.rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(demo_index.rows, axis=1), 1, atol=1e-5)


def test_positions_are_sorted_and_of_known_items_only(demo_index: ContentIndex) -> None:
    items = demo_index.items
    wanted = [items[9].item_id, "no such item", items[2].item_id, items[9].item_id]
    assert demo_index.positions(wanted) == [2, 9]


def test_the_statistics_of_its_own_bank(demo_index: ContentIndex) -> None:
    hub = demo_index.hub("index")
    assert hub.mean.shape == hub.deviation.shape == (160,)
    assert hub.n_flat == 0


def test_a_bank_that_is_not_there_is_refused(demo_index: ContentIndex) -> None:
    with pytest.raises(SettingsError, match="no stored bank: build it with --bank FILE"):
        demo_index.hub("stored")


@pytest.mark.parametrize("place", ["no such folder", "empty"])
def test_a_folder_without_manifest_is_not_an_index(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="not an index") as caught:
        ContentIndex(tmp_path / place)
    assert caught.value.path == str(tmp_path / place)


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"format": 1}'])
def test_a_damaged_manifest_is_refused(folder: Path, damaged: str) -> None:
    (folder / "manifest.json").write_text(damaged, "utf-8")
    with pytest.raises(InputError) as caught:
        ContentIndex(folder)
    assert caught.value.path == str(folder / "manifest.json")


@pytest.mark.parametrize(
    "values", [{"dim": 0}, {"n_items": "160"}, {"banks": {"index": {"digest": "d"}}}]
)
def test_a_manifest_with_impossible_values_is_refused(folder: Path, values: dict[str, Any]) -> None:
    rewrite_manifest(folder, **values)
    with pytest.raises(InputError, match=next(iter(values))):
        ContentIndex(folder)


def test_a_later_format_is_refused_and_says_what_to_do(folder: Path) -> None:
    rewrite_manifest(folder, format=3)
    with pytest.raises(InputError, match=r"format 3 .* reads up to 2, upgrade llmrec"):
        ContentIndex(folder)


def test_unknown_keys_of_a_manifest_do_not_matter(folder: Path) -> None:
    rewrite_manifest(folder, colour="blue")
    assert len(ContentIndex(folder)) == 160


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((159, 384), np.float32),
        np.zeros((160, 383), np.float32),
        np.zeros((160, 384), np.float64),
    ],
)
def test_rows_of_another_shape_do_not_belong_to_the_manifest(
    folder: Path, rows: np.ndarray[Any, Any]
) -> None:
    np.save(files(folder) / "rows.npy", rows)
    with pytest.raises(IndexMismatch, match=r"rows\.npy: float32 \(160, 384\) is expected"):
        ContentIndex(folder)


@pytest.mark.parametrize(
    "statistics",
    [np.zeros((2, 159)), np.zeros((160, 2)), np.zeros((2, 160), np.float32)],
)
def test_statistics_of_another_shape_do_not_belong_to_the_index(
    folder: Path, statistics: np.ndarray[Any, Any]
) -> None:
    np.save(files(folder) / "hub.npy", statistics)
    with pytest.raises(IndexMismatch, match=r"hub\.npy: float64 \(2, 160\) is expected"):
        ContentIndex(folder)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"not an array"])
def test_a_damaged_array_file_is_refused(folder: Path, content: bytes) -> None:
    (files(folder) / "rows.npy").write_bytes(content)
    with pytest.raises(InputError, match="not an array file"):
        ContentIndex(folder)


def test_an_array_file_cut_short_is_refused(folder: Path) -> None:
    whole = (files(folder) / "rows.npy").read_bytes()
    (files(folder) / "rows.npy").write_bytes(whole[:-100])
    with pytest.raises(InputError, match="not an array file"):
        ContentIndex(folder)


def test_a_missing_array_file_is_named(folder: Path) -> None:
    (files(folder) / "hub.npy").unlink()
    with pytest.raises(InputError, match=r"hub\.npy"):
        ContentIndex(folder)


@pytest.mark.parametrize("change", ["a line less", "a line more"])
def test_another_number_of_items_does_not_belong_to_the_rows(folder: Path, change: str) -> None:
    lines = (files(folder) / "items.jsonl").read_text("utf-8").splitlines(keepends=True)
    more = '{"item_id": "one-more", "title": "One more"}\n'
    lines = lines[1:] if change == "a line less" else [*lines, more]
    (files(folder) / "items.jsonl").write_text("".join(lines), "utf-8")
    with pytest.raises(IndexMismatch, match=r"items\.jsonl: not the entries"):
        ContentIndex(folder)


def test_a_missing_file_of_items_is_named(folder: Path) -> None:
    (files(folder) / "items.jsonl").unlink()
    with pytest.raises(InputError, match=r"items\.jsonl: cannot be read"):
        ContentIndex(folder)


def test_an_archive_in_the_place_of_an_array_is_refused(folder: Path) -> None:
    np.savez(files(folder) / "rows.npz", rows=np.zeros((160, 384), np.float32))
    (files(folder) / "rows.npz").rename(files(folder) / "rows.npy")
    with pytest.raises(InputError, match="not an array file"):
        ContentIndex(folder)


def test_items_in_another_order_do_not_belong_to_the_rows(folder: Path) -> None:
    lines = (files(folder) / "items.jsonl").read_text("utf-8").splitlines(keepends=True)
    (files(folder) / "items.jsonl").write_text("".join(lines[::-1]), "utf-8")
    index = ContentIndex(folder)
    with pytest.raises(IndexMismatch):
        iter(index.items)


def test_statistics_of_a_run_are_kept_by_digest(folder: Path) -> None:
    index = ContentIndex(folder)
    hub = HubStatistics(np.arange(160.0), np.ones(160))
    assert index.run_hub("d1") is None
    index.keep_run_hub("d1", hub)
    kept = ContentIndex(folder).run_hub("d1")
    assert kept is not None
    assert kept.mean.tolist() == hub.mean.tolist()
    assert kept.deviation.tolist() == hub.deviation.tolist()
    assert index.run_hub("d2") is None


@pytest.mark.usefixtures("read_only")
def test_a_folder_that_cannot_be_written_to_is_only_a_note(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = ContentIndex(folder)
    before = sorted(index.files.iterdir())
    with caplog.at_level(logging.WARNING):
        index.keep_run_hub("d1", HubStatistics(np.zeros(160), np.ones(160)))
    assert "this run's bank are not kept" in caplog.text
    assert "Read-only file system" in caplog.text
    assert sorted(index.files.iterdir()) == before
    assert index.run_hub("d1") is None


def test_entries_of_another_catalogue_do_not_belong_to_the_rows(folder: Path) -> None:
    digest = write_entries(files(folder), [Item("one", "One")])
    rewrite_manifest(folder, items=digest)
    with pytest.raises(IndexMismatch, match="160 entries are expected, there are 1"):
        ContentIndex(folder)
