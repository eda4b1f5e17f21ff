"""Examples: the item to be found first, then others that could be recommended."""

import numpy as np
import pytest
from fitting_samples import Numbered, labels, people

from llmrec.evaluation.examples import Examples, draw_examples, folds
from llmrec.evaluation.labels import Labels


def test_others_are_neither_reviewed_nor_to_be_found() -> None:
    given = labels(people("ab", "c"), [[3, 5], [4]], n_items=8)
    found = draw_examples([Numbered(8)], given, negatives=200)
    assert found.users.tolist() == [0, 0, 1]
    assert found.features.shape == (3, 201, 1)
    first = found.features[0, :, 0]
    assert first[0] not in first[1:]
    assert len(np.unique(first[1:])) == 8 - 2 - 2
    assert len(np.unique(found.features[2, 1:])) == 8 - 1 - 1


def test_draws_depend_on_the_person_alone() -> None:
    many = labels(people("ab", "c", "d"), [[3], [4], [5]], n_items=8)
    one = Labels(many.people[1:2], many.targets)
    part = [Numbered(8)]
    both = draw_examples(part, many, negatives=20).features[1]
    assert draw_examples(part, one, negatives=20).features[0].tolist() == both.tolist()
    other = draw_examples(part, many, negatives=20, seed=1).features[1]
    assert other.tolist() != both.tolist()


def test_what_the_history_is_about_is_no_label() -> None:
    given = labels(people("ab", "c"), [[0], [2, 4]], n_items=5)
    assert [given.of(one).tolist() for one in given.people] == [[], [4]]
    assert draw_examples([Numbered(5)], given).users.tolist() == [1]


def test_without_any_other_item_there_is_no_example() -> None:
    given = labels(people("ab"), [[2]], n_items=3)
    found = draw_examples([Numbered(3)], given, negatives=4)
    assert (found.n_users, found.features.shape) == (0, (0, 5, 1))


def test_a_users_share_is_parted_among_the_examples() -> None:
    examples = Examples(np.array([0, 0, 2]), np.zeros((3, 2, 1), np.float32))
    assert examples.shares().tolist() == [0.25, 0.25, 0.5]
    assert examples.shares(np.array([3.0, 9, 1])).tolist() == [0.375, 0.375, 0.25]
    kept = examples.where(np.array([False, True, True]))
    assert (kept.users.tolist(), kept.n_users) == ([0, 2], 2)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_folds_are_even_and_come_from_the_ids(n: int) -> None:
    ids = [f"u{number}" for number in range(23)]
    found = folds(ids, n)
    sizes = np.bincount(found, minlength=n)
    assert sizes.max() - sizes.min() <= 1
    assert folds(ids[::-1], n).tolist() == found[::-1].tolist()
