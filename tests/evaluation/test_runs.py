"""Runs from lists and from arrays: order, shapes, and what cannot be."""

import numpy as np
import pytest

from llmrec.errors import InputError
from llmrec.evaluation.found import find
from llmrec.evaluation.runs import Run

Listed = list[tuple[str, list[str], list[float]]]


def _as_lists(run: Run) -> Listed:
    return [
        (user_id, [run.item_ids[item] for item in items], scores.tolist())
        for user_id, items, scores in run.lists()
    ]


def test_lists_are_sorted_and_equal_scores_stay_as_they_came() -> None:
    run = Run.from_lists(
        {"u2": (["a", "b", "c", "d"], [1, 3, 1, 2.5]), "empty": ([], []), "u1": (["d"], [0])}
    )
    assert _as_lists(run) == [
        ("u2", ["b", "d", "a", "c"], [3, 2.5, 1, 1]),
        ("empty", [], []),
        ("u1", ["d"], [0]),
    ]


def test_rows_of_a_catalogue_give_the_same_run_and_negative_ones_are_left_out() -> None:
    catalogue = ["a", "b", "c"]
    rows = np.array([[2, 0, 1], [1, -1, -1], [-1, -1, -1]])
    scores = np.array([[0.5, 0.75, 0.25], [2, np.nan, np.nan], [np.nan] * 3], np.float32)
    run = Run.from_rows(["u", "v", "w"], catalogue, rows, scores)
    assert _as_lists(run) == [
        ("u", ["a", "c", "b"], [0.75, 0.5, 0.25]),
        ("v", ["b"], [2]),
        ("w", [], []),
    ]
    found = find(run, {"v": {"b": 1}, "u": {"c": 2, "b": 1}, "w": {"a": 1}, "x": {"a": 1}})
    assert found.missing == ("w", "x")
    assert found.users.tolist() == [0, 1, 1]
    assert found.above.tolist() == [0, 1, 2]
    assert found.tied.tolist() == [1, 1, 1]
    assert found.gains.tolist() == [1, 2, 1]
    assert found.relevant_users.tolist() == [0, 1, 1, 2, 3]
    assert found.relevant_gains.tolist() == [1, 2, 1, 1, 1]


def test_a_run_with_no_user_or_no_item_of_the_qrels_finds_nothing() -> None:
    qrels = {"u": {"a": 1}}
    for lists in ({}, {"v": (["a"], [1.0])}, {"u": (["b"], [1.0])}):
        found = find(Run.from_lists(lists), qrels)
        assert found.users.size == 0
        assert found.relevant_users.tolist() == [0]


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_not_finite_is_refused(score: float) -> None:
    what = f"user 'v': item 'b' has the score {score}: expected a finite number"
    with pytest.raises(InputError) as caught:
        Run.from_lists({"u": (["a"], [1]), "v": (["a", "b"], [1, score])})
    assert caught.value.what == what


def test_an_item_twice_in_a_list_is_refused_and_the_first_flaw_is_named() -> None:
    with pytest.raises(InputError, match="user 'v': item 'b' stands in the list a second time"):
        Run.from_lists({"u": (["b"], [1]), "v": (["b", "a", "b"], [1, 2, 3])})
    with pytest.raises(InputError, match="user 'u': item 'b' stands"):
        Run.from_lists({"u": (["b", "b"], [1, 2]), "v": (["a"], [float("nan")])})
    with pytest.raises(InputError, match="user 'u': item 'a' has the score nan"):
        Run.from_lists({"u": (["a"], [float("nan")]), "v": (["b", "b"], [1, 2])})


def test_as_many_scores_as_items_are_expected() -> None:
    with pytest.raises(InputError, match="user 'u': 2 items came with 1 scores"):
        Run.from_lists({"u": (["a", "b"], [1.0])})


@pytest.mark.parametrize(
    ("rows", "scores"), [((2, 3), (2, 2)), ((3, 2), (3, 2)), ((2,), (2,))], ids=str
)
def test_arrays_of_other_shapes_are_refused(rows: tuple[int, ...], scores: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected rows and scores of shape \(2, depth\)"):
        Run.from_rows(["u", "v"], ["a"], np.zeros(rows, np.int64), np.zeros(scores))


def test_positions_outside_the_catalogue_are_refused() -> None:
    with pytest.raises(InputError, match="expected positions below 2, the number of items, came 2"):
        Run.from_rows(["u"], ["a", "b"], np.array([[0, 2]]), np.zeros((1, 2)))


def test_an_id_that_names_two_users_or_two_items_is_refused() -> None:
    rows, scores = np.array([[0], [1]]), np.zeros((2, 1))
    with pytest.raises(InputError, match="user 'u' came 2 times"):
        Run.from_rows(["u", "u"], ["a", "b"], rows, scores)
    with pytest.raises(InputError, match="item 'a' came 2 times"):
        Run.from_rows(["u", "v"], ["a", "a"], rows, scores)


def test_many_users_and_items_are_not_taken_for_one_another() -> None:
    # User 0 with item 0 and user 2 ** 16 with item 0 are 2 ** 32 apart, of 2 ** 16 items.
    lists = {f"u{number}": ([f"i{number % 2**16}"], [0.0]) for number in range(2**16 + 1)}
    assert Run.from_lists(lists).scores.size == 2**16 + 1
