"""Embedders that can be had, and those that cannot."""

from pathlib import Path

import pytest
from doctor_runs import Doctor, FakeServer

KEY = "sk-not-to-be-said"


def test_vectors_may_come_from_another_server(
    doctor: Doctor, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBED_KEY", KEY)
    done = doctor(
        "--embedder", "openai:e5-query,e5-passage", "--embed-base-url", server.url,
        "--embed-api-key-env", "EMBED_KEY", "--query-prefix", "query: ",
    )  # fmt: skip
    assert done.code == 0
    assert done["server settings"]["status"] == "skipped"
    assert done["embedder"]["found"] == "e5-query,e5-passage|query: |: 3 dims (8 tokens)"
    sent = [(body["model"], body["input"]) for path, body in server.asked if body]
    assert sent == [("e5-query", ["query: A quiet film."]), ("e5-passage", ["A quiet film."])]
    assert server.keys == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    ("embedder", "what"),
    [
        ("openai:e5", "openai:e5 needs a server: set OPENAI_API_KEY, or --embed-base-url"),
        ("word2vec", "no embedder 'word2vec'"),
    ],
)
def test_an_embedder_that_cannot_be_has_failed(doctor: Doctor, embedder: str, what: str) -> None:
    done = doctor("--embedder", embedder, "--vectors", "v.npz")
    assert done.code == 1
    assert what in done["embedder"]["found"]


def test_models_of_two_dims_have_failed(doctor: Doctor, server: FakeServer) -> None:
    server.dims = len
    done = doctor("--embedder", "openai:query,passage", "--base-url", server.url)
    assert (done.code, done.failed) == (1, ["embedder"])
    assert "queries have 5 dims and passages 7" in done["embedder"]["found"]


def test_an_embeddings_server_that_is_not_there_has_failed(doctor: Doctor) -> None:
    with FakeServer() as gone:
        pass
    done = doctor("--embedder", "openai:e5", "--embed-base-url", gone.url)
    assert (done.code, done.failed) == (1, ["embedder"])
    assert "the connection failed" in done["embedder"]["found"]
    assert done["embedder"]["advice"] == "is it running, and its base URL right?"


def test_a_local_embedder_that_is_not_installed_has_failed(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmrec.matching.embedding.local_is_installed", lambda: False)
    done = doctor("--embedder", "local")
    assert (done.code, done.failed) == (1, ["embedder"])
    assert "pip install 'llmrec[local]'" in done["embedder"]["found"]


def test_vectors_that_cannot_be_used_have_failed(doctor: Doctor, demo: Path) -> None:
    done = doctor("--vectors", "v.npz")
    assert (done.code, done.failed) == (1, ["vectors"])
    assert done["vectors"]["advice"] == "leave it out"
    found = doctor("--embedder", "openai:e5", "--vectors", demo / "vectors.npz")["vectors"]["found"]
    assert "vectors of 'e5' are expected, it holds those of 'multilingual-e5-small'" in found
    found = doctor("--embedder", "local", "--vectors", "no/v.npz")["vectors"]["found"]
    assert found == "no/v.npz: there is no folder no"
