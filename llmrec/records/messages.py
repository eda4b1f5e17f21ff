"""One clear line out of a failed validation."""

from pydantic import ValidationError

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
    return what.replace("at line 1 column", "at column")


def first_problem(error: ValidationError) -> str:
    """Say of the first problem where it is, what was expected and what came.

    Unknown fields are named only where nothing else is wrong.
    """
    problems = error.errors(include_url=False)
    problem = next((p for p in problems if p["type"] not in _UNKNOWN_FIELD), problems[0])
    place = ".".join(str(part) for part in problem["loc"])
    what = _WORDS.get(problem["type"], problem["msg"]).replace("Input should be", "expected")
    what = without_line(what.removeprefix("Value error, "))
    came = "" if problem["type"] == "missing" else f", came {shortened(problem['input'])}"
    return f"{place}: {what}{came}" if place else f"{what}{came}"


def unknown_fields(error: ValidationError) -> list[str]:
    """Return the names of unknown fields if they are all that is wrong, else nothing."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    if any(problem["type"] not in _UNKNOWN_FIELD for problem in problems):
        return []
    return [str(problem["loc"][-1]) for problem in problems]
