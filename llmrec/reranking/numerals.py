"""Numbers that are written out, in English and Chinese."""

import re

_FROM_TWO = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ENGLISH = {
    **{word: str(value) for value, word in enumerate(_FROM_TWO.split(), 2)},
    **{word: f"{value}0" for value, word in enumerate(_TENS, 3)},
    "dozen": "12",
    "hundred": "100",
    "hundreds": "100",
    "thousand": "1000",
    "thousands": "1000",
    "million": "1000000",
    "millions": "1000000",
    "billion": "1000000000",
    "billions": "1000000000",
}

_NUMERALS = "一二两三四五六七八九十百千万亿"
_COUNTED = (
    "年|岁|个?月|天|日|个?小时|分钟|秒|部|集|季|章|卷|册|本|首|篇|个|位|名|只|次|遍|页|站|世纪"
)
_CHINESE = re.compile(f"([{_NUMERALS}]+)[来多余几]?(?:{_COUNTED})")
_LIKE_ARTICLES = frozenset("一两")


def spelled_value(word: str) -> str | None:
    """Return the number that an English word means, in digits, or None.

    ``one`` is left out: it counts as rarely as ``a``.
    """
    return _ENGLISH.get(word)


def chinese_numbers(text: str) -> list[str]:
    """Return the numerals that stand before something counted: 三小时, 四十来分钟.

    Elsewhere they are mostly parts of words (十分), and 一 and 两 alone are like articles.
    """
    return [found for found in _CHINESE.findall(text) if not _LIKE_ARTICLES.issuperset(found)]
