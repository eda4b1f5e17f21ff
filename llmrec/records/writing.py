"""Which script and language a text is written in, and how long it is."""

import functools
import re
import unicodedata
from collections import Counter

from llmrec.records.direction import TURNS

CJK = "CJK"
"""Script of Chinese and Japanese, kana included, which put no spaces between words."""

LATIN = "LATIN"
JAPANESE = "JAPANESE"

_KANA = ("HIRAGANA", "KATAKANA")
_KANA_LETTER = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_ONE_IN = 10
_WORD = re.compile(r"\w+(?:['’.-]\w+)*")
_LETTERS_A_CHARACTER = 2


@functools.cache
def script(letter: str) -> str | None:
    """Return the script of a letter (``LATIN``, ``CYRILLIC``, ``CJK``…), or None for no letter.

    The Unicode name of a letter begins with its script.
    """
    if not letter.isalpha():
        return None
    name = unicodedata.name(unicodedata.normalize("NFKC", letter)[0], "")
    first = re.split("[ -]", name)[0]
    return CJK if first in _KANA else first or None


def main_script(text: str) -> str | None:
    """Return the script of most of a text, or None where it has no letters.

    A character of Chinese or Japanese counts as two letters: it says that much more.
    """
    letters = Counter(found for found in map(script, text) if found is not None)
    if CJK in letters:
        letters[CJK] *= _LETTERS_A_CHARACTER
    return max(letters, key=letters.__getitem__, default=None)


def language(text: str) -> str:
    """Return the language of a text as far as its script tells, "" where it has no letters.

    That is its main script, but ``JAPANESE`` where kana are at least a tenth of its Chinese and
    Japanese characters. Languages that share a script are not told apart.
    """
    if text.isascii():
        return LATIN if any(map(str.isalpha, text)) else ""
    main = main_script(text)
    if main != CJK:
        return main or ""
    n_kana = len(_KANA_LETTER.findall(text))
    return JAPANESE if _ONE_IN * n_kana >= sum(script(c) == CJK for c in text) else CJK


def is_short(text: str, max_words: int) -> bool:
    """Say whether a text has at most so many words.

    A text mainly in Chinese or Japanese may have two characters for each; another text's runs of
    such characters count as words. Where words cannot be told apart (Thai, or a text that is one
    endless word), ten characters are allowed for each.
    """
    if len(text) > 10 * max_words:
        return False
    if main_script(text) != CJK:
        return len(_WORD.findall(text)) <= max_words
    apart = "".join(f" {c} " if script(c) == CJK else c for c in text)
    return len(_WORD.findall(apart)) <= 2 * max_words


def has_controls(text: str) -> bool:
    """Say whether a text has characters that steer a terminal or turn the reading."""
    return any(unicodedata.category(c) in ("Cc", "Cs") or c in TURNS for c in text)
