"""Places of targets are those of the ranked lists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from llmrec.evaluation.found import find
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.runs import Run
from llmrec.evaluation.target_places import TargetPlaces

METRIC = Metric("nDCG", 3)
scores = st.lists(st.integers(0, 4), min_size=7, max_size=7)


@given(st.lists(st.tuples(scores, scores), min_size=1, max_size=3))
def test_values_are_those_of_lists_without_the_items_left_out(
    users: list[tuple[list[int], list[int]]],
) -> None:
    places = TargetPlaces(2)
    targets, left_out = np.array([1, 4]), np.array([0, 6, 6])
    for number, both in enumerate(users):
        places.add(f"u{number}", np.eye(2), np.array(both, np.float64), targets, left_out)
    values = places.values(METRIC)
    for which in range(2):
        ranked = {
            f"u{number}": (
                [str(item) for item in range(1, 6)],
                [float(s) for s in both[which][1:6]],
            )
            for number, both in enumerate(users)
        }
        found = find(Run.from_lists(ranked), {user: {"1": 1, "4": 1} for user in ranked})
        assert values[which].tolist() == METRIC.values(found).tolist()


def test_without_users_there_are_no_values() -> None:
    assert TargetPlaces(3).values(METRIC).shape == (3, 0)
