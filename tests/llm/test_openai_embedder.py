"""Embedding over the wire: batches, order, prefixes, and vectors that are none."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import faults
from serving.openai_server import OpenAIServer, Script, vector
from wire import during, opened

from llmrec.errors import ChatError, ChatUnavailable, InputError, SettingsError
from llmrec.llm import embedding_requests
from llmrec.llm.embedder import Role, Rows
from llmrec.llm.embedding_requests import EmbeddingRoles, embedding_roles
from llmrec.llm.openai_embedder import OpenAIEmbedder
from llmrec.llm.tokens import count_tokens


def embed(
    server: OpenAIServer,
    texts: Sequence[str],
    role: Role = "query",
    roles: EmbeddingRoles | None = None,
) -> Rows:
    way = opened(server)
    embedder = OpenAIEmbedder(way, roles or embedding_roles("tiny"))
    return during(way, lambda: embedder.embed(texts, role))


def unit(texts: Sequence[str], model: str = "tiny") -> Rows:
    rows = np.array([vector(model, text) for text in texts])
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def inputs(server: OpenAIServer) -> list[list[str]]:
    return [received.body["input"] for received in server.requests]


TEXTS = [f"text {n}" for n in range(7)]


def test_rows_are_of_length_1_and_in_the_order_of_the_texts(server: OpenAIServer) -> None:
    rows = embed(server, TEXTS)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, unit(TEXTS))


def test_the_order_is_kept_whatever_the_server_returns(server: OpenAIServer) -> None:
    server.always(faults.BACKWARDS)
    np.testing.assert_array_equal(embed(server, TEXTS), unit(TEXTS))


def test_what_is_sent_is_model_texts_and_encoding(server: OpenAIServer) -> None:
    embed(server, TEXTS)
    (received,) = server.requests
    assert received.path == "/v1/embeddings"
    assert received.body == {"model": "tiny", "input": TEXTS, "encoding_format": "float"}


def test_batches_are_cut_by_number(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_requests, "MAX_BATCH_TEXTS", 3)
    np.testing.assert_array_equal(embed(server, TEXTS), unit(TEXTS))
    assert inputs(server) == [TEXTS[:3], TEXTS[3:6], TEXTS[6:]]


def test_batches_are_cut_by_tokens(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_requests, "MAX_BATCH_TOKENS", 7)
    long = "far more tokens than a batch may have, and so a batch of its own"
    embed(server, [*TEXTS[:3], long, *TEXTS[3:]])
    assert inputs(server) == [TEXTS[:2], TEXTS[2:3], [long], TEXTS[3:5], TEXTS[5:]]


@given(st.lists(st.text(min_size=1), max_size=20), st.integers(1, 5), st.integers(1, 30))
def test_batches_hold_every_text_once_and_in_order(texts: list[str], n: int, tokens: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding_requests, "MAX_BATCH_TEXTS", n)
        patch.setattr(embedding_requests, "MAX_BATCH_TOKENS", tokens)
        batches = list(embedding_requests.batches_of(texts, "query", embedding_roles("tiny")))
    assert [text for batch, _ in batches for text in batch] == texts
    assert all(1 <= len(batch) <= n for batch, _ in batches)
    assert all(sum(map(count_tokens, batch)) == counted for batch, counted in batches)


def test_no_texts_need_no_call(server: OpenAIServer) -> None:
    assert embed(server, []).shape == (0, 0)
    assert server.requests == []


@pytest.mark.parametrize("blank", ["", " \n"])
def test_blank_texts_are_refused_before_the_call(server: OpenAIServer, blank: str) -> None:
    with pytest.raises(InputError, match="blank"):
        embed(server, ["words", blank])
    assert server.requests == []


# Roles


@pytest.mark.parametrize(
    ("name", "prefixes", "query", "passage"),
    [
        ("m", ("", ""), ("m", "a"), ("m", "a")),
        ("m", ("query: ", "passage: "), ("m", "query: a"), ("m", "passage: a")),
        ("q,p", ("", ""), ("q", "a"), ("p", "a")),
        ("q,p", ("?", ""), ("q", "?a"), ("p", "a")),
    ],
)
def test_roles_are_models_or_prefixes(
    server: OpenAIServer,
    name: str,
    prefixes: tuple[str, str],
    query: tuple[str, str],
    passage: tuple[str, str],
) -> None:
    roles = embedding_roles(name, *prefixes)
    embed(server, ["a"], "query", roles)
    embed(server, ["a"], "passage", roles)
    asked = [(r.body["model"], r.body["input"][0]) for r in server.requests]
    assert asked == [query, passage]


def test_settings_that_make_other_vectors_have_other_names() -> None:
    settings = [
        ("m",),
        ("n",),
        ("m,n",),
        ("n,m",),
        ("m", "query: "),
        ("m", "", "query: "),
        ("m", "query: ", "passage: "),
        ("m,n", "query: ", "passage: "),
    ]
    names = [embedding_roles(*given).key_model for given in settings]
    assert len(set(names)) == len(settings)
    assert names[:3] == ["m", "n", "m,n"]
    assert embedding_roles("m,m").key_model == "m"


@pytest.mark.parametrize("name", ["", ",p"])
def test_a_name_without_a_model_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="is expected, came openai:"):
        embedding_roles(name)


# Faults


@pytest.mark.parametrize(
    "fault",
    [
        faults.FEWER,
        faults.ONE_INDEX,
        faults.NO_INDEX,
        faults.SHORTER_FIRST,
        faults.ZERO_FIRST,
        faults.NAN_FIRST,
        faults.NULL_FIRST,
        faults.TEXT_FIRST,
        faults.EMPTY_ROWS,
        faults.altered(lambda data: ["none", *data[1:]]),
        faults.altered(lambda data: [entry | {"embedding": [1e308] * 8} for entry in data]),
        faults.altered(lambda data: [entry | {"embedding": [[1.0]]} for entry in data]),
    ],
)
def test_vectors_that_are_none_are_an_error_at_once(server: OpenAIServer, fault: Script) -> None:
    server.always(fault)
    with pytest.raises(ChatError, match="vectors"):
        embed(server, TEXTS)
    assert len(server.requests) == 1


def test_batches_of_different_dims_are_an_error(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_requests, "MAX_BATCH_TEXTS", 1)
    server.script(faults.SHORTER_FIRST)
    with pytest.raises(ChatError, match=r"vectors of \[7, 8\] dims came"):
        embed(server, TEXTS)


def test_the_one_retry_policy_holds_here_too(server: OpenAIServer) -> None:
    server.script(faults.busy(), faults.CUT_WITHIN, faults.NO_CHOICES)
    np.testing.assert_array_equal(embed(server, TEXTS), unit(TEXTS))
    server.always(faults.OVERLOADED)
    with pytest.raises(ChatUnavailable, match="after 6 attempts"):
        embed(server, TEXTS)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 35}, 35),
        (None, 0),
        ({}, 0),
        ({"prompt_tokens": None}, 0),
        ("many", 0),
    ],
)
def test_tokens_are_counted_where_the_server_does(
    server: OpenAIServer, usage: Any, counted: int
) -> None:
    server.always(faults.altered(lambda data: data, usage=usage))
    way = opened(server)
    embedder = OpenAIEmbedder(way, embedding_roles("tiny"))

    async def whole() -> None:
        await embedder.embed(TEXTS, "query")
        await embedder.embed(TEXTS, "passage")
        await way.aclose()

    asyncio.run(whole())
    assert embedder.input_tokens == 2 * counted
