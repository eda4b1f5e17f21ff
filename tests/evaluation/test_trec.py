"""TREC files: what is written is read, and a bad line is named."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import InputError
from llmrec.evaluation.runs import Run
from llmrec.evaluation.trec import read_qrels, read_run, write_qrels, write_run

IDS = st.text(st.characters(codec="utf-8"), min_size=1).filter(
    lambda text: text.split() == [text] and not text.startswith("\ufeff")
)
LISTS = st.dictionaries(
    IDS, st.dictionaries(IDS, st.floats(allow_nan=False, allow_infinity=False), min_size=1)
)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    """Write a file that is to be read."""

    def write(content: bytes) -> Path:
        path = tmp_path / "file.txt"
        path.write_bytes(content)
        return path

    return write


def _scores(run: Run) -> dict[str, dict[str, float]]:
    return {
        user_id: {
            run.item_ids[item]: score for item, score in zip(items, scores.tolist(), strict=True)
        }
        for user_id, items, scores in run.lists()
    }


@pytest.mark.parametrize("name", ["a.run", "a.run.gz"])
@settings(max_examples=50)
@given(scores=LISTS)
def test_a_written_run_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, name: str, scores: dict[str, dict[str, float]]
) -> None:
    path = tmp_path_factory.mktemp("run") / name
    run = Run.from_lists({user: ([*own], [*own.values()]) for user, own in scores.items()})
    write_run(path, run)
    again = read_run(path)
    assert _scores(again) == _scores(run)
    assert [*_scores(again).values()] == [*_scores(run).values()]


@pytest.mark.parametrize("name", ["a.qrels", "a.qrels.gz"])
@settings(max_examples=50)
@given(qrels=st.dictionaries(IDS, st.dictionaries(IDS, st.integers(), min_size=1)))
def test_written_qrels_are_read_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, name: str, qrels: dict[str, dict[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("qrels") / name
    write_qrels(path, qrels)
    again = read_qrels(path)
    assert again == qrels
    assert [*again] == [*qrels]


def test_the_form_of_a_run_is_trec_s(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    lists = {"u1": (["低", "i2"], [0.1, 1e-7]), "u2": (["i2", "i1"], [0, 3])}
    write_run(path, Run.from_lists(lists), tag="hub")
    assert path.read_text(encoding="utf-8") == (
        "u1 Q0 低 1 0.1 hub\nu1 Q0 i2 2 1e-07 hub\nu2 Q0 i1 1 3.0 hub\nu2 Q0 i2 2 0.0 hub\n"
    )
    with path.open(encoding="utf-8") as file:
        assert pytrec_eval.parse_run(file) == _scores(read_run(path))


def test_the_form_of_qrels_is_trec_s(tmp_path: Path) -> None:
    path = tmp_path / "a.qrels"
    write_qrels(path, {"u1": {"i1": 1, "i2": 0}, "u2": {"i1": -1}})
    assert path.read_text(encoding="utf-8") == "u1 0 i1 1\nu1 0 i2 0\nu2 0 i1 -1\n"
    with path.open(encoding="utf-8") as file:
        assert pytrec_eval.parse_qrel(file) == read_qrels(path)


def test_the_same_run_gives_the_same_bytes_gzipped(tmp_path: Path) -> None:
    run = Run.from_lists({"u": (["a"], [1.0])})
    write_run(tmp_path / "a.gz", run)
    write_run(tmp_path / "b.gz", run)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_lines_may_come_in_any_order_with_any_white_space(
    written: Callable[[bytes], Path],
) -> None:
    run = read_run(
        written(
            b"\xef\xbb\xbfu1\tQ0\ti1\t9\t0.5\tx\r\n\n  \nu2 0 i1 1 -2 x\n"
            b" u1  Q0 i3 x 7e0 y \nu1 Q0 i2 0 1 x"
        )
    )
    assert list(_scores(run).items()) == [
        ("u1", {"i3": 7, "i2": 1, "i1": 0.5}),
        ("u2", {"i1": -2}),
    ]
    assert run.items.tolist() == [1, 2, 0, 0]


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b"u Q0 i 1 .5", "expected the 6 fields 'qid Q0 docid rank score tag', came 5: b'u Q0 i"),
        (b"u Q0 i 1 .5 a b", "expected the 6 fields 'qid Q0 docid rank score tag', came 7"),
        (b"u Q0 i 1 high tag", "could not convert string to float: b'high'"),
        (b"u Q0 i 1 nan tag", "user 'u': item 'i' has the score nan: expected a finite number"),
        (b"u Q0 i 1 -inf tag", "user 'u': item 'i' has the score -inf: expected a finite number"),
        (b"u Q0 \xff 1 .5 tag", r"not UTF-8: b'\\xff'"),
        (b"u\xe4 Q0 i 1 .5 tag", r"not UTF-8: b'u\\xe4'"),
        (b"u1 Q0 i1 1 .9 tag", "user 'u1': item 'i1' stands in the list a second time"),
    ],
)
def test_a_bad_line_of_a_run_is_named(
    written: Callable[[bytes], Path], bad: bytes, what: str
) -> None:
    path = written(b"u1 Q0 i1 1 0.5 tag\n\nu0 Q0 i1 2 0.5 tag\n" + bad + b"\nu9 Q0 i1 1 0.5 tag\n")
    with pytest.raises(InputError, match=what) as caught:
        read_run(path)
    assert (caught.value.path, caught.value.line) == (str(path), 3)


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b"u 0 i", "expected the 4 fields 'qid 0 docid relevance', came 3"),
        (b"u 0 i 1 2", "expected the 4 fields 'qid 0 docid relevance', came 5"),
        (b"u 0 i 1.0", r"invalid literal for int\(\) with base 10: '1.0'"),
        (b"u 0 \xff 1", "not UTF-8"),
        (b"\xff 0 i 1", "not UTF-8"),
        (b"u1 0 i1 1", "user 'u1': item 'i1' stands in the qrels a second time"),
    ],
)
def test_a_bad_line_of_qrels_is_named(
    written: Callable[[bytes], Path], bad: bytes, what: str
) -> None:
    path = written(b"u1 0 i1 1\n\n" + bad + b"\n")
    with pytest.raises(InputError, match=what) as caught:
        read_qrels(path)
    assert (caught.value.path, caught.value.line) == (str(path), 2)


@pytest.mark.parametrize(
    ("read", "line"), [(read_run, b"u Q0 i 1 0.5 tag\n"), (read_qrels, b"u 0 i 1\n")]
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, read: Callable[[Path], object], line: bytes
) -> None:
    absent, folder, cut = (tmp_path / name for name in ("absent", "folder", "cut.gz"))
    folder.mkdir()
    cut.write_bytes(gzip.compress(line)[:-4])
    for path, what in (
        (absent, "cannot be read: No such file"),
        (folder, "cannot be read: Is a directory"),
        (cut, "the gzip file is damaged"),
    ):
        with pytest.raises(InputError, match=what) as caught:
            read(path)
        assert caught.value.path == str(path)


def test_an_empty_file_is_a_run_without_lists(written: Callable[[bytes], Path]) -> None:
    assert _scores(read_run(written(b""))) == {}
    assert read_qrels(written(b"")) == {}


@pytest.mark.parametrize(
    "bad", ["", "a b", "a\tb", " a", "a\u00a0b", "a\u3000b", "\ufeffa", "a\ud800"]
)
def test_an_id_with_white_space_is_refused_and_nothing_is_written(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "a.run"
    good = Run.from_lists({"u": (["i"], [1.0])})
    for write in (
        lambda: write_run(path, Run.from_lists({bad: (["i"], [1.0])})),
        lambda: write_run(path, Run.from_lists({"u": ([bad], [1.0])})),
        lambda: write_run(path, good, tag=bad),
        lambda: write_qrels(path, {bad: {"i": 1}}),
        lambda: write_qrels(path, {"u": {bad: 1}}),
    ):
        with pytest.raises(InputError, match="no white space") as caught:
            write()
        assert repr(bad) in caught.value.what
        assert not path.exists()


def test_only_written_items_need_a_writable_id(tmp_path: Path) -> None:
    run = Run.from_rows(["u"], ["not written", "i"], np.array([[1]]), [[1.0]])
    write_run(tmp_path / "a.run", run)
    assert (tmp_path / "a.run").read_text() == "u Q0 i 1 1.0 llmrec\n"
