"""Files of rows: formats, encodings, damage, and reading a part again."""

import csv
import errno
import gc
import gzip
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from record_samples import json_lines

from llmrec.errors import InputError
from llmrec.records import tables
from llmrec.records.reading import read_reviews
from llmrec.records.tables import Table, read_lines

Write = Callable[[str, str | bytes], str]
Stdin = Callable[[str | bytes], None]


def _reviews(*texts: str) -> str:
    return json_lines(*({"user_id": "u1", "text": text} for text in texts))


def test_blank_lines_are_left_out_and_count(write: Write) -> None:
    path = write("r.jsonl", '{"a": 1}\n\n  \t\n{"a": 2}')
    assert list(read_lines(path)) == [(0, b'{"a": 1}\n'), (3, b'{"a": 2}')]


def test_csv_records_count_from_the_first_after_the_header(write: Write) -> None:
    table = Table(write("r.csv", 'user_id,text\nu1,"one\nand a half"\n\nu2,three\n'))
    rows = [(line, cells) for line, _, cells in table.rows()]
    assert rows == [(0, ["u1", "one\nand a half"]), (2, ["u2", "three"])]
    assert table.header == ["user_id", "text"]


@pytest.mark.parametrize(
    ("name", "content", "ends"),
    [
        ("r.jsonl", '\ufeff{"a": "茶"}\r\n\n{"a": 2}\n', [17, 27]),
        ("r.csv", '\ufeffa,b\r\n茶,"x\r\ny"\r\n\r\nz,w\n', [20, 26]),
    ],
)
def test_a_row_knows_where_it_ends(write: Write, name: str, content: str, ends: list[int]) -> None:
    path = write(name, content)
    assert [end for _, end, _ in Table(path).rows()] == ends
    assert Path(path).stat().st_size == ends[-1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl", '\ufeff{"a": 1}\n\n{"a": 2}\r\n\n{"a": "茶"}'),
        ("r.csv", '\ufeffa,b\n1,"x\ny"\n\n2,z\r\n3,茶'),
    ],
)
def test_any_part_can_be_read_again(write: Write, name: str, content: str) -> None:
    table = Table(write(name, content))
    rows = list(table.rows())
    for first in range(3):
        offset = rows[first - 1][1] if first else 0
        line = rows[first - 1][0] + 1 if first else 0
        for last in range(first, 3):
            part = list(table.rows_between(offset, rows[last][1], line))
            assert part == rows[first : last + 1]


def test_a_part_ends_where_the_file_ends(write: Write) -> None:
    table = Table(write("r.jsonl", '{"a": 1}\n{"a": 2}'))
    assert list(table.rows_between(9, 1000, 1)) == [(1, 17, b'{"a": 2}')]


@pytest.mark.parametrize(
    ("name", "is_csv", "seekable"),
    [
        ("r.jsonl", False, True),
        ("r.csv", True, True),
        ("r.jsonl.gz", False, False),
        ("r.csv.gz", True, False),
        ("reviews", False, True),
    ],
)
def test_the_name_says_what_a_file_is(
    write: Write, name: str, is_csv: bool, seekable: bool
) -> None:
    table = Table(write(name, ""))
    assert (table.is_csv, table.seekable) == (is_csv, seekable)
    assert list(table.rows()) == []


@pytest.mark.parametrize(
    ("content", "is_csv"),
    [
        ('{"a": 1}\n', False),
        ('\ufeff\n  {"a": 1}\n', False),
        ("a,b\n1,2\n", True),
        ("\ufeffa,b\n1,2\n", True),
        ("", True),
    ],
)
def test_the_first_character_says_what_stdin_is(stdin: Stdin, content: str, is_csv: bool) -> None:
    stdin(content)
    table = Table("-")
    assert (table.is_csv, table.seekable) == (is_csv, False)


@pytest.mark.parametrize("buffer_bytes", [2**20, 10])
def test_stdin_can_be_read_as_often_as_needed(
    stdin: Stdin, monkeypatch: pytest.MonkeyPatch, buffer_bytes: int
) -> None:
    monkeypatch.setattr(tables, "BUFFER_BYTES", buffer_bytes)
    stdin(_reviews("好", "坏"))
    table = Table("-")
    rows = list(table.rows())
    assert [line for line, _, _ in rows] == [0, 1]
    assert list(table.rows()) == rows


def test_stdin_stands_for_one_file_only(stdin: Stdin) -> None:
    stdin(_reviews("好"))
    Table("-")
    with pytest.raises(InputError, match="stdin was read already: - can stand for one file only"):
        Table("-")


