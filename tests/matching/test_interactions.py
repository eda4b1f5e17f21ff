"""Pairs of users and items, and what a person is made of."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from people import history, interactions, person, positions

from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Person

CATALOGUE = "abcd"
HISTORIES = st.lists(st.text(CATALOGUE + "x", min_size=1, max_size=6), max_size=6)


def dense(histories: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The same matrix, (n_users, n_items), written down item by item."""
    return np.array(
        [[float(item in items) for item in CATALOGUE] for items in histories], np.float64
    ).reshape(len(histories), len(CATALOGUE))


@settings(deadline=None)
@given(HISTORIES, st.integers(0, 99))
def test_it_is_a_matrix_of_ones_whatever_is_not_in_the_catalogue(
    histories: list[str], seed: int
) -> None:
    given_pairs, matrix = interactions(CATALOGUE, *histories), dense(histories)
    random = np.random.default_rng(seed)
    of_items, of_users = random.normal(size=4), random.normal(size=len(histories))
    np.testing.assert_allclose(given_pairs.to_users(of_items), matrix @ of_items, atol=1e-12)
    np.testing.assert_allclose(given_pairs.to_items(of_users), of_users @ matrix, atol=1e-12)
    assert given_pairs.counts.tolist() == matrix.sum(axis=0).tolist()


def test_the_items_of_each_user_who_has_any() -> None:
    pairs = interactions(CATALOGUE, "ab", "x", "dda")
    assert [sorted(items.tolist()) for items in pairs.of_each_user()] == [[0, 1], [0, 3]]
    assert pairs.n_users == 3


def test_a_pair_is_dated_by_the_users_last_review_of_the_item() -> None:
    pairs = Interactions.of(
        [history("u", "aba", (3, 4, 5)), history("v", "bc", (6, None))], positions(CATALOGUE)
    )
    start = 19_723  # days from 1970-01-01 to 2024-01-01
    assert pairs.items.tolist() == [0, 1, 1, 2]
    assert pairs.days[:3].tolist() == [start + 4, start + 3, start + 5]
    assert math.isnan(pairs.days[3])


def test_a_persons_positions_are_oldest_first_once_for_each_review() -> None:
    made = Person.of(history("u", "bxab", (4, 2, 1, 3)), positions(CATALOGUE))
    assert made.positions.tolist() == [0, 1, 1]
    assert len(made.reviews) == 4
    assert person(CATALOGUE, "").positions.dtype == np.intp
