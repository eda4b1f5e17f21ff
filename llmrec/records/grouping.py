"""Reviews gathered by user, in the order they were written."""

import gc
import logging
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from llmrec.errors import InputError
from llmrec.records.reading import RecordReader
from llmrec.records.reviews import Review
from llmrec.records.tables import BUFFER_BYTES, Table

log = logging.getLogger(__name__)

_UNDATED = (True, datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class UserReviews:
    """The reviews of one user, oldest first, undated ones last.

    Attributes:
        user_id: whose.
        reviews: by timestamp, then as in the file.
        lines: the line of each in its file; empty where they did not come from one.
    """

    user_id: str
    reviews: tuple[Review, ...]
    lines: tuple[int, ...] = ()

    @classmethod
    def of(cls, reviews: Iterable[Review], lines: Iterable[int] = ()) -> "UserReviews":
        """Gather the reviews of one user.

        Raises:
            InputError: there are none, or they are of several users, or two have one id.
        """
        given, places = tuple(reviews), tuple(lines)
        users = dict.fromkeys(review.user_id for review in given)
        if len(users) != 1:
            names = ", ".join(map(repr, list(users)[:3])) or "none"
            raise InputError(f"reviews of one user are expected, came {names}")
        repeated = _repeated_id(given)
        if repeated is not None:
            raise InputError(_same_id(repeated))
        order = sorted(range(len(given)), key=lambda n: moment(given[n]))
        return cls(
            user_id=given[0].user_id,
            reviews=tuple(given[n] for n in order),
            lines=tuple(places[n] for n in order) if places else (),
        )


def moment(review: Review) -> tuple[bool, datetime]:
    """Return what reviews are ordered by: when they were written, undated ones last."""
    when = review.when
    return _UNDATED if when is None else (False, when)


@dataclass(slots=True)
class _Run:
    """Adjacent rows of one user: from where the row before them ends to where the last one ends."""

    offset: int
    end: int
    line: int


@dataclass(slots=True)
class _Rows:
    """What is kept of one user: reviews while they fit into memory, else runs."""

    runs: list[_Run] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, line: int, review: Review) -> None:
        self.lines.append(line)
        self.reviews.append(review)

    def forget(self) -> None:
        self.reviews.clear()
        self.lines.clear()


def read_users(
    path: str | Path,
    *,
    users: Container[str] | None = None,
    columns: Mapping[str, str] | None = None,
    rating_max: float = 5,
    skip_bad_rows: bool = False,
    buffer_bytes: int = BUFFER_BYTES,
) -> Iterator[UserReviews]:
    """Read a file of reviews user by user, in the order of their first reviews.

    The whole file is checked before this returns; of a file that is not kept in memory all but
    second uses of an id, which are found when their user's turn comes. ``operator.length_hint`` of
    what it returns tells how many users there are. Up to ``buffer_bytes`` of text
    are kept in memory. Of a larger file only the places of each user's rows are kept, and they
    are read again; where a file cannot be read at any place (``.gz``, stdin), each user's rows
    must then be adjacent.

    Args:
        path: as for ``read_reviews``.
        users: leave out all others; None for everybody.
        columns: as for ``read_reviews``.
        rating_max: as for ``read_reviews``.
        skip_bad_rows: as for ``read_reviews``.
        buffer_bytes: how much is kept in memory.

    Raises:
        InputError: a bad row or file; two reviews of a user with one id; a large ``.gz`` file or
            stdin in which the rows of a user are not adjacent.
    """
    reader = RecordReader(
        Review,
        Table(path),
        columns=columns,
        rating_max=rating_max,
        skip_bad_rows=skip_bad_rows,
    )
    with _collector_paused():
        found, in_memory = _scan(reader, users, buffer_bytes)
    if in_memory:
        gathered: Iterable[_Rows] = found.values()
        for rows in gathered:
            _use_ids_once(reader, rows)
    elif reader.table.seekable:
        gathered = _read_from_places(reader, found)
    else:
        gathered = _read_in_order(reader, found)
    return _Users(_in_order(reader, gathered), len(found))


