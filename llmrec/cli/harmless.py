"""Other people's text on a terminal: nothing in it may steer the terminal or turn the reading."""

import re
import unicodedata

DIRECTION = "\u202a-\u202e\u2066-\u2069"
_DIRECTION = re.compile(f"[{DIRECTION}]")


def harmless(text: str) -> str:
    """Return a text without control characters but line ends, and without turns of direction."""
    kept = _DIRECTION.sub("", text)
    return "".join(c for c in kept if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))
