"""Banks of query texts: what the similarity of an item is standardised over."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Literal

from llmrec.digests import digest
from llmrec.matching.item_text import item_text
from llmrec.records.profile import InterestProfile
from llmrec.records.reviews import Item, Review
from llmrec.records.writing import language

log = logging.getLogger(__name__)

BankKind = Literal["stored", "run", "index"]

MIN_RUN = 50
MAX_RUN = 2_000
N_ITEMS = 600
N_REVIEWS = 400
MAX_REVIEW_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Bank:
    """Texts to be embedded in query role.

    Attributes:
        kind: ``stored`` in an index, of this ``run``, or of the ``index`` itself.
        texts: one for each vector.
        source: what the texts are.
        reviews: digests of the reviews behind them, sorted; empty where they are item texts.
    """

    kind: BankKind
    texts: tuple[str, ...]
    source: Literal["interests", "reviews", "items"]
    reviews: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """24 hex digits that identify the texts and their order."""
        return digest(list(self.texts))

    @property
    def languages(self) -> tuple[str, ...]:
        """The language of each text."""
        return tuple(map(language, self.texts))


def bank_of_items(items: Sequence[Item]) -> Bank:
    """Return the texts of the 600 items with the smallest SHA-256 of their id (all, if fewer)."""
    chosen = nsmallest(N_ITEMS, items, key=lambda item: _sha256(item.item_id))
    return Bank("index", tuple(map(item_text, chosen)), "items")


def bank_of_run(profiles: Iterable[InterestProfile]) -> Bank:
    """Return the interests of a whole run: all, or 2,000 chosen by user and place.

    Chosen are those with the smallest SHA-256 of two lines, the user's id and the place of the
    interest in its profile (from 0).
    """
    keyed = [
        (_sha256(f"{profile.user_id}\n{number}"), interest.query)
        for profile in profiles
        for number, interest in enumerate(profile.interests)
    ]
    chosen = keyed if len(keyed) <= MAX_RUN else nsmallest(MAX_RUN, keyed)
    return Bank("run", tuple(text for _, text in chosen), "interests")


def bank_of_profiles(profiles: Iterable[InterestProfile]) -> Bank:
    """Return all interests of profiles, to be stored in an index."""
    given = tuple(profiles)
    texts = tuple(interest.query for profile in given for interest in profile.interests)
    reviews = {source.digest for profile in given for source in profile.sources}
    return _stored(texts, "interests", sorted(reviews))


def bank_of_reviews(reviews: Iterable[Review]) -> Bank:
    """Return the beginnings of 400 reviews, those with the smallest digests, to be stored.

    A beginning without a letter or digit ("👍", "-") says nothing of what anybody looks for, and
    one that stands there already says nothing more: both are left out.
    """
    keyed = ((review.digest, review.text[:MAX_REVIEW_CHARACTERS]) for review in reviews)
    chosen = nsmallest(N_REVIEWS, (pair for pair in keyed if any(map(str.isalnum, pair[1]))))
    texts = dict.fromkeys(text for _, text in chosen)
    return _stored(texts, "reviews", [review for review, _ in chosen])


def _stored(
    texts: Iterable[str], source: Literal["interests", "reviews"], reviews: Sequence[str]
) -> Bank:
    bank = Bank("stored", tuple(texts), source, tuple(reviews))
    n_different = len(set(bank.texts))
    if 0 < n_different < MIN_RUN:
        log.warning(
            "the bank to be stored has only %d different texts: a correction for hubs needs at "
            "least %d, give more reviews or profiles, or none",
            n_different,
            MIN_RUN,
        )
    return bank


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