class _Users(Iterator[UserReviews]):
    """Users one after the other; ``operator.length_hint`` tells how many are left."""

    def __init__(self, users: Iterator[UserReviews], n: int) -> None:
        self._users = users
        self._left = n

    def __next__(self) -> UserReviews:
        user = next(self._users)
        self._left -= 1
        return user

    def __length_hint__(self) -> int:
        return self._left


def _in_order(reader: RecordReader[Review], gathered: Iterable[_Rows]) -> Iterator[UserReviews]:
    undated = False
    for rows in gathered:
        user = UserReviews.of(rows.reviews, rows.lines)
        if not undated and user.reviews[-1].timestamp is None:
            log.warning("%s: reviews without a timestamp count as the newest", reader.table.path)
            undated = True
        yield user


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking over many new records that hold no cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _scan(
    reader: RecordReader[Review], users: Container[str] | None, buffer_bytes: int
) -> tuple[dict[str, _Rows], bool]:
    """Read the whole file; return what is kept of each user, and whether that is the reviews."""
    found: dict[str, _Rows] = {}
    in_memory, last_user, last_end, last_line = True, None, 0, -1
    for line, end, review in reader.records(reader.table.rows()):
        user = review.user_id
        if users is None or user in users:
            rows = found.get(user)
            if rows is None:
                rows = found[user] = _Rows()
            if user == last_user:
                rows.runs[-1].end = end
            else:
                rows.runs.append(_Run(last_end, end, last_line + 1))
            if in_memory:
                rows.add(line, review)
                if end > buffer_bytes:
                    in_memory = False
                    for kept in found.values():
                        kept.forget()
        last_user, last_end, last_line = user, end, line
    return found, in_memory


def _read_from_places(reader: RecordReader[Review], found: Mapping[str, _Rows]) -> Iterator[_Rows]:
    for rows in found.values():
        for run in rows.runs:
            part = reader.table.rows_between(run.offset, run.end, run.line)
            for line, _, review in reader.records(part, reported=True):
                rows.add(line, review)
        _use_ids_once(reader, rows)
        yield rows
        rows.forget()


def _read_in_order(reader: RecordReader[Review], found: Mapping[str, _Rows]) -> Iterator[_Rows]:
    scattered = [user for user, rows in found.items() if len(rows.runs) > 1]
    if scattered:
        raise InputError(
            f"too large to be kept in memory, and the rows of {len(scattered)} users, "
            f"{scattered[0]!r} the first, are not adjacent: sort the rows by user, or give an "
            "uncompressed file",
            path=reader.table.path,
        )
    again = reader.records(reader.table.rows(), reported=True)
    wanted = ((line, review) for line, _, review in again if review.user_id in found)
    for _, pairs in groupby(wanted, key=lambda pair: pair[1].user_id):
        rows = _Rows()
        for line, review in pairs:
            rows.add(line, review)
        _use_ids_once(reader, rows)
        yield rows


def _use_ids_once(reader: RecordReader[Review], rows: _Rows) -> None:
    """Treat the second review of a user with one id as a bad row."""
    if _repeated_id(rows.reviews) is None:
        return
    reviews, lines = tuple(rows.reviews), tuple(rows.lines)
    rows.forget()
    seen: set[str] = set()
    for review, line in zip(reviews, lines, strict=True):
        if review.review_id in seen:
            reader.report(_same_id(review), line)
        else:
            seen.add(review.review_id)
            rows.add(line, review)


def _repeated_id(reviews: Sequence[Review]) -> Review | None:
    if len({review.review_id for review in reviews}) == len(reviews):
        return None
    counts = Counter(review.review_id for review in reviews)
    return next(review for review in reviews if counts[review.review_id] > 1)


def _same_id(review: Review) -> str:
    return f"review_id: user {review.user_id!r} has a second review {review.review_id!r}"
