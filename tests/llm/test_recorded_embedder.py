"""Vectors from files, and from a live embedder what the files lack."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import IndexMismatch, InputError, RecordingMissing
from llmrec.llm.embedder import Role, Rows, vector_key
from llmrec.llm.recorded_embedder import RecordedEmbedder
from llmrec.llm.vectors import VectorsFile, write_vectors

TEXTS = ["moss is soft", "赋格", "snow is white"]


class LiveEmbedder:
    """Turns the length of a text into a direction; keeps what it was asked."""

    model = "tiny"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch]

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        self.batches.append(list(texts))
        return np.stack([direction(text, role) for text in texts])


def direction(text: str, role: Role = "query") -> Rows:
    angle = len(text) + (0.5 if role == "passage" else 0)
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def embed(embedder: RecordedEmbedder, texts: Sequence[str], role: Role = "query") -> Rows:
    return asyncio.run(embedder.embed(texts, role))


def recorded(path: Path, *texts: str) -> VectorsFile:
    write_vectors(path, "tiny", {vector_key("tiny", "query", t): direction(t) for t in texts})
    return VectorsFile(path, "tiny")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.npz"


def test_recorded_vectors_come_in_the_order_of_the_texts(path: Path) -> None:
    embedder = RecordedEmbedder("tiny", [recorded(path, *TEXTS)])
    shuffled = [TEXTS[2], TEXTS[0], TEXTS[2], TEXTS[1]]
    rows = embed(embedder, shuffled)
    assert (rows.shape, rows.dtype) == ((4, 2), np.float32)
    np.testing.assert_array_equal(rows, [direction(text) for text in shuffled])


def test_no_texts_have_no_rows(path: Path) -> None:
    assert len(embed(RecordedEmbedder("tiny", []), [])) == 0


def test_only_what_is_missing_is_made_and_each_text_once(path: Path) -> None:
    live = LiveEmbedder()
    embedder = RecordedEmbedder("tiny", [recorded(path, TEXTS[1])], live=live)
    wanted = [TEXTS[0], TEXTS[1], TEXTS[0], TEXTS[2], TEXTS[1], TEXTS[0]]
    np.testing.assert_array_equal(embed(embedder, wanted), [direction(text) for text in wanted])
    assert live.batches == [[TEXTS[0], TEXTS[2]]]


def test_nothing_is_made_where_all_is_recorded(path: Path) -> None:
    live = LiveEmbedder()
    embed(RecordedEmbedder("tiny", [recorded(path, *TEXTS)], live=live), TEXTS)
    assert live.batches == []


def test_the_role_is_part_of_the_key(path: Path) -> None:
    live = LiveEmbedder()
    embedder = RecordedEmbedder("tiny", [recorded(path, *TEXTS)], live=live)
    rows = embed(embedder, TEXTS, "passage")
    np.testing.assert_array_equal(rows, [direction(text, "passage") for text in TEXTS])
    assert live.batches == [TEXTS]


def test_the_first_file_that_has_a_vector_gives_it(tmp_path: Path) -> None:
    key = vector_key("tiny", "query", "moss")
    for name, row in (("first", [1, 0]), ("second", [0, 1])):
        write_vectors(tmp_path / name, "tiny", {key: np.array(row, np.float32)})
    files = [VectorsFile(tmp_path / name, "tiny") for name in ("none", "first", "second")]
    assert embed(RecordedEmbedder("tiny", files), ["moss"]).tolist() == [[1, 0]]


def test_new_vectors_are_recorded_and_not_made_again(path: Path) -> None:
    live, file = LiveEmbedder(), VectorsFile(path, "tiny")
    embedder = RecordedEmbedder("tiny", [file], live=live, record_to=file)
    first, second = embed(embedder, TEXTS), embed(embedder, TEXTS)
    assert live.batches == [TEXTS]
    again = embed(RecordedEmbedder("tiny", [VectorsFile(path, "tiny")]), TEXTS)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, again)


def test_many_texts_are_recorded_batch_by_batch(path: Path) -> None:
    class StopsEarly(LiveEmbedder):
        async def embed(self, texts: Sequence[str], role: Role) -> Rows:
            if len(self.batches) == 2:
                raise KeyboardInterrupt
            return await super().embed(texts, role)

    texts = [f"moss number {n}" for n in range(150)]
    file = VectorsFile(path, "tiny")
    with pytest.raises(KeyboardInterrupt):
        embed(RecordedEmbedder("tiny", [file], live=StopsEarly(), record_to=file), texts)

    live, file = LiveEmbedder(), VectorsFile(path, "tiny")
    recorded_before = len(file)
    assert 0 < recorded_before < 150
    rows = embed(RecordedEmbedder("tiny", [file], live=live, record_to=file), texts)
    assert live.texts == texts[recorded_before:]
    np.testing.assert_array_equal(rows, [direction(text) for text in texts])


class Batches(LiveEmbedder):
    """Gives so many rows at a time, of whatever it is asked."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self._sizes = sizes

    async def embed_batches(self, texts: Sequence[str], role: Role) -> AsyncIterator[Rows]:
        rows = iter([*texts, *TEXTS])
        for size in self._sizes:
            yield np.array([direction(next(rows), role) for _ in range(size)]).reshape(size, 2)


