"""Whole call logs: sorted, merged, pruned and compacted, a line at a time.

Of each line only its id or digest, its label and its place are kept in memory, never its text.
Lines are copied as they are, so that what a log replays stays the same to the byte. Where a log
takes its own place, runs that add to it wait meanwhile, and go on in the new file.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from llmrec.errors import InputError
from llmrec.llm.call_lines import LoggedLine, logged_lines
from llmrec.llm.side_index import SideIndex
from llmrec.records.locking import locked
from llmrec.records.replacing import replaced

_Place = tuple[int, int]
"""Number of the log among those given, and the byte where the line begins."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of the lines of the logs given.

    Attributes:
        kept: number of lines written.
        dropped: number of whole lines left out.
    """

    kept: int
    dropped: int


def sort_calls(source: str | Path, output: str | Path) -> Rewritten:
    """Write a call log's lines by label, then id; lines of one id keep their order.

    Args:
        source: the log.
        output: where the sorted one goes; it may be the same.

    Raises:
        InputError: a file cannot be read or written, or is not a call log.
    """
    with _alone(output):
        places = sorted(
            (str(line.exchange.get("label") or ""), line.custom_id, line.offset)
            for line in logged_lines(source)
        )
        _write(output, [source], ((0, offset) for _, _, offset in places))
    return Rewritten(len(places), 0)


def merge_calls(sources: Sequence[str | Path], output: str | Path) -> Rewritten:
    """Write the lines of several call logs one log after the other: the last log given is newest.

    Of lines that are the same to the byte the last stays, so that the newest of each request is
    the same as if none were left out.

    Args:
        sources: the logs, oldest first.
        output: where the lines go; it may be one of them.

    Raises:
        InputError: a file cannot be read or written, or is not a call log.
    """
    last: dict[bytes, _Place] = {}
    n_lines = 0
    with _alone(output):
        for number, source in enumerate(sources):
            for line in logged_lines(source):
                content = hashlib.sha256(line.raw.rstrip(b"\r\n")).digest()
                last.pop(content, None)
                last[content] = (number, line.offset)
                n_lines += 1
        _write(output, sources, last.values())
    return Rewritten(len(last), n_lines - len(last))


def prune_calls(
    source: str | Path, ids: Collection[str], output: str | Path, *, since: int
) -> Rewritten:
    """Write only the newest exchange of each of these requests, in the order of the file.

    Args:
        source: the log.
        ids: of the requests.
        output: where the lines go; it may be the same log.
        since: how many bytes the log had when it was found out which requests are needed: lines
            that a run has added since then stay as well.

    Raises:
        InputError: a file cannot be read or written, or is not a call log.
    """
    return _keep_newest(source, output, lambda line: line.custom_id in ids or line.offset >= since)


def compact_calls(source: str | Path, output: str | Path) -> Rewritten:
    """Write only the newest exchange of every request, in the order of the file.

    That is all a replay or a resumed run reads. What older exchanges cost is no longer in the log.

    Args:
        source: the log.
        output: where the lines go; it may be the same log.

    Raises:
        InputError: a file cannot be read or written, or is not a call log.
    """
    return _keep_newest(source, output, lambda line: True)


def _keep_newest(
    source: str | Path, output: str | Path, wanted: Callable[[LoggedLine], bool]
) -> Rewritten:
    newest: dict[str, int] = {}
    n_lines = 0
    with _alone(output):
        for line in logged_lines(source):
            n_lines += 1
            if wanted(line):
                newest[line.custom_id] = line.offset
        _write(output, [source], ((0, offset) for offset in sorted(newest.values())))
    return Rewritten(len(newest), n_lines - len(newest))


@contextmanager
def _alone(output: str | Path) -> Iterator[None]:
    """Hold back whoever adds to a log that is there, until another is in its place."""
    path = Path(output)
    with ExitStack() as stack:
        if path.exists():
            try:
                stack.enter_context(locked(path, "r+b"))
            except OSError as error:
                raise InputError(f"cannot be written: {error.strerror}", path=path) from None
        yield


def _write(output: str | Path, sources: Sequence[str | Path], places: Iterable[_Place]) -> None:
    """Copy lines; the sources are read while the output is written beside its place."""
    with ExitStack() as stack, replaced(output) as file:
        logs: list[IO[bytes]] = [stack.enter_context(Path(source).open("rb")) for source in sources]
        for number, offset in places:
            logs[number].seek(offset)
            file.write(logs[number].readline().rstrip(b"\r\n") + b"\n")
    SideIndex(Path(output)).path.unlink(missing_ok=True)
