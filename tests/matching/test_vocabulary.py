"""Whether any word of the interests stands in the catalogue."""

import pytest

from llmrec.matching.content_index import ContentIndex
from llmrec.matching.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["ODYSSEY zzqx"], True),
        (["zzqx", "a linguist"], True),
        (["喜欢星际"], True),
        (["zzqx qqzz"], False),
        (["ひらがな"], False),
        ([], False),
    ],
)
def test_words_are_sought_in_all_item_texts(
    demo_index: ContentIndex, texts: list[str], expected: bool
) -> None:
    words = Vocabulary(demo_index)
    assert words.has_any(texts) is expected
    assert words.has_any([demo_index.items[-1].title])  # however far it has been read
    assert words.has_any(texts) is expected
