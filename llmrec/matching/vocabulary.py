"""Whether a catalogue has any word of a text."""

from collections.abc import Iterable, Iterator
from typing import Final

from llmrec.matching.content_index import ContentIndex
from llmrec.matching.item_text import item_text
from llmrec.matching.text_terms import terms

MAX_ITEMS: Final = 10_000
"""Items of a larger catalogue are not all read for the sake of a remark."""


class Vocabulary:
    """The words of a catalogue, read item by item, only as far as they are asked for.

    Args:
        index: the catalogue.
    """

    def __init__(self, index: ContentIndex) -> None:
        self._words: set[str] = set()
        self._unread = _words_of_items(index)
        self._may_have_more = len(index) > MAX_ITEMS

    def has_any(self, texts: Iterable[str]) -> bool:
        """Say whether a word of the texts stands in an item's text, or two CJK neighbours do.

        In a catalogue of more than 10,000 items a word that is not in those may be in another.
        """
        wanted = {word for text in texts for word in terms(text.lower())}
        if not wanted.isdisjoint(self._words):
            return True
        for words in self._unread:
            self._words.update(words)
            if not wanted.isdisjoint(words):
                return True
        return self._may_have_more


def _words_of_items(index: ContentIndex) -> Iterator[list[str]]:
    for place in range(
        min(len(index), MAX_ITEMS)
    ):  # one by one: to iterate is to check the whole file first
        yield terms(item_text(index.items[place]).lower())
