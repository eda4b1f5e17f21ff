"""Scripts and lengths of texts in any language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.records.writing import has_controls, is_short, language, main_script, script


@pytest.mark.parametrize(
    ("letter", "found"),
    [
        ("a", "LATIN"),
        ("É", "LATIN"),
        ("Ａ", "LATIN"),
        ("я", "CYRILLIC"),
        ("λ", "GREEK"),
        ("夜", "CJK"),
        ("の", "CJK"),
        ("ー", "CJK"),
        ("カ", "CJK"),
        ("밤", "HANGUL"),
        ("ก", "THAI"),
        ("7", None),
        ("!", None),
        (" ", None),
    ],
)
def test_the_script_of_a_letter(letter: str, found: str | None) -> None:
    assert script(letter) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Slow films, 慢电影", "LATIN"),
        ("慢电影 slow", "CJK"),
        ("ночь", "CYRILLIC"),
        ("1997!", None),
        ("", None),
    ],
)
def test_the_script_of_most_of_a_text(text: str, found: str | None) -> None:
    assert main_script(text) == found


@given(st.text())
def test_every_text_has_a_script_or_no_letters(text: str) -> None:
    assert (main_script(text) is None) == (not any(map(script, text)))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("One two three.", True),
        ("It's hand-drawn film, isn't it?", False),
        ("“Don't” — well-made!", True),
        ("一二三四五六", True),
        ("一二三四五六七", False),
        ("一二三四 film 六", True),
        ("three words 夜航夜航", True),
        ("a" * 30, True),
        ("a" * 31, False),
        ("ก" * 31, False),
        ("", True),
    ],
)
def test_three_words_or_six_characters_are_short(text: str, short: bool) -> None:
    assert is_short(text, 3) == short


@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\u2067", "\ud800"]
)
def test_characters_that_steer_are_seen(character: str) -> None:
    assert has_controls(f"a{character}b")


def test_joiners_and_marks_of_other_scripts_steer_nothing() -> None:
    assert not has_controls("می‌خواهم 👩‍💻 é 夜")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a quiet film", "LATIN"),
        ("Ein großer Film", "LATIN"),
        ("1917 (2019)", ""),
        ("—", ""),
        ("关于太空的科幻片", "CJK"),
        ("周末看 Blade Runner 这部电影的感想", "CJK"),
        ("静かな家族の映画", "JAPANESE"),
        ("我们在东京看了の这个字很多很多很多次", "CJK"),
        ("조용한 영화", "HANGUL"),
        ("тихие фильмы", "CYRILLIC"),
    ],
)
def test_a_language_is_told_by_its_script(text: str, name: str) -> None:
    assert language(text) == name