def test_batches_are_recorded_as_they_come(path: Path) -> None:
    file = VectorsFile(path, "tiny")
    embedder = RecordedEmbedder("tiny", [file], live=Batches(2, 0, 1), record_to=file)
    np.testing.assert_array_equal(embed(embedder, TEXTS), [direction(text) for text in TEXTS])
    assert len(VectorsFile(path, "tiny")) == 3


@pytest.mark.parametrize(
    ("live", "came", "n_kept"),
    [(Batches(2), 2, 2), (Batches(), 0, 0), (Batches(2, 2), 4, 2), (Batches(4), 4, 0)],
    ids=["fewer", "none", "more", "more at once"],
)
def test_batches_of_more_or_fewer_rows_than_texts_are_refused(
    path: Path, live: LiveEmbedder, came: int, n_kept: int
) -> None:
    file = VectorsFile(path, "tiny")
    embedder = RecordedEmbedder("tiny", [file], live=live, record_to=file)
    with pytest.raises(InputError, match=f"each of 3 texts is expected, came {came}"):
        embed(embedder, TEXTS)
    assert len(file) == n_kept


def test_no_text_gets_the_row_of_another(path: Path) -> None:
    class LeavesOneOut(LiveEmbedder):
        async def embed(self, texts: Sequence[str], role: Role) -> Rows:
            rows: Rows = (await super().embed(texts, role))[1:]
            return rows

    file = VectorsFile(path, "tiny")
    embedder = RecordedEmbedder("tiny", [file], live=LeavesOneOut(), record_to=file)
    with pytest.raises(InputError, match="tiny: a row for each of 64 texts is expected, came 63"):
        embed(embedder, [f"moss number {n}" for n in range(150)])
    assert len(VectorsFile(path, "tiny")) == 0


def test_missing_vectors_are_named_and_the_files_that_lack_them(tmp_path: Path) -> None:
    files = [recorded(tmp_path / "one.npz", TEXTS[0]), VectorsFile(tmp_path / "two.npz", "tiny")]
    with pytest.raises(RecordingMissing) as wrong:
        embed(RecordedEmbedder("tiny", files), TEXTS)
    assert wrong.value.missing == (
        "no query vector of tiny for '赋格'",
        "no query vector of tiny for 'snow is white'",
    )
    assert "2 vectors are missing" in wrong.value.hint
    assert "--vectors" in wrong.value.hint
    assert all(str(file.path) in wrong.value.hint for file in files)


