"""The terms of a text, in any language.

A term is a lower-case word of two or more characters that is not an English stop word. Chinese,
Japanese and Korean do not part their words as other languages do: in runs of their characters,
wherever these stand, each pair of neighbours is a term (and a single character between others is
one), as in Lucene's CJK analyzer. So no language need be known, and mixed texts are no problem.
"""

import re

_CJK = (
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff"  # Hangul
    "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Kana
    "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_CJK_RUN = re.compile(f"[{_CJK}]+")
_WORD = re.compile(rf"[^\W{_CJK}]{{2,}}")


def terms(text: str) -> list[str]:
    """Return the words of a text, then the pairs of characters of its CJK runs."""
    found = _WORD.findall(text)
    for run in _CJK_RUN.findall(text):
        found += [run[n : n + 2] for n in range(max(len(run) - 1, 1))]
    return found
