"""Which texts make a bank."""

import hashlib
import logging
import random
from collections.abc import Callable

import pytest

from llmrec.matching.bank import (
    Bank,
    bank_of_items,
    bank_of_profiles,
    bank_of_reviews,
    bank_of_run,
)
from llmrec.records.profile import InterestProfile, Source
from llmrec.records.reviews import Item, Review


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@pytest.fixture
def run_of(
    profile_of: Callable[..., InterestProfile],
) -> Callable[[int, int], list[InterestProfile]]:
    def make(n_users: int, n_interests: int) -> list[InterestProfile]:
        return [
            profile_of(f"u{u}", *((f"taste {u}/{n}", "like", 0.5) for n in range(n_interests)))
            for u in range(n_users)
        ]

    return make


def test_the_items_of_a_bank_are_the_600_with_the_smallest_hashes_of_their_ids() -> None:
    items = [Item(f"i{n}", f"Title {n}") for n in range(700)]
    chosen = sorted(items, key=lambda item: sha256(item.item_id))[:600]
    bank = bank_of_items(items)
    assert bank.texts == tuple(item.title for item in chosen)
    assert (bank.kind, bank.source, bank.reviews) == ("index", "items", ())


def test_a_small_catalogue_is_in_its_bank_as_a_whole() -> None:
    assert set(bank_of_items([Item("a", "One"), Item("b", "Two")]).texts) == {"One", "Two"}


def test_a_runs_bank_is_every_interest_likes_and_dislikes(
    profile_of: Callable[..., InterestProfile],
) -> None:
    profiles = [
        profile_of("u1", ("canals", "like", 0.9), ("noise", "dislike", 0.2)),
        profile_of("u2", ("bridges", "like", 0.4)),
    ]
    bank = bank_of_run(profiles)
    assert bank.texts == ("canals. about canals", "noise. about noise", "bridges. about bridges")
    assert (bank.kind, bank.source) == ("run", "interests")


def test_of_more_than_2000_interests_those_with_the_smallest_hashes_of_user_and_place(
    run_of: Callable[[int, int], list[InterestProfile]],
) -> None:
    keyed = sorted(
        (sha256(f"u{u}\n{n}"), f"taste {u}/{n}. about taste {u}/{n}")
        for u in range(203)
        for n in range(10)
    )
    assert bank_of_run(run_of(203, 10)).texts == tuple(text for _, text in keyed[:2000])


def test_the_order_of_the_profiles_does_not_choose_the_interests(
    run_of: Callable[[int, int], list[InterestProfile]],
) -> None:
    profiles = run_of(203, 10)
    shuffled = random.Random(4).sample(profiles, len(profiles))
    assert bank_of_run(shuffled) == bank_of_run(profiles)
    few = profiles[:7]
    assert set(bank_of_run(few[::-1]).texts) == set(bank_of_run(few).texts)


def test_a_stored_bank_of_profiles_lists_the_reviews_behind_them(
    profile_of: Callable[..., InterestProfile],
) -> None:
    def seen(user_id: str, *digests: str) -> InterestProfile:
        sources = tuple(Source(f"r{d}", None, None, d, None) for d in digests)
        made = profile_of(user_id, ("canals", "like", 0.9), ("noise", "dislike", 0.2))
        return InterestProfile(
            user_id=user_id, language="en", summary="", interests=made.interests, sources=sources
        )

    bank = bank_of_profiles(iter([seen("u1", "d3", "d1"), seen("u2", "d2", "d1")]))
    assert bank.texts == ("canals. about canals", "noise. about noise") * 2
    assert (bank.kind, bank.source) == ("stored", "interests")
    assert bank.reviews == ("d1", "d2", "d3")


def test_a_bank_of_reviews_is_400_beginnings_whatever_the_order() -> None:
    reviews = [Review("u", f"{n} " + "long " * 100, review_id=str(n)) for n in range(450)]
    bank = bank_of_reviews(reviews)
    assert bank_of_reviews(reversed(reviews)) == bank
    chosen = sorted(reviews, key=lambda review: review.digest)[:400]
    assert bank.texts == tuple(review.text[:300] for review in chosen)
    assert bank.reviews == tuple(review.digest for review in chosen)
    assert (bank.kind, bank.source) == ("stored", "reviews")


def test_a_review_whose_first_300_characters_are_blank_is_left_out() -> None:
    late = Review("u", "\n" * 300 + "at last", review_id="1")
    soon = Review("u", " " * 299 + "at last", review_id="2")
    bank = bank_of_reviews([late, soon])
    assert bank.texts == (" " * 299 + "a",)
    assert bank.reviews == (soon.digest,)


def test_what_says_nothing_or_nothing_more_is_in_no_bank_of_reviews() -> None:
    texts = ["👍", "-", "\u200b", "好", "10", "gg", "gg", "a" * 300 + "b", "a" * 300 + "c"]
    bank = bank_of_reviews(Review("u", text, review_id=str(n)) for n, text in enumerate(texts))
    assert sorted(bank.texts) == sorted(["好", "10", "gg", "a" * 300])
    assert len(bank.reviews) == len(["好", "10", "gg", "gg", "ab", "ac"])


@pytest.mark.parametrize(("n", "said"), [(49, "only 49 different texts"), (50, "")])
def test_that_a_stored_bank_is_too_small_is_said(
    caplog: pytest.LogCaptureFixture,
    run_of: Callable[[int, int], list[InterestProfile]],
    n: int,
    said: str,
) -> None:
    reviews = [
        Review("u", f"text {k}", review_id=f"{k}{again}") for k in range(n) for again in "ab"
    ]
    with caplog.at_level(logging.WARNING, "llmrec"):
        bank_of_reviews(reviews)
        bank_of_profiles(run_of(n, 1))
    assert [said in message for message in caplog.messages] == ([True, True] if said else [])


def test_a_digest_tells_texts_and_their_order_apart() -> None:
    banks = [Bank("run", texts, "interests") for texts in (("a", "b"), ("b", "a"), ("ab",))]
    assert len({bank.digest for bank in banks}) == 3
    assert banks[0].digest == Bank("stored", ("a", "b"), "reviews").digest
    assert len(banks[0].digest) == 24
