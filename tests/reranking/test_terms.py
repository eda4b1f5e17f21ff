"""What of two texts can be compared."""

from llmrec.reranking.terms import STEM, terms


def test_stems_of_words_that_say_something() -> None:
    assert terms("Mysteries that a cosy MYSTERY is about, 1997") == {"myst", "cosy"}


def test_pairs_of_characters_that_say_something() -> None:
    assert terms("慢电影的夜") == {"慢电", "电影"}


def test_both_at_once_and_neither() -> None:
    assert terms("武侠 film") == {"武侠", "film"}
    assert terms("of it, 夜!") == frozenset()


def test_stems_are_no_longer_than_said() -> None:
    assert all(len(term) <= STEM for term in terms("Documentary filmmaking"))