def test_of_many_missing_vectors_only_some_are_named() -> None:
    with pytest.raises(RecordingMissing) as wrong:
        embed(RecordedEmbedder("tiny", []), [f"{n} {'moss ' * 100}" for n in range(9)])
    assert len(wrong.value.missing) == 3
    assert max(map(len, wrong.value.missing)) < 130
    assert "9 vectors are missing from the files (none was given)" in wrong.value.hint


@pytest.mark.parametrize("blank", ["", " ", "\n\t\u3000"])
def test_a_blank_text_is_an_input_error_before_anything_is_made(blank: str) -> None:
    live = LiveEmbedder()
    with pytest.raises(InputError, match="text 1 of 3 to embed is blank"):
        embed(RecordedEmbedder("tiny", [], live=live), ["moss", blank, "snow"])
    assert live.batches == []


def test_half_a_character_is_an_input_error() -> None:
    with pytest.raises(InputError, match="text 1 of 2 to embed is not Unicode"):
        embed(RecordedEmbedder("tiny", []), ["moss", "half a goose \ud83e"])


def test_a_file_that_cannot_be_written_is_said_once_and_all_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = VectorsFile(tmp_path / "no folder" / "vectors.npz", "tiny")
    live = LiveEmbedder()
    embedder = RecordedEmbedder("tiny", [file], live=live, record_to=file)
    for _ in range(2):
        rows = embed(embedder, TEXTS)
        np.testing.assert_array_equal(rows, [direction(text) for text in TEXTS])
    assert live.batches == [TEXTS, TEXTS]
    [message] = caplog.messages
    assert "new vectors are not kept" in message
    assert str(file.path) in message


def test_where_vectors_must_be_kept_no_more_are_made_than_one_that_was_not(tmp_path: Path) -> None:
    file = VectorsFile(tmp_path / "no folder" / "vectors.npz", "tiny")
    live = LiveEmbedder()
    embedder = RecordedEmbedder("tiny", [file], live=live, record_to=file, must_keep=True)
    with pytest.raises(InputError, match="cannot be written: No such file"):
        embed(embedder, [f"text {number}" for number in range(200)])
    assert len(live.batches) == 1


def test_a_live_embedder_of_another_dim_is_refused(path: Path) -> None:
    key = vector_key("tiny", "query", "moss")
    write_vectors(path, "tiny", {key: np.array([1, 0, 0], np.float32)})
    file = VectorsFile(path, "tiny")
    embedder = RecordedEmbedder("tiny", [file], live=LiveEmbedder(), record_to=file)
    with pytest.raises(IndexMismatch, match="3 dims are expected, came 2"):
        embed(embedder, ["snow"])


def test_recorded_and_live_vectors_of_two_dims_are_refused(path: Path) -> None:
    key = vector_key("tiny", "query", "moss")
    write_vectors(path, "tiny", {key: np.array([1, 0, 0], np.float32)})
    embedder = RecordedEmbedder("tiny", [VectorsFile(path, "tiny")], live=LiveEmbedder())
    with pytest.raises(IndexMismatch):
        embed(embedder, ["moss", "snow"])


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(TEXTS)),
    st.lists(st.sampled_from(TEXTS), unique=True),
)
def test_rows_do_not_depend_on_what_is_recorded(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], known: list[str]
) -> None:
    file = recorded(tmp_path_factory.mktemp("vectors") / "vectors.npz", *known)
    live = LiveEmbedder()
    rows = embed(RecordedEmbedder("tiny", [file], live=live, record_to=file), texts)
    np.testing.assert_array_equal(list(rows), [direction(text) for text in texts])
    assert set(live.texts) == set(texts) - set(known)


def test_recorded_vectors_of_other_dims_than_expected_are_refused(path: Path) -> None:
    embedder = RecordedEmbedder("tiny", [recorded(path, *TEXTS)], dim=3)
    with pytest.raises(IndexMismatch, match="vectors of 3 dims are expected, as in the index"):
        embed(embedder, TEXTS)
