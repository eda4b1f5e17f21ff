"""Which bank a run uses, and that its statistics are made once."""

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from llmrec.errors import IndexMismatch, RecordingMissing, SettingsError
from llmrec.llm.embedder import Embedder, Rows
from llmrec.llm.recorded_embedder import RecordedEmbedder
from llmrec.matching.bank import bank_of_profiles, bank_of_run
from llmrec.matching.bank_choice import BankName, ChosenBank, choose_bank
from llmrec.matching.building import build_index
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import EmbedderChoice, LexicalEmbedder
from llmrec.matching.similarity import hub_statistics
from llmrec.records.profile import InterestProfile
from llmrec.records.reviews import Item

Profiles = list[InterestProfile]


@pytest.fixture
def run_of(profile_of: Callable[..., InterestProfile]) -> Callable[[int], Profiles]:
    """Profiles of five interests each, the last one of fewer, so many interests together."""

    def make(n_interests: int) -> Profiles:
        names = [f"taste {n}" for n in range(n_interests)]
        return [
            profile_of(f"u{start}", *((name, "like", 0.5) for name in names[start : start + 5]))
            for start in range(0, n_interests, 5)
        ]

    return make


@pytest.fixture(scope="module")
def lexical_folders(
    demo_items: tuple[Item, ...], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A small lexical index without and with a stored bank."""
    folder = tmp_path_factory.mktemp("lexical")
    items = demo_items[:20]
    profile = InterestProfile.from_json(
        '{"user_id": "u", "language": "en", "summary": "", "interests": [{"name": "canals", '
        '"polarity": "like", "weight": 1, "description": "slow boats", '
        '"evidence": [{"review_id": "r", "field": "text", "quote": "boats"}]}]}'
    )
    stored = bank_of_profiles([profile])
    lexical = LexicalEmbedder()
    asyncio.run(build_index(items, folder / "own", lexical, choice=EmbedderChoice("lexical")))
    asyncio.run(
        build_index(
            items, folder / "both", lexical, choice=EmbedderChoice("lexical"), stored=stored
        )
    )
    return {"own": folder / "own", "both": folder / "both"}


@pytest.fixture
def index(lexical_folders: Mapping[str, Path], tmp_path: Path) -> ContentIndex:
    return ContentIndex(shutil.copytree(lexical_folders["own"], tmp_path / "own"))


@pytest.fixture
def with_stored(lexical_folders: Mapping[str, Path], tmp_path: Path) -> ContentIndex:
    return ContentIndex(shutil.copytree(lexical_folders["both"], tmp_path / "both"))


def choose(
    name: BankName, index: ContentIndex, profiles: Profiles, embedder: Embedder | None = None
) -> ChosenBank:
    return asyncio.run(choose_bank(name, index, embedder or LexicalEmbedder(), profiles))


def lexical_rows(texts: Sequence[str]) -> Rows:
    return asyncio.run(LexicalEmbedder().embed(texts, "query"))


def test_auto_takes_the_stored_bank_first(
    with_stored: ContentIndex, run_of: Callable[[int], Profiles], not_asked: Embedder
) -> None:
    chosen = choose("auto", with_stored, run_of(60), not_asked)
    assert chosen.kind == "stored"
    expected = hub_statistics(with_stored.rows, lexical_rows(["canals. slow boats"]))
    np.testing.assert_allclose(chosen.hub.mean, expected.mean, atol=1e-6)


@pytest.mark.parametrize(("n_interests", "kind"), [(49, "index"), (50, "run"), (0, "index")])
def test_auto_takes_a_run_of_50_interests_next_and_the_indexs_own_last(
    index: ContentIndex, run_of: Callable[[int], Profiles], n_interests: int, kind: str
) -> None:
    assert choose("auto", index, run_of(n_interests)).kind == kind


def test_a_named_bank_is_taken_whatever_else_there_is(
    with_stored: ContentIndex, run_of: Callable[[int], Profiles]
) -> None:
    names: list[BankName] = ["stored", "run", "index"]
    chosen = [choose(name, with_stored, run_of(60)) for name in names]
    assert [bank.kind for bank in chosen] == names
    assert len({bank.hub.mean.tobytes() for bank in chosen}) == 3


def test_a_run_with_too_few_interests_is_refused(
    index: ContentIndex, run_of: Callable[[int], Profiles]
) -> None:
    with pytest.raises(SettingsError, match="at least 50 interests, these profiles have 49"):
        choose("run", index, run_of(49))


def test_a_stored_bank_that_is_not_there_is_refused(
    index: ContentIndex, run_of: Callable[[int], Profiles]
) -> None:
    with pytest.raises(SettingsError, match="has no stored bank"):
        choose("stored", index, run_of(60))


def test_statistics_of_a_run_are_over_all_its_interests(
    index: ContentIndex, run_of: Callable[[int], Profiles]
) -> None:
    profiles = run_of(53)
    hub = choose("run", index, profiles).hub
    expected = hub_statistics(index.rows, lexical_rows(bank_of_run(profiles).texts))
    np.testing.assert_array_equal(hub.mean, expected.mean)
    np.testing.assert_array_equal(hub.deviation, expected.deviation)


def test_statistics_of_a_run_are_made_once(
    index: ContentIndex, run_of: Callable[[int], Profiles], not_asked: Embedder
) -> None:
    first = choose("auto", index, run_of(50))
    again = choose("auto", ContentIndex(index.folder), run_of(50), not_asked)
    np.testing.assert_array_equal(again.hub.mean, first.hub.mean)
    np.testing.assert_array_equal(again.hub.deviation, first.hub.deviation)
    with pytest.raises(AssertionError, match="asked to embed 55 texts"):
        choose("auto", index, run_of(55), not_asked)


@pytest.mark.usefixtures("read_only")
def test_a_folder_that_cannot_be_written_to_is_only_a_note(
    index: ContentIndex, run_of: Callable[[int], Profiles], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert choose("auto", index, run_of(50)).kind == "run"
    assert "are not kept" in caplog.text


def test_kept_statistics_of_another_catalogue_are_refused(
    index: ContentIndex, run_of: Callable[[int], Profiles]
) -> None:
    profiles = run_of(50)
    choose("auto", index, profiles)
    (kept,) = index.files.glob("run_hub_*.npy")
    np.save(kept, np.zeros((2, 19)))
    with pytest.raises(IndexMismatch, match=r"float64 \(2, 20\) is expected"):
        choose("auto", index, profiles)


def test_a_runs_vector_that_is_not_recorded_is_named(
    index: ContentIndex, run_of: Callable[[int], Profiles]
) -> None:
    with pytest.raises(RecordingMissing, match=r"'taste 0\. about taste 0'"):
        choose("auto", index, run_of(50), RecordedEmbedder("lexical", []))
