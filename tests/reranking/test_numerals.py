"""Numbers that are written out."""

import pytest

from llmrec.reranking.numerals import chinese_numbers, spelled_value


@pytest.mark.parametrize(
    ("word", "value"),
    [("two", "2"), ("twenty", "20"), ("ninety", "90"), ("dozen", "12"), ("thousands", "1000")],
)
def test_english_words_have_values(word: str, value: str) -> None:
    assert spelled_value(word) == value


@pytest.mark.parametrize("word", ["one", "film", "tenor", "二"])
def test_other_words_have_none(word: str) -> None:
    assert spelled_value(word) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("近三小时，四十来分钟", ["三", "四十"]),
        ("二十多年前的第三部", ["二十", "三"]),
        ("一个人走了两天", []),
        ("一百个人", ["一百"]),
        ("十分安静，千万别看", []),
    ],
)
def test_chinese_numerals_count_something(text: str, found: list[str]) -> None:
    assert chinese_numbers(text) == found
