"""Terms of texts in any language."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from llmrec.matching.text_terms import terms

WITHOUT_CJK = st.text(
    st.characters(max_codepoint=0x10FF, exclude_categories=["Cs"]) | st.sampled_from(" ab.'_9"),
    max_size=40,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I like 4 tea-houses", ["like", "tea", "houses"]),
        ("星际穿越", ["星际", "际穿", "穿越"]),
        ("猫", ["猫"]),
        ("我爱jazz音乐！", ["jazz", "我爱", "音乐"]),
        ("コーヒー・豆 2杯", ["コー", "ーヒ", "ヒー", "豆", "杯"]),
        ("커피를 마신다", ["커피", "피를", "마신", "신다"]),
        ("か\u3099く", ["か\u3099", "\u3099く"]),
        ("𠮷野家", ["𠮷野", "野家"]),
        ("!? 。", []),
    ],
)
def test_terms_are_words_and_pairs_of_cjk_characters(text: str, found: list[str]) -> None:
    assert terms(text) == found


@settings(deadline=None)
@given(WITHOUT_CJK)
def test_without_cjk_characters_terms_are_scikit_learns_words(text: str) -> None:
    assert terms(text) == TfidfVectorizer(lowercase=False).build_analyzer()(text)
