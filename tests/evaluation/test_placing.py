"""Ranking the whole catalogue for everybody: what is above a target, what is tied with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_samples import CATALOGUE, task_of
from hypothesis import given
from hypothesis import strategies as st
from leakage_samples import Case, json_lines, rows_of

from llmrec.evaluation.found import find
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.placing import best_lists, equal_where_equal, place_targets
from llmrec.evaluation.sampling import with_sampled_candidates
from llmrec.evaluation.task import Task, make_task
from llmrec.matching.part import Person
from llmrec.matching.similarity import Float64


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Ann and Bob are to find the boat; kettle, lamp and tent are history."""
    return task_of(Case(tmp_path))


class Scored:
    """A part with the scores it is given, the same for everybody; 0 where none is given."""

    def __init__(self, **scores: float) -> None:
        self._scores = np.array([scores.get(item.item_id, 0.0) for item in CATALOGUE])

    def scores(self, person: Person) -> Float64:
        return self._scores.copy()


def test_the_history_is_left_out_and_the_target_never(task: Task) -> None:
    ranked = [task.item_ids[row] for row in task.ranked_rows(task.people[0])]
    assert ranked == ["boat", *(f"other{n}" for n in range(20))]


def test_what_is_above_and_tied_is_counted_without_the_history(task: Task) -> None:
    part = Scored(kettle=9, lamp=9, other1=5, other2=3, boat=3, other3=3)
    found = place_targets(part, task, task.people)
    assert (found.above.tolist(), found.tied.tolist()) == ([1, 1], [3, 3])
    assert (found.user_ids, found.missing) == (("ann", "bob"), ())


def test_an_item_that_is_to_be_found_and_in_the_history_is_ranked(tmp_path: Path) -> None:
    rows = [*rows_of("ann")[:3], {**rows_of("ann")[3], "item_id": "kettle"}]
    task = task_of(Case(tmp_path, rows))
    assert task.item_ids[task.ranked_rows(task.people[0])[0]] == "kettle"
    assert place_targets(Scored(kettle=1), task, task.people).above.tolist() == [0]


def test_who_is_not_served_counts_0_and_is_named(task: Task) -> None:
    found = place_targets(Scored(boat=1), task, task.people[1:])
    assert found.missing == ("ann",)
    assert Metric.parse("nDCG@10").values(found).tolist() == [0, 1]


def test_a_target_outside_the_catalogue_counts_0(tmp_path: Path) -> None:
    case = Case(tmp_path)
    task = make_task(case.users(), case.split, ["kettle", "other"])
    found = place_targets(Zeros(2), task, task.people)
    assert task.not_in_catalogue == ("ann", "bob")
    assert (found.missing, Metric.parse("R@10").values(found).tolist()) == ((), [0, 0])


class Zeros:
    """All items alike."""

    def __init__(self, n: int) -> None:
        self._n = n

    def scores(self, person: Person) -> Float64:
        return np.zeros(self._n)


def test_several_targets_are_each_placed(tmp_path: Path) -> None:
    case = Case(tmp_path)
    line = {"user_id": "ann", "target_item": "boat", "target_line": 3, "history_lines": [0, 1]}
    case.write_split([{**line, "target_lines": [2, 3], "target_items": ["tent", "boat"]}])
    task = task_of(case)
    found = place_targets(Scored(boat=2, other0=1, tent=1), task, task.people)
    assert (found.above.tolist(), found.tied.tolist()) == ([0, 1], [1, 2])
    assert Metric.parse("R@1").values(found).tolist() == [0.5]


def test_rounding_errors_make_no_order(task: Task) -> None:
    found = place_targets(Scored(boat=1, other1=1 + 1e-12, other2=1.001), task, task.people)
    assert (found.above.tolist(), found.tied.tolist()) == ([1, 1], [2, 2])


@given(st.lists(st.floats(-1e6, 1e6).map(lambda score: round(score, 6)), max_size=20))
def test_the_grid_moves_no_score_by_more_than_a_step(scores: list[float]) -> None:
    given_scores = np.array(scores, np.float64)
    on_grid = equal_where_equal(given_scores)
    largest = np.abs(given_scores).max(initial=0)
    assert np.all(np.abs(on_grid - given_scores) <= largest * 2.0**-23)
    assert equal_where_equal(np.zeros(3)).tolist() == [0, 0, 0]


@given(st.lists(st.integers(0, 3), min_size=24, max_size=24), st.integers(1, 24))
def test_metrics_of_the_written_lists_are_those_of_the_counts(
    tmp_path_factory: pytest.TempPathFactory, scores: list[int], depth: int
) -> None:
    task = task_of(Case(tmp_path_factory.mktemp("case")))
    names = {item.item_id: float(s) for item, s in zip(CATALOGUE, scores, strict=True)}
    part = Scored(**names)
    lists = best_lists(part, task, task.people, depth)
    for name in ("nDCG", "RR", "R"):
        metric = Metric(name, depth)
        counted = metric.values(place_targets(part, task, task.people))
        assert metric.values(find(lists, task.qrels)).tolist() == pytest.approx(counted.tolist())


def test_candidates_are_ranked_as_they_are(task: Task) -> None:
    some = replace(task, candidates={"ann": ["boat", "kettle", "nowhere"]})
    found = place_targets(Scored(kettle=2, boat=1, other1=9), some, some.people)
    assert (found.above.tolist(), found.missing) == ([1], ("bob",))


def test_sampled_candidates_are_the_target_and_n_others_each_time_the_same(task: Task) -> None:
    once, again = (with_sampled_candidates(task, 5, seed=3) for _ in range(2))
    assert once.candidates == again.candidates
    assert once.candidates is not None
    for own in once.candidates.values():
        assert len(set(own)) == 6
        assert "boat" in own
        assert not {"kettle", "lamp", "tent"} & set(own)
    assert with_sampled_candidates(task, 5, seed=4).candidates != once.candidates
    everything = with_sampled_candidates(task, 99).candidates
    assert everything is not None
    assert len(everything["ann"]) == 21


def test_labels_are_the_targets(task: Task) -> None:
    assert task.labels.of(task.people[0]).tolist() == [task.positions["boat"]]


def test_a_split_of_other_users_is_refused(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.reviews.write_text(json_lines(case.rows[:4]), "utf-8")
    with pytest.raises(Exception, match="the reviews have none of this user"):
        task_of(case)
