"""Run and qrels files as TREC writes them, plain or gzipped.

A run has the lines ``qid Q0 docid rank score tag``, qrels ``qid 0 docid relevance``; here a qid is
a user and a docid an item. As in trec_eval the order of a list comes from the scores alone: ranks,
``Q0``, the second column of qrels and the tag are not read.
"""

import gzip
import re
import zlib
from array import array
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count, islice
from pathlib import Path
from typing import IO, cast

import numpy as np

from llmrec.errors import InputError
from llmrec.evaluation.runs import Entries, Qrels, Run
from llmrec.records.messages import shortened
from llmrec.records.replacing import replaced

_RUN_LINE = "qid Q0 docid rank score tag"
_QRELS_LINE = "qid 0 docid relevance"
_WRITABLE = re.compile(r"(?!\ufeff)[^\s\ud800-\udfff]+")


def read_run(path: str | Path) -> Run:
    """Read a run file.

    The lines of a user need not be together, nor in order. Ids are kept once, not once a line.

    Raises:
        InputError: the file cannot be read, or a line is not of this form, its score is not a
            finite number, or it has an item that its user has already.
    """
    user_codes, item_codes = _codes(), _codes()
    users, items, scores = array("i"), array("i"), array("d")
    with _opened(path) as lines:
        for line, raw in enumerate(lines):
            try:
                user, _, item, _, score, _ = raw.split()
                scores.append(float(score))
            except ValueError as error:
                if raw.isspace():
                    continue
                raise _bad_line(error, raw, _RUN_LINE, path, line) from None
            users.append(user_codes[user])
            items.append(item_codes[item])
    entries = Entries(
        tuple(_decoded(user_codes, path)),
        _decoded(item_codes, path),
        np.frombuffer(users, np.int32),
        np.frombuffer(items, np.int32),
        np.frombuffer(scores, np.float64),
    )
    flaw = entries.first_flaw()
    if flaw is not None:
        number, what = flaw
        raise InputError(what, path=path, line=_line_of(number, path))
    return entries.run()


def write_run(path: str | Path, run: Run, *, tag: str = "llmrec") -> None:
    """Write a run file, best items first, gzipped where the name ends in ``.gz``.

    Items of one score get different ranks, in the order that the run has them: a reader that goes
    by the ranks sees an order where there is none.

    Raises:
        InputError: it cannot be written, or an id or the tag has white space, which would end
            the field. Ids are not escaped: they would no longer be the ids of other files.
    """
    _write(path, _run_lines(run, f" {_checked(tag, 'tag')}\n"))


def read_qrels(path: str | Path) -> dict[str, dict[str, int]]:
    """Read a qrels file: relevance by user and item, in the order of the file.

    Raises:
        InputError: the file cannot be read, or a line is not of this form, its relevance is not
            a whole number, or it has an item that its user has already.
    """
    qrels: dict[str, dict[str, int]] = {}
    with _opened(path) as lines:
        for line, raw in enumerate(lines):
            try:
                user, _, item, relevance = (field.decode("utf-8") for field in raw.split())
                value = int(relevance)
            except ValueError as error:
                if raw.isspace():
                    continue
                raise _bad_line(error, raw, _QRELS_LINE, path, line) from None
            judged = qrels.setdefault(user, {})
            if item in judged:
                what = f"user {user!r}: item {item!r} stands in the qrels a second time"
                raise InputError(what, path=path, line=line)
            judged[item] = value
    return qrels


def write_qrels(path: str | Path, qrels: Qrels) -> None:
    """Write a qrels file, gzipped where the name ends in ``.gz``.

    Raises:
        InputError: it cannot be written, or an id has white space, as for ``write_run``.
    """
    lines = (
        f"{_checked(user, 'user')} 0 {_checked(item, 'item')} {relevance}\n"
        for user, judged in qrels.items()
        for item, relevance in judged.items()
    )
    _write(path, lines)


@contextmanager
def _opened(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file for its lines; what goes wrong while they are read is an InputError."""
    try:
        packed = str(path).endswith(".gz")
        with gzip.open(path) if packed else Path(path).open("rb") as stream:
            if stream.peek(3).startswith(BOM_UTF8):
                stream.read(3)
            yield cast("IO[bytes]", stream)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"the gzip file is damaged: {error}", path=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None


def _codes() -> defaultdict[bytes, int]:
    """Return a dict that numbers what it is asked for, in the order in which that comes."""
    return defaultdict(count().__next__)


def _decoded(codes: Mapping[bytes, int], path: str | Path) -> list[str]:
    try:
        return [raw.decode("utf-8") for raw in codes]
    except UnicodeDecodeError as error:
        bad = error.object
    with _opened(path) as lines:
        line = next(line for line, raw in enumerate(lines) if bad in raw.split())
    raise InputError(f"not UTF-8: {shortened(bad)}", path=path, line=line)


def _line_of(entry: int, path: str | Path) -> int:
    """Return the line of an entry, counted without the blank lines, by reading again."""
    with _opened(path) as lines:
        filled = (line for line, raw in enumerate(lines) if not raw.isspace())
        return next(islice(filled, entry, None))


def _bad_line(error: ValueError, raw: bytes, form: str, path: str | Path, line: int) -> InputError:
    n_fields, came = len(form.split()), len(raw.split())
    if came != n_fields:
        what = f"expected the {n_fields} fields {form!r}, came {came}: {shortened(raw)}"
    elif isinstance(error, UnicodeDecodeError):
        what = f"not UTF-8: {shortened(error.object)}"
    else:
        what = f"expected a line {form!r}: {error}"
    return InputError(what, path=path, line=line)


def _run_lines(run: Run, end: str) -> Iterator[str]:
    """Yield the lines of one user after the other."""
    ids = {code: _checked(run.item_ids[code], "item") for code in np.unique(run.items).tolist()}
    for user_id, items, scores in run.lists():
        begin = f"{_checked(user_id, 'user')} Q0 "
        entries = zip(items.tolist(), scores.tolist(), strict=True)
        yield "".join(
            f"{begin}{ids[item]} {rank} {score!r}{end}"
            for rank, (item, score) in enumerate(entries, start=1)
        )


def _checked(text: str, what: str) -> str:
    if not _WRITABLE.fullmatch(text):
        raise InputError(
            f"{what} {text!r} cannot be written to a TREC file, where white space ends a field: "
            "expected at least one character, no white space, no half of a surrogate pair and no "
            "byte order mark in front; give it another id in both files"
        )
    return text


def _write(path: str | Path, texts: Iterable[str]) -> None:
    with replaced(path) as file, _compressed(file, path) as stream:
        for text in texts:
            stream.write(text.encode("utf-8"))


def _compressed(file: IO[bytes], path: str | Path) -> AbstractContextManager[IO[bytes]]:
    if not str(path).endswith(".gz"):
        return nullcontext(file)
    # Without a name and a time, the same run gives the same bytes.
    packed = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
    return cast("AbstractContextManager[IO[bytes]]", packed)
