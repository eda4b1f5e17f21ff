"""One clear line out of a failed validation."""

import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_WORDS = {
    "missing": "expected, but not there",
    "string_pattern_mismatch": "at least one visible character is expected",
    "string_too_short": "expected not to be empty",
}
_UNKNOWN_FIELD = ("unexpected_keyword_argument", "extra_forbidden")


def shortened(value: object, limit: int = 80) -> str:
    """Return a value's repr, cut in the middle of nothing: at most ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def without_line(what: str) -> str:
    """Return what a JSON parser says of one line without its count of lines."""
    return re.sub(r"at line \d+ column", "at column", what)


def first_problem(error: ValidationError) -> str:
    """Say of the first problem where it is, what was expected and what came.

    Unknown fields are named only where nothing else is wrong, and a list only where its entries
    are right.
    """
    problem = _first(error)
    place = ".".join(str(part) for part in problem["loc"])
    what = _WORDS.get(problem["type"], problem["msg"]).replace("Input should be", "expected")
    what = without_line(what.removeprefix("Value error, "))
    came = "" if problem["type"] == "missing" else f", came {shortened(problem['input'])}"
    return f"{place}: {what}{came}" if place else f"{what}{came}"


def missing_field(error: ValidationError) -> str | None:
    """Return the field that is missing, where that is what ``first_problem`` says."""
    problem = _first(error)
    return str(problem["loc"][-1]) if problem["type"] == "missing" else None


def _first(error: ValidationError) -> ErrorDetails:
    problems = error.errors(include_url=False)
    causes = [p for p in problems if not any(_is_within(q["loc"], p["loc"]) for q in problems)]
    return next((p for p in causes if p["type"] not in _UNKNOWN_FIELD), causes[0])


def _is_within(place: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def unknown_fields(error: ValidationError) -> list[str]:
    """Return the names of unknown fields if they are all that is wrong, else nothing."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    if any(problem["type"] not in _UNKNOWN_FIELD for problem in problems):
        return []
    return [str(problem["loc"][-1]) for problem in problems]
