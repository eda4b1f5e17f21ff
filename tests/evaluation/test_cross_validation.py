"""Weights are fitted on other people, leave the defaults for a reason only, and find what helps."""

from dataclasses import replace

import numpy as np
import pytest
from fitting_samples import N_ITEMS, Knowing, Noise, crowd
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.errors import InputError
from llmrec.evaluation.cross_fitted import CrossFitted
from llmrec.evaluation.cross_validation import FOLDS, cross_validate
from llmrec.evaluation.fitting import PULLS, choose
from llmrec.evaluation.labels import Labels
from llmrec.matching.score_parts import PartName
from llmrec.matching.scoring import standardised

DEFAULTS: dict[PartName, float] = {"profile-hub": 1.0, "popularity": 0.0, "ease": 0.0}


def test_a_part_that_finds_more_than_the_defaults_gets_the_weight() -> None:
    labels, wanted = crowd(120)
    parts = {"profile-hub": Noise(1), "popularity": Knowing(2, wanted, 4), "ease": Noise(3)}
    found = cross_validate(parts, labels, DEFAULTS)  # type: ignore[arg-type]
    assert found.pull() in PULLS
    weights = found.fitted()
    assert weights.sum() == pytest.approx(1)
    assert weights[1] > 0.8
    assert (found.weights[:, 1] > 0.8).all()
    assert found.values.mean() > found.of_defaults.mean() + 0.3
    assert found.of_parts[1].mean() > 0.6
    assert found.of_defaults.tolist() == found.of_parts[0].tolist()


def test_where_the_defaults_are_best_they_are_kept() -> None:
    labels, wanted = crowd(60)
    parts = {"profile-hub": Knowing(1, wanted, 4), "popularity": Noise(2), "ease": Noise(3)}
    found = cross_validate(parts, labels, DEFAULTS)  # type: ignore[arg-type]
    assert found.pull() is None
    assert found.fitted().tolist() == [1, 0, 0]
    assert found.values.tolist() == found.of_defaults.tolist()


def test_one_user_changes_nothing() -> None:
    labels, wanted = crowd(1)
    parts = {"profile-hub": Noise(1), "popularity": Knowing(2, wanted, 4), "ease": Noise(3)}
    found = cross_validate(parts, labels, DEFAULTS)  # type: ignore[arg-type]
    assert found.fitted().tolist() == [1, 0, 0]
    assert found.weights.tolist() == [[1, 0, 0]] * FOLDS


def test_people_without_a_usable_label_are_scored_and_not_fitted_on() -> None:
    labels, wanted = crowd(60)
    nobody = Labels(labels.people, {})
    parts = {"profile-hub": Noise(1), "popularity": Knowing(2, wanted, 4), "ease": Noise(3)}
    found = cross_validate(parts, nobody, DEFAULTS)  # type: ignore[arg-type]
    assert (found.user_ids, found.values.tolist()) == ((), [])
    assert found.fitted().tolist() == [1, 0, 0]
    score = CrossFitted(parts, nobody, N_ITEMS)  # type: ignore[arg-type]
    assert score.scores(nobody.people[0]).shape == (N_ITEMS,)


def test_resampled_users_give_other_weights() -> None:
    labels, wanted = crowd(60)
    parts = {"profile-hub": Noise(1), "popularity": Knowing(2, wanted, 2), "ease": Noise(3)}
    found = cross_validate(parts, labels, DEFAULTS)  # type: ignore[arg-type]
    everybody = np.arange(60)
    assert found.fitted(everybody) == pytest.approx(found.fitted(), abs=1e-4)
    assert found.fitted(np.repeat(everybody[:20], 3)).tolist() != found.fitted().tolist()


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 39), st.integers(2, N_ITEMS - 1))
def test_what_a_person_looks_for_does_not_touch_the_own_score(user: int, other: int) -> None:
    labels, wanted = crowd(40)
    parts = {"profile-hub": Noise(1), "popularity": Knowing(2, wanted, 2), "ease": Noise(3)}
    person = labels.people[user]
    changed = Labels(labels.people, {**labels.targets, person.user_id: np.array([other])})
    scores = [
        CrossFitted(parts, one, N_ITEMS).scores(person)  # type: ignore[arg-type]
        for one in (labels, changed)
    ]
    assert scores[0].tolist() == scores[1].tolist()


def test_a_stranger_cannot_be_scored() -> None:
    labels, _ = crowd(10)
    score = CrossFitted({"profile-hub": Noise(1)}, labels, N_ITEMS)
    known = score.scores(labels.people[0])
    assert known == pytest.approx(
        standardised(Noise(1).scores(labels.people[0]), labels.people[0].positions).z
    )
    with pytest.raises(InputError, match="user 'stranger' is in no fold"):
        score.scores(replace(labels.people[0], user_id="stranger"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]], 0),
        ([[0, 0, 0, 0], [1, 1, 1, 1]], 1),
        ([[0, 1, 0, 1], [1, 0, 1, 1]], 0),
        ([[0, 0, 0, 0], [0.9, 0.9, 0.9, 1], [1, 1, 1, 0.9]], 2),
        ([[0, 0, 0, 0], [1, 1, 1, 0.9], [0.9, 0.9, 0.9, 1]], 1),
        ([[0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]], 1),
        ([[0], [1]], 0),
        ([[], []], 0),
    ],
)
def test_the_best_is_chosen_if_it_is_ahead_of_the_defaults_by_more_than_its_error(
    values: list[list[float]], expected: int
) -> None:
    assert choose(np.array(values, np.float64).reshape(len(values), -1)) == expected
