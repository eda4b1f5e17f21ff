"""Candidates: per user the items that may be ranked."""

from collections.abc import Container
from pathlib import Path
from typing import Annotated

import pydantic
from pydantic import Field, TypeAdapter, ValidationError

from llmrec.errors import InputError
from llmrec.records.messages import first_problem
from llmrec.records.reviews import RECORD, Id
from llmrec.records.tables import read_lines


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=RECORD)
class _Line:
    user_id: Id
    candidates: Annotated[tuple[Id, ...], Field(strict=False)]


_LINE = TypeAdapter(_Line)


def read_candidates(path: str | Path, catalogue: Container[str]) -> dict[str, tuple[str, ...]]:
    """Read the item ids of each user: JSON Lines, one user a line, other keys ignored.

    Args:
        path: the file.
        catalogue: the item ids there are.

    Raises:
        InputError: a line is not of this format, a user stands in two lines, an item twice in
            one, or an item is not in the catalogue.
    """
    candidates: dict[str, tuple[str, ...]] = {}
    for place, raw in read_lines(path):
        try:
            line = _LINE.validate_json(raw, extra="ignore")
        except ValidationError as error:
            raise InputError(first_problem(error), path=path, line=place) from None
        wrong = _wrong(line, candidates, catalogue)
        if wrong is not None:
            raise InputError(wrong, path=path, line=place)
        candidates[line.user_id] = line.candidates
    return candidates


def _wrong(line: _Line, before: Container[str], catalogue: Container[str]) -> str | None:
    if line.user_id in before:
        return f"a second line for user {line.user_id!r}"
    seen: set[str] = set()
    for item_id in line.candidates:
        if item_id not in catalogue:
            return f"candidate {item_id!r} is not in the catalogue"
        if item_id in seen:
            return f"candidate {item_id!r} is there twice"
        seen.add(item_id)
    return None
