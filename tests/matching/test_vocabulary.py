"""Whether any word of the interests stands in the catalogue."""

from typing import cast

import pytest

from llmrec.matching.content_index import ContentIndex
from llmrec.matching.entries import Entries
from llmrec.matching.vocabulary import Vocabulary
from llmrec.records.reviews import Item


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


def test_of_a_large_catalogue_only_the_first_items_are_read(
    demo_index: ContentIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmrec.matching.vocabulary.MAX_ITEMS", 3)
    read: list[int] = []
    entry = type(demo_index.items).__getitem__

    def noted(items: Entries, place: int) -> Item:
        read.append(place)
        return cast("Item", entry(items, place))

    monkeypatch.setattr(type(demo_index.items), "__getitem__", noted)
    words = Vocabulary(demo_index)
    assert words.has_any(["xyzzy"])  # it may be in an item that was not read
    assert words.has_any(["plugh"])
    assert read == [0, 1, 2]
