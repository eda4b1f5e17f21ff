"""When something was written: ISO 8601, or Unix time in seconds or milliseconds."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"([1-9][0-9]{8,9})(?:\.0)?")
_MILLISECONDS = re.compile(r"([1-9][0-9]{11,12})(?:\.0)?")
_ISO_DATE = re.compile(r"[0-9]{8}")
_DIGITS = re.compile(r"[0-9]+")


def moment_of(timestamp: str) -> datetime:
    """Return the moment that a timestamp names, in the zone it is written in, if there is one.

    Digits alone are Unix time where it is plain in which unit: 9 or 10 are seconds, 12 or 13 are
    milliseconds, which is March 1973 to November 2286 either way; ``.0`` may follow, as data frames
    write whole numbers among missing ones. Eight are a date.

    Raises:
        ValueError: it names none, or Unix time in a unit that is not plain.
    """
    if seconds := _SECONDS.fullmatch(timestamp):
        return _EPOCH + timedelta(seconds=int(seconds[1]))
    if milliseconds := _MILLISECONDS.fullmatch(timestamp):
        return _EPOCH + timedelta(milliseconds=int(milliseconds[1]))
    if _ISO_DATE.fullmatch(timestamp) or not _DIGITS.fullmatch(timestamp):
        return datetime.fromisoformat(timestamp)
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
