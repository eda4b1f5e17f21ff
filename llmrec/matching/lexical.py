"""Parts of a score that compare words: TF-IDF and BM25 over the texts of the items."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np

from llmrec.matching.part import Person
from llmrec.matching.similarity import Float64, soft_maximum
from llmrec.matching.text_terms import terms

INTEREST_TEMPERATURE: Final = 0.05
BM25_K1: Final = 1.2
BM25_B: Final = 0.75


class TextIndex(Protocol):
    """The texts of a catalogue, ready to be compared with other texts."""

    def similarities(self, texts: Sequence[str]) -> Float64:
        """Compare texts with all items: (n_texts, n_items) float64, 0 or more."""
        ...


class TfIdf:
    """Cosine of TF-IDF vectors: 1 + log tf, smoothed idf, as scikit-learn computes them.

    Args:
        texts: of the items, in catalogue order; document frequencies are theirs alone.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfTransformer

        self._counter, counts = _count(texts)
        self._weights = TfidfTransformer(sublinear_tf=True)
        self._items = self._weights.fit_transform(counts).T.tocsr()

    def similarities(self, texts: Sequence[str]) -> Float64:
        """Return cosines, in [0, 1]; see ``TextIndex``."""
        return _product(self._weights.transform(self._counter.transform(texts)), self._items)


class Bm25:
    """BM25 (Robertson and Zaragoza 2009), Lucene's variant: Σ f · idf · tf / (tf + damping).

    idf is log(1 + (N - n + .5) / (n + .5)) for a term in n of N items, damping
    k1 · (1 - b + b · length / mean length), and a term that stands f times in the other text
    counts f times.

    Args:
        texts: of the items, in catalogue order.
        k1: how long repetitions in an item go on counting.
        b: how much a long item is held back, 0 to 1.
    """

    def __init__(self, texts: Sequence[str], k1: float = BM25_K1, b: float = BM25_B) -> None:
        self._counter, counts = _count(texts)
        n_items, n_terms = counts.shape
        n_with = np.bincount(counts.indices, minlength=n_terms)
        idf = np.log1p((n_items - n_with + 0.5) / (n_with + 0.5))
        lengths = np.asarray(counts.sum(axis=1)).ravel()
        damping = k1 * (1 - b + b * lengths / (lengths.mean() or 1))
        of_each_count = np.repeat(damping, np.diff(counts.indptr))
        counts.data = idf[counts.indices] * counts.data / (counts.data + of_each_count)
        self._items = counts.T.tocsr()

    def similarities(self, texts: Sequence[str]) -> Float64:
        """Return scores, 0 or more; see ``TextIndex``."""
        return _product(self._counter.transform(texts), self._items)


class TextMatch:
    """One text of a person against the texts of the items.

    Args:
        index: the items' texts.
        text_of: returns the person's text.
    """

    def __init__(self, index: TextIndex, text_of: Callable[[Person], str]) -> None:
        self._index = index
        self._text_of = text_of

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        return self._index.similarities([self._text_of(person)]).ravel()


class InterestTextMatch:
    """The likes of a profile, ``name. description``, against the texts of the items.

    Args:
        index: the items' texts.
        temperature: of the soft maximum over the likes.
    """

    def __init__(self, index: TextIndex, temperature: float = INTEREST_TEMPERATURE) -> None:
        self._index = index
        self._temperature = temperature

    def scores(self, person: Person) -> Float64:
        """Score every item; see ``Part``."""
        likes = person.profile.likes if person.profile else ()
        if not likes:
            return self._index.similarities([""]).ravel()
        return soft_maximum(
            self._index.similarities([like.query for like in likes]),
            np.array([like.weight for like in likes]),
            self._temperature,
        )


def text_of_reviews(person: Person) -> str:
    """Return what a person wrote, as it is."""
    return "\n".join(review.text for review in person.reviews)


def _count(texts: Sequence[str]) -> tuple[Any, Any]:
    """Return what counts terms, and the counts of each text: (n_texts, n_terms), sparse rows."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(tokenizer=terms, token_pattern=None, stop_words="english")
    if not any(map(counter.build_analyzer(), texts)):
        counter.set_params(vocabulary=[""])  # no text has a term: one that never occurs
    return counter, counter.fit_transform(texts)


def _product(queries: Any, items: Any) -> Float64:
    """Multiply sparse (n_texts, n_terms) by (n_terms, n_items), both with rows as they come."""
    product: Float64 = np.asarray((queries @ items).toarray(), np.float64)
    return product
