"""Characters that turn the direction of reading: in other people's texts they can make ours lie."""

from typing import Final

TURNS: Final = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""They embed, override and isolate a direction, or end that."""

_NONE = dict.fromkeys(map(ord, TURNS))


def without_turns(text: str) -> str:
    """Return a text without them."""
    return text.translate(_NONE)
