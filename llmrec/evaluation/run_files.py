"""Ranked lists that other programs made: TREC runs, and the lists of ``recommend``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from llmrec.errors import InputError
from llmrec.evaluation.runs import Run
from llmrec.evaluation.task import Candidates
from llmrec.evaluation.trec import read_run
from llmrec.records.messages import first_problem
from llmrec.records.reviews import RECORD, Id
from llmrec.records.tables import read_lines


@dataclass(frozen=True, slots=True, config=RECORD)
class _Place:
    item_id: Id
    rank: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, config=RECORD)
class _Lists:
    user_id: Id
    recommendations: Annotated[tuple[_Place, ...], Field(strict=False)]


@dataclass(frozen=True, slots=True, config=RECORD)
class _CandidateLine:
    user_id: Id
    candidates: Annotated[tuple[Id, ...], Field(strict=False)]


_LISTS = TypeAdapter(_Lists)
_CANDIDATES = TypeAdapter(_CandidateLine)


def read_any_run(path: str | Path) -> Run:
    """Read a TREC run, or the lists that ``recommend`` and ``rerank`` write as JSON Lines.

    Of lists the ranks count, since the scores of a reranked list may be those before.

    Raises:
        InputError: it is neither, or an item or a user stands there twice.
    """
    if not str(path).removesuffix(".gz").endswith((".json", ".jsonl")):
        return read_run(path)
    lists = {}
    for line, raw in read_lines(path):
        try:
            own = _LISTS.validate_json(raw, extra="ignore")
        except ValidationError as error:
            what = f"a list of recommendations is expected: {first_problem(error)}"
            raise InputError(what, path=path, line=line) from None
        if own.user_id in lists:
            raise InputError(f"a second list of user {own.user_id!r}", path=path, line=line)
        places = own.recommendations
        lists[own.user_id] = ([p.item_id for p in places], [-float(p.rank) for p in places])
    return Run.from_lists(lists)


def read_candidates(path: str | Path) -> Candidates:
    """Read candidates: JSON Lines with ``user_id`` and ``candidates``, other keys ignored.

    Raises:
        InputError: a line is not of this form, or a user stands in two.
    """
    candidates: dict[str, tuple[str, ...]] = {}
    for line, raw in read_lines(path):
        try:
            own = _CANDIDATES.validate_json(raw, extra="ignore")
        except ValidationError as error:
            raise InputError(first_problem(error), path=path, line=line) from None
        if own.user_id in candidates:
            raise InputError(f"a second line for user {own.user_id!r}", path=path, line=line)
        candidates[own.user_id] = own.candidates
    return candidates
