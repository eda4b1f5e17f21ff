import itertools
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.errors import InputError
from llmrec.llm.batch_folder import BatchFolder, export_batch
from llmrec.llm.chat import ChatRequest, Message


def request(number: int, text: str = "Hello 晚?") -> ChatRequest:
    return ChatRequest(
        "tiny",
        (Message("system", "Be short."), Message("user", f"{text}{number}")),
        {"type": "json_object"} if number % 2 else None,
        {"temperature": 0} if number % 3 == 0 else {},
        label=f"ask/u{number}",
    )


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_an_input_file_is_what_the_batch_api_takes(tmp_path: Path) -> None:
    asked = request(3)
    folder = export_batch([asked], tmp_path / "new" / "batches")
    (part,) = folder.parts
    (line,) = lines(folder.path / part.input)
    assert json.loads(line) == {
        "custom_id": asked.custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": asked.body,
    }
    assert part.sha256 == sha256(line).hexdigest()
    assert (part.requests, part.batch_id, part.status) == (1, None, None)


def test_requests_come_back_with_their_labels(tmp_path: Path) -> None:
    asked = [request(number) for number in range(7)]
    export_batch(asked, tmp_path, max_lines=3)
    folder = BatchFolder(tmp_path)
    assert [part.requests for part in folder.parts] == [3, 3, 1]
    assert list(folder.requests().values()) == asked
    assert list(folder.requests()) == [r.custom_id for r in asked]


@given(
    texts=st.lists(st.text(alphabet="ab晚", max_size=30), min_size=1, max_size=20),
    max_lines=st.integers(1, 5),
    max_bytes=st.integers(400, 700),
)
def test_no_file_is_larger_than_allowed(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], max_lines: int, max_bytes: int
) -> None:
    asked = [request(number, text) for number, text in enumerate(texts)]
    path = tmp_path_factory.mktemp("batches")
    folder = export_batch(asked, path, max_lines=max_lines, max_bytes=max_bytes)
    files = [lines(path / part.input) for part in folder.parts]
    assert all(len(file) <= max_lines and len(b"".join(file)) <= max_bytes for file in files)
    ids = [json.loads(line)["custom_id"] for file in files for line in file]
    assert ids == [r.custom_id for r in asked]
    for file, following in itertools.pairwise(files):
        assert len(file) == max_lines or len(b"".join(file)) + len(following[0]) > max_bytes


def test_a_request_that_no_file_takes_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ask/u1: \d+ bytes, a batch takes 100"):
        export_batch([request(1)], tmp_path, max_bytes=100)
    assert list(tmp_path.iterdir()) == []


def test_batches_that_are_there_are_not_written_over(tmp_path: Path) -> None:
    export_batch([request(1)], tmp_path)
    before = lines(tmp_path / "input-001.jsonl")
    with pytest.raises(InputError, match="has batches already"):
        export_batch([request(2)], tmp_path)
    assert lines(tmp_path / "input-001.jsonl") == before


def test_nothing_to_ask_makes_no_batches(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is left to ask"):
        export_batch([], tmp_path)
    with pytest.raises(InputError, match="no folder of batches"):
        BatchFolder(tmp_path)


def test_what_became_of_a_part_is_kept(tmp_path: Path) -> None:
    folder = export_batch([request(n) for n in range(3)], tmp_path, max_lines=1)
    changed = replace(folder.parts[1], batch_id="b1", status="completed", fetched=("a.jsonl",))
    assert folder.keep(changed) == changed
    again = BatchFolder(tmp_path)
    assert again.parts == folder.parts
    assert [part.batch_id for part in again.parts] == [None, "b1", None]
    assert again.parts[1].fetched == ("a.jsonl",)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be made"):
        export_batch([request(1)], tmp_path / "file" / "batches")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("batch.json", '{"format": 2, "parts": []}', "format"),
        ("batch.json", "[", "Invalid JSON"),
        ("input-001.jsonl", "{", "line 0"),
        ("labels.jsonl", "x", "line 0"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    export_batch([request(1)], tmp_path)
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=f"{name}.*{said}"):
        BatchFolder(tmp_path).requests()
