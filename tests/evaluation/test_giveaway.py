"""When the least popular items first find what is held out."""

import itertools
import random
from collections import Counter

import pytest

from llmrec.evaluation.giveaway import TargetPopularity, target_popularity

Evaluated = list[tuple[set[str], set[str]]]


def test_the_percentile_counts_ties_half() -> None:
    popularity = {"a": 3, "b": 1, "c": 1, "d": 0}
    evaluated: Evaluated = [(set(), {"b"}), (set(), {"a"})]
    found = target_popularity(popularity, "abcd", evaluated)
    assert found is not None
    assert found.n == 2
    assert found.percentile == pytest.approx(((1 + 0.5) / 3 + 1) / 2)


def test_the_history_is_no_candidate_but_a_target_always_is() -> None:
    popularity = {"a": 3, "b": 1, "c": 1, "d": 0}
    found = target_popularity(popularity, "abcd", [({"a", "d", "elsewhere"}, {"b"})])
    assert found is not None
    assert found.percentile == 0.5
    again = target_popularity(popularity, "abcd", [({"a", "b", "c"}, {"b"})])
    assert again is not None
    assert again.percentile == 1.0  # before d, the only other candidate


def test_a_catalogue_of_reviewed_items_gives_the_answer_away() -> None:
    reviewed = {f"i{n}": 1 for n in range(20)}
    evaluated: Evaluated = [({f"i{n}"}, {f"t{n}"}) for n in range(5)]
    catalogue = [*reviewed, *(f"t{n}" for n in range(5))]
    found = target_popularity(reviewed, catalogue, evaluated)
    assert found is not None
    assert found.percentile < 0.11
    assert found.reversed_is_better


def test_popular_targets_give_nothing_away() -> None:
    popularity = {str(n): n for n in range(20)}
    evaluated: Evaluated = [(set(), {str(n)}) for n in range(15, 20)]
    found = target_popularity(popularity, list(popularity), evaluated)
    assert found is not None
    assert found.p > 0.99
    assert not found.reversed_is_better


def test_both_the_difference_and_its_certainty_count() -> None:
    assert TargetPopularity(percentile=0.44, p=0.009, n=100).reversed_is_better
    assert not TargetPopularity(percentile=0.44, p=0.01, n=100).reversed_is_better
    assert not TargetPopularity(percentile=0.45, p=0.001, n=100_000).reversed_is_better


def test_where_all_are_equally_popular_there_is_nothing_to_say() -> None:
    assert target_popularity({}, "abc", [(set(), {"a"})]) == TargetPopularity(0.5, 1.0, 1)


@pytest.mark.parametrize("evaluated", [[], [(set(), {"z"})], [({"b"}, {"a"})]])
def test_without_a_choice_there_is_nothing_to_measure(evaluated: Evaluated) -> None:
    assert target_popularity({"a": 1}, "ab", evaluated) is None


def test_p_is_the_share_of_random_targets_that_are_as_unpopular() -> None:
    """Against all equally likely pairs of targets of two users."""
    popularity = {"a": 5, "b": 2, "c": 2, "d": 1, "e": 0, "f": 0, "g": 0}
    histories = [{"a"}, {"b", "g"}]
    candidates = [sorted(set(popularity) - history) for history in histories]

    def run(*targets: str) -> TargetPopularity:
        evaluated = [(h, {t}) for h, t in zip(histories, targets, strict=True)]
        found = target_popularity(popularity, list(popularity), evaluated)
        assert found is not None
        return found

    every = [run(*targets) for targets in itertools.product(*candidates)]
    assert sum(found.percentile for found in every) / len(every) == pytest.approx(0.5)
    for found in every:
        as_low = sum(other.percentile <= found.percentile + 1e-9 for other in every)
        assert found.p == pytest.approx(as_low / len(every), abs=0.05)


def test_one_unpopular_target_is_not_yet_a_sign() -> None:
    """One item of 25 is drawn first once in 25 times, whatever a normal approximation says."""
    popularity = {str(n): 1 for n in range(24)}
    found = target_popularity(popularity, [*popularity, "new"], [(set(), {"new"})])
    assert found is not None
    assert found.percentile == 0
    assert found.p == pytest.approx(1 / 25, abs=0.02)


def test_targets_at_random_rarely_raise_the_warning() -> None:
    draw = random.Random(7)
    items = [str(n) for n in range(300)]
    popularity = Counter(draw.choices(items, weights=[1 / (n + 1) for n in range(300)], k=400))
    raised = 0
    for _ in range(200):
        histories = [set(draw.sample(items, 5)) for _ in range(40)]
        evaluated: Evaluated = [(h, {draw.choice(sorted(set(items) - h))}) for h in histories]
        found = target_popularity(popularity, items, evaluated)
        assert found is not None
        raised += found.reversed_is_better
    assert raised <= 6  # 2 are expected
