"""What the headers of an answer say about the server's limits."""

import email.utils
import re
from collections.abc import Mapping
from datetime import UTC, datetime

_LIMITED = ("requests", "tokens")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?(?:([\d.]+)ms)?", re.ASCII)
_UNITS_S = (86_400, 3600, 60, 1, 0.001)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a server asks to wait: retry-after-ms, else Retry-After, or None."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    asked = headers.get("retry-after")
    if asked is None:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(asked)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def reset_s(headers: Mapping[str, str]) -> float | None:
    """Return in how many seconds there is something left again, or None where there is now.

    ``x-ratelimit-remaining-requests`` and ``…-tokens`` say what is left, and
    ``x-ratelimit-reset-…`` when it is filled up: ``1m30s``, ``250ms``, or seconds.
    """
    resets = [
        _seconds(headers.get(f"x-ratelimit-reset-{limited}", ""))
        for limited in _LIMITED
        if headers.get(f"x-ratelimit-remaining-{limited}", "").strip() == "0"
    ]
    return max((seconds for seconds in resets if seconds is not None), default=None)


def _seconds(duration: str) -> float | None:
    words = duration.strip()
    given = _DURATION.fullmatch(words if words[-1:].isalpha() else f"{words}s")
    if given is None or not any(given.groups()):
        return None
    try:
        return sum(float(n or 0) * unit for n, unit in zip(given.groups(), _UNITS_S, strict=True))
    except ValueError:
        return None
