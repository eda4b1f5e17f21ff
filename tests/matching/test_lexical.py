"""TF-IDF as scikit-learn computes it, BM25 by hand."""

import math

import numpy as np
import pytest
from people import person, profile
from sklearn.feature_extraction.text import TfidfVectorizer

from llmrec.matching.lexical import (
    Bm25,
    InterestTextMatch,
    TextIndex,
    TextMatch,
    TfIdf,
    text_of_reviews,
)
from llmrec.matching.part import Person

ITEMS = [
    "Dune, a desert planet. science-fiction novel",
    "A novel of the sea, the sea",
    "the naïve Garden-Book: 2 gardens in 1984",
    "of the",
]
QUERIES = ["Sea sea SEA novel", "gardens of Dune dune", "", "nothing of this 99"]


def person_with(*likes: tuple[str, str, float]) -> Person:
    return Person(user_id="p", reviews=(), positions=np.array([], np.intp), profile=profile(*likes))


def test_tf_idf_is_scikit_learns() -> None:
    reference = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    items = reference.fit_transform(ITEMS)
    expected = (reference.transform(QUERIES) @ items.T).toarray()
    np.testing.assert_allclose(TfIdf(ITEMS).similarities(QUERIES), expected, atol=1e-12)
    assert expected.max() > 0.5


def test_tf_idf_by_hand() -> None:
    """Both terms stand in one of two items; 1 + log tf, then rows of length 1."""
    index = TfIdf(["tea tea coffee", "milk"])
    first = 1 + math.log(2)
    expected = first / math.hypot(first, 1)
    assert index.similarities(["tea", "tea coffee milk"])[0].tolist() == pytest.approx(
        [expected, 0]
    )


def test_bm25_by_hand() -> None:
    """Lengths 3, 1 and 2, mean 2; tea in two of three items, milk in one."""
    index = Bm25(["tea tea coffee", "milk", "green tea"], k1=2, b=0.5)
    tea, milk = math.log(1 + 1.5 / 2.5), math.log(1 + 2.5 / 1.5)
    long, short, mean = 2 * (0.5 + 0.5 * 1.5), 2 * (0.5 + 0.5 * 0.5), 2.0
    scores = index.similarities(["tea", "the milk and tea, Tea"])
    assert scores[0].tolist() == pytest.approx([tea * 2 / (2 + long), 0, tea / (1 + mean)])
    assert scores[1].tolist() == pytest.approx(
        [2 * tea * 2 / (2 + long), milk / (1 + short), 2 * tea / (1 + mean)]
    )


def test_bm25_where_most_items_have_no_term() -> None:
    """The mean length is 1/3, so that the one item is three times as long."""
    scores = Bm25(["tea", "the", "of"], k1=2, b=0.5).similarities(["tea"])
    assert scores[0].tolist() == pytest.approx([math.log(1 + 2.5 / 1.5) / (1 + 2 * 2), 0, 0])


@pytest.mark.parametrize("index", [TfIdf(["the", "!"]), Bm25(["of", "?"])])
def test_where_no_item_has_a_term_nothing_is_similar(index: TextIndex) -> None:
    assert index.similarities(["the tea", ""]).tolist() == [[0, 0], [0, 0]]


def test_what_a_person_wrote_is_one_text() -> None:
    somebody = person("abc", "ca")
    assert text_of_reviews(somebody) == "about c\nabout a"
    index = Bm25(["an apple", "of c", "about about"])
    scores = TextMatch(index, text_of_reviews).scores(somebody)
    assert scores.tolist() == index.similarities(["about about"])[0].tolist()


def test_a_chinese_text_finds_the_item_of_its_words() -> None:
    index = TfIdf(["星际穿越. 电影, 科幻", "咖啡入门. 书", "Interstellar. film"])
    scores = index.similarities(["我很喜欢科幻电影", "coffee film"])
    assert scores.argmax(axis=1).tolist() == [0, 2]


def test_likes_are_put_together_by_a_soft_maximum() -> None:
    index = TfIdf(ITEMS)
    somebody = person_with(("sea", "like", 0.5), ("desert", "like", 1.0), ("garden", "dislike", 1))
    similar = index.similarities(["sea. about sea", "desert. about desert"])
    expected = 0.05 * np.log(0.5 * np.exp(similar[0] / 0.05) + np.exp(similar[1] / 0.05))
    np.testing.assert_allclose(InterestTextMatch(index).scores(somebody), expected, atol=1e-12)


@pytest.mark.parametrize("somebody", [person("abcd", "a"), person_with(("sea", "dislike", 1.0))])
def test_without_likes_all_items_score_0(somebody: Person) -> None:
    assert InterestTextMatch(TfIdf(ITEMS)).scores(somebody).tolist() == [0, 0, 0, 0]
