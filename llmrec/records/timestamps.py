"""When something was written: ISO 8601, or Unix time in seconds or milliseconds."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_DIGITS = 8
_SECONDS_DIGITS = (9, 10)
_MILLISECONDS_DIGITS = (12, 13)


def moment_of(timestamp: str) -> datetime:
    """Return the moment that a timestamp names, in the zone it is written in, if there is one.

    Digits alone are Unix time where it is plain in which unit: 9 or 10 are seconds, 12 or 13 are
    milliseconds, which is March 1973 to November 2286 either way; ``.0`` may follow, as data frames
    write whole numbers among missing ones. Eight are a date.

    Raises:
        ValueError: it names none, or Unix time in a unit that is not plain.
    """
    digits = timestamp.removesuffix(".0")
    if not digits.isdecimal() or len(timestamp) == _DATE_DIGITS:
        return datetime.fromisoformat(timestamp)
    if digits.isascii() and not digits.startswith("0"):
        if len(digits) in _SECONDS_DIGITS:
            return _EPOCH + timedelta(seconds=int(digits))
        if len(digits) in _MILLISECONDS_DIGITS:
            return _EPOCH + timedelta(milliseconds=int(digits))
    raise ValueError("digits that are neither a date nor plain Unix time")


def checked_timestamp(timestamp: str) -> str:
    """Return a timestamp as it is.

    Raises:
        ValueError: it names no moment: what is expected.
    """
    try:
        moment_of(timestamp)
    except ValueError:
        raise ValueError(
            "expected ISO 8601, as 2024-01-31 or 2024-01-31T18:30:00Z, or Unix time in seconds "
            "(9 or 10 digits) or milliseconds (12 or 13)"
        ) from None
    return timestamp