def test_what_was_kept_of_stdin_is_closed(stdin: Stdin) -> None:
    stdin(_reviews("好"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        assert len(list(read_reviews("-"))) == 1
        gc.collect()
    assert [str(w.message) for w in caught if "SpooledTemporaryFile" in str(w.message)] == []


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
def test_a_byte_order_mark_is_not_part_of_the_first_row(write: Write, name: str) -> None:
    content = "user_id,text\nu1,茶\n" if name == "r.csv" else _reviews("茶")
    with_mark = write(name, "\ufeff" + content)
    assert [review.text for review in read_reviews(with_mark)] == ["茶"]


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
def test_lines_may_end_as_on_windows(write: Write, name: str) -> None:
    content = "user_id,text\nu1,茶\nu1,米\n" if name == "r.csv" else _reviews("茶", "米")
    path = write(name, content.replace("\n", "\r\n"))
    assert [review.text for review in read_reviews(path)] == ["茶", "米"]


def test_only_a_line_feed_ends_a_json_line(write: Write) -> None:
    text = "one\u2028two\u2029three\x85four"
    assert [review.text for review in read_reviews(write("r.jsonl", _reviews(text)))] == [text]


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv"])
def test_a_line_of_ten_megabytes_is_read(write: Write, name: str) -> None:
    text = "长评" * (10 * 2**20 // 6 + 1)
    content = f"user_id,text\nu1,{text}\n" if name == "r.csv" else _reviews(text)
    (review,) = read_reviews(write(name, content))
    assert review.text == text


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv", "r.jsonl.gz"])
def test_a_line_above_the_limit_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(tables, "MAX_LINE_BYTES", 2**20)
    long = "x" * 2**20
    content = f"user_id,text\nu1,{long}\n" if "csv" in name else _reviews("short", long)
    begins = len("user_id,text\n") if "csv" in name else len(_reviews("short"))
    path = write(name, content)
    with pytest.raises(InputError) as caught:
        list(read_reviews(path))
    assert caught.value.path == path
    assert caught.value.what == (
        f"the line that begins at byte {begins} is longer than 1 MiB: expected one row a line"
    )


def test_a_line_of_exactly_the_limit_is_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    content = _reviews("x")
    monkeypatch.setattr(tables, "MAX_LINE_BYTES", len(content))
    assert len(list(read_lines(write("r.jsonl", content)))) == 1


def test_a_csv_field_of_many_lines_has_the_same_limit(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = csv.field_size_limit()
    monkeypatch.setattr(tables, "MAX_LINE_BYTES", 100)
    path = write("r.csv", 'user_id,text\nu1,short\nu1,"' + "word\n" * 30 + '"\n')
    try:
        with pytest.raises(InputError, match="not CSV: field larger") as caught:
            list(read_reviews(path))
    finally:
        csv.field_size_limit(limit)
    assert (caught.value.path, caught.value.line) == (path, 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-12],
        lambda raw: raw[:20] + bytes([raw[20] ^ 255]) + raw[21:],
        lambda raw: raw[:-8] + bytes(8),
        lambda raw: b"no gzip at all",
    ],
    ids=["cut", "bits flipped", "wrong checksum", "another format"],
)
@pytest.mark.parametrize("name", ["r.jsonl.gz", "r.csv.gz"])
def test_a_damaged_gzip_file_is_named(
    write: Write, damage: Callable[[bytes], bytes], name: str
) -> None:
    content = "user_id,text\n" + "u1,again\n" * 500 if "csv" in name else _reviews("again") * 500
    path = Path(write(name, content))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="the gzip file is damaged: ") as caught:
        list(read_reviews(path))
    assert (caught.value.path, caught.value.line) == (str(path), None)


def test_a_gzip_file_of_several_members_is_one_file(write: Write) -> None:
    path = Path(write("r.jsonl.gz", _reviews("一")))
    path.write_bytes(path.read_bytes() + gzip.compress(_reviews("二").encode()))
    assert [review.review_id for review in read_reviews(path)] == ["L0", "L1"]


@pytest.mark.parametrize("name", ["none.jsonl", "none.csv", "none.jsonl.gz", "none/r.csv.gz"])
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(InputError) as caught:
        list(read_reviews(name))
    assert str(caught.value) == f"{name}: cannot be read: No such file or directory"


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        list(read_reviews(tmp_path))


class _BrokenDisk(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_a_disk_that_fails_while_reading_is_an_error_of_the_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("r.jsonl", "")
    monkeypatch.setattr(Path, "open", lambda self, mode: io.BufferedReader(_BrokenDisk()))
    with pytest.raises(InputError) as caught:
        list(read_reviews(path))
    assert str(caught.value) == f"{path}: cannot be read: Input/output error"


def test_an_unclosed_quote_is_named_where_it_opens(write: Write) -> None:
    path = write("r.csv", 'user_id,text\nu1,fine\nu1,"never closed\nu2,fine\n')
    with pytest.raises(InputError, match="not CSV: unexpected end of data") as caught:
        list(read_reviews(path))
    assert (caught.value.path, caught.value.line) == (path, 1)


def test_text_after_a_closing_quote_is_not_csv(write: Write) -> None:
    path = write("r.csv", 'user_id,text\nu1,fine\nu1,"two" words\n')
    with pytest.raises(InputError, match="not CSV: ") as caught:
        list(read_reviews(path))
    assert (caught.value.path, caught.value.line) == (path, 1)


def test_lines_of_a_csv_file_are_not_json_lines(write: Write) -> None:
    path = write("p.csv", "user_id,summary\nu1,likes tea\n")
    with pytest.raises(InputError, match="JSON Lines are expected, CSV came") as caught:
        list(read_lines(path))
    assert caught.value.path == path
