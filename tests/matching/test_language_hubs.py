"""The correction for language: what it does in the demo, and that it is made once."""

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmrec.errors import InputError, SettingsError
from llmrec.matching import language_hubs
from llmrec.matching.bank import Bank
from llmrec.matching.bank_choice import StoreBank, choose_bank
from llmrec.matching.building import build_index
from llmrec.matching.catalogue import bank_of
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import EmbedderChoice, LexicalEmbedder
from llmrec.matching.language_hubs import item_languages
from llmrec.matching.similarity import HubStatistics
from llmrec.records.profile import InterestProfile
from llmrec.records.reviews import Item

ENGLISH = tuple(f"quiet films about number {n}" for n in range(12))
CHINESE = tuple(f"关于第{n}个人的安静电影" for n in range(12))


@pytest.fixture(scope="module")
def folder(demo_items: tuple[Item, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the demo with a stored bank in two languages and a little Russian."""
    stored = Bank("stored", (*ENGLISH, *CHINESE, "тихие фильмы"), "interests")
    target = tmp_path_factory.mktemp("languages") / "index"
    choice = EmbedderChoice("lexical")
    asyncio.run(build_index(demo_items, target, LexicalEmbedder(), choice=choice, stored=stored))
    return target


@pytest.fixture
def index(folder: Path, tmp_path: Path) -> ContentIndex:
    return ContentIndex(shutil.copytree(folder, tmp_path / "index"))


def chosen(index: ContentIndex, name: str, *profiles: InterestProfile) -> HubStatistics:
    made = choose_bank(name, index, LexicalEmbedder(), profiles, by_language=True)  # type: ignore[arg-type]
    bank = asyncio.run(made)
    assert bank.by_language
    return bank.hub


def test_items_have_the_language_of_their_texts_and_are_read_once(
    index: ContentIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    languages = item_languages(index)
    assert set(languages.names) == {"CJK", "LATIN"}
    for item, place in zip(index.items, languages.of_items, strict=True):
        is_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in item.title)
        assert (languages.names[place] == "CJK") >= is_chinese
    monkeypatch.setattr(language_hubs, "language", None)
    assert np.array_equal(item_languages(index).of_items, languages.of_items)


@pytest.mark.parametrize("name", ["stored", "index", "run"])
def test_each_bank_can_be_corrected_for_language_and_is_kept(
    name: str,
    index: ContentIndex,
    profile_of: Callable[..., InterestProfile],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = (*ENGLISH, *CHINESE) * 3
    run = profile_of("u", *((text, "like", 0.5) for text in names))
    hub = chosen(index, name, run)
    assert hub.offsets is not None
    assert hub.offsets.languages == ("CJK", "LATIN")
    (same, apart), (also_apart, also_same) = hub.offsets.table
    assert same + also_same > apart + also_apart
    monkeypatch.setattr("llmrec.matching.bank_choice.hub_by_language", None)
    again = chosen(ContentIndex(index.folder), name, run)
    assert again.offsets is not None
    assert np.array_equal(again.deviation, hub.deviation)
    assert np.array_equal(again.expected(["CJK", "LATIN", ""]), hub.expected(["CJK", "LATIN", ""]))


def test_what_was_torn_is_made_again(index: ContentIndex) -> None:
    hub = chosen(index, "stored")
    for file in index.files.glob("*.npz"):
        file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(chosen(index, "stored").deviation, hub.deviation)


def test_languages_of_too_few_queries_are_named(
    index: ContentIndex, caplog: pytest.LogCaptureFixture
) -> None:
    chosen(index, "stored")
    assert "too few queries of the bank to correct for language: CYRILLIC" in caplog.text


def test_with_one_language_it_is_the_plain_correction_and_nothing_is_computed(
    demo_items: tuple[Item, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    profile_of: Callable[..., InterestProfile],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = Bank("stored", ENGLISH, "interests")
    choice = EmbedderChoice("lexical")
    made = build_index(demo_items, tmp_path / "i", LexicalEmbedder(), choice=choice, stored=stored)
    index = asyncio.run(made)
    run = profile_of("u", *((text, "like", 0.5) for text in ENGLISH * 5))
    of_run = chosen(index, "run", run)
    monkeypatch.setattr("llmrec.matching.language_hubs.hub_statistics", None)
    monkeypatch.setattr("llmrec.matching.bank_choice.hub_statistics", None)
    assert np.array_equal(chosen(index, "run", run).mean, of_run.mean)
    hub = chosen(index, "stored")
    assert of_run.offsets is hub.offsets is None
    assert np.array_equal(hub.mean, index.hub("stored").mean)
    assert np.array_equal(hub.deviation, index.hub("stored").deviation)
    assert "one language only" in caplog.text


def test_an_index_of_an_older_version_is_to_be_built_again(index: ContentIndex) -> None:
    path = index.folder / "manifest.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"languages"', '"lost"'), "utf-8")
    with pytest.raises(SettingsError, match="older version made its stored bank"):
        chosen(ContentIndex(index.folder), "stored")


def test_a_database_knows_nothing_of_languages() -> None:
    store: Any = StoreBank("index", 0)  # any catalogue that is no folder
    assert not store.by_language
    with pytest.raises(SettingsError, match="needs the index of a folder"):
        asyncio.run(bank_of(store, "auto", LexicalEmbedder(), by_language=True))


def test_a_folder_that_cannot_be_written_to_is_no_obstacle(
    index: ContentIndex, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path) -> None:
        raise InputError("cannot be written", path=path)

    monkeypatch.setattr(language_hubs, "replaced", refuse)
    with caplog.at_level(logging.WARNING):
        assert chosen(index, "stored").offsets is not None
    assert "is not kept" in caplog.text
