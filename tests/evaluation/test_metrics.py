"""Metrics against their definitions, against all tie orders, and against trec_eval."""

import math

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from run_samples import METRICS, Judgements, Lists, judgements, over_all_orders, ranked_lists

from llmrec.errors import InputError
from llmrec.evaluation.found import find
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.runs import Run


def _values(metric: str, lists: Lists, qrels: Judgements) -> dict[str, float]:
    found = find(Run.from_lists(lists), qrels)
    values = Metric.parse(metric).values(found)
    assert values.dtype == np.float64
    return dict(zip(found.user_ids, values.tolist(), strict=True))


def _one(metric: str, ranked: list[str], judged: dict[str, int]) -> float:
    scores = [float(-rank) for rank in range(len(ranked))]
    return _values(metric, {"u": (ranked, scores)}, {"u": judged})["u"]


@given(
    lists=ranked_lists(),
    qrels=judgements,
    k=st.integers(min_value=1, max_value=8),
    level=st.integers(min_value=1, max_value=3),
)
def test_a_tie_counts_its_mean_over_all_orders(
    lists: Lists, qrels: Judgements, k: int, level: int
) -> None:
    found = find(Run.from_lists(lists), qrels)
    for name in METRICS:
        values = Metric(name, k, level).values(found)
        assert np.all((values >= 0) & (values <= 1))
        expected = [
            over_all_orders(name, k, level, lists.get(user_id, ([], [])), judged)
            for user_id, judged in qrels.items()
        ]
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)


def _random_run(rng: np.random.Generator) -> tuple[Lists, Judgements]:
    """Return lists without ties, deep and short, and graded qrels; some users have no list."""
    lists: Lists = {}
    qrels: Judgements = {}
    for user in range(6):
        depth = int(rng.integers(0, 31))
        items = [f"i{item}" for item in rng.choice(60, depth, replace=False)]
        if rng.random() < 0.8:
            # Distinct as the 32-bit floats that trec_eval keeps.
            lists[f"u{user}"] = (items, (rng.permutation(1000)[:depth] / 8).tolist())
        judged = rng.choice(60, int(rng.integers(1, 13)), replace=False)
        qrels[f"u{user}"] = {f"i{item}": int(rng.integers(0, 4)) for item in judged}
    return lists, qrels


def _by_trec_eval(metric: Metric, lists: Lists, qrels: Judgements) -> list[float]:
    """Return trec_eval's values; a user without a list counts 0, as with its option -c."""
    names = {"nDCG": "ndcg_cut", "R": "recall", "Success": "success", "AP": "map_cut"}
    runs = {user_id: dict(zip(*listed, strict=True)) for user_id, listed in lists.items()}
    if metric.name == "RR":  # has no cut there: the lists are cut
        runs = {
            user_id: dict(sorted(scores.items(), key=lambda pair: -pair[1])[: metric.k])
            for user_id, scores in runs.items()
        }
        measure, key = "recip_rank", "recip_rank"
    else:
        measure = f"{names[metric.name]}.{metric.k}"
        key = measure.replace(".", "_")
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {measure}, relevance_level=metric.level)
    came = evaluator.evaluate(runs)
    return [came.get(user_id, {}).get(key, 0.0) for user_id in qrels]


def test_without_ties_metrics_equal_trec_eval_on_1000_runs() -> None:
    rng = np.random.default_rng(0)
    for number in range(1000):
        lists, qrels = _random_run(rng)
        found = find(Run.from_lists(lists), qrels)
        assert len(found.missing) == sum(not lists.get(user, ([],))[0] for user in qrels)
        for name in METRICS:
            # trec_eval's nDCG has no level; its other metrics take one.
            level = 1 if name == "nDCG" else 1 + number % 3
            metric = Metric(name, (1, 3, 10, 40)[number % 4], level)
            np.testing.assert_allclose(
                metric.values(found), _by_trec_eval(metric, lists, qrels), rtol=0, atol=5e-6
            )


@pytest.mark.parametrize("gain", [1, 2])
def test_the_ideal_is_over_all_relevant_items_not_the_found_ones(gain: int) -> None:
    judged = {"a": gain, "missed": gain, "missed too": gain}
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert _one("nDCG@3", ["a", "b", "c"], judged) == pytest.approx(1 / ideal)


def test_the_ideal_stops_at_the_cut() -> None:
    assert _one("nDCG@1", ["a", "b"], {"a": 1, "b": 1, "c": 1}) == 1


@pytest.mark.parametrize(("rank", "value"), [(1, 1.0), (2, 0.63093), (3, 0.5), (4, 0.43068)])
def test_the_discount_is_the_logarithm_of_the_rank_plus_one(rank: int, value: float) -> None:
    ranked = [f"other {n}" for n in range(1, rank)] + ["target"]
    assert _one("nDCG@10", ranked, {"target": 1}) == pytest.approx(value, abs=1e-5)


def test_the_gain_is_linear() -> None:
    value = _one("nDCG@2", ["a", "b"], {"a": 1, "b": 3})
    assert value == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


@pytest.mark.parametrize("first", ["target", "x"])
def test_a_tie_favours_nobody(first: str) -> None:
    items = sorted(["target", "x", "y", "z"], key=lambda item: item != first)
    lists = {"u": (items, [1.0] * 4)}
    assert _values("R@1", lists, {"u": {"target": 1}})["u"] == 0.25
    assert _values("RR@2", lists, {"u": {"target": 1}})["u"] == pytest.approx((1 + 1 / 2) / 4)


def test_a_user_without_a_list_counts_0_and_is_counted() -> None:
    lists: Lists = {"here": (["a"], [1.0]), "empty": ([], []), "not judged": (["a"], [1.0])}
    qrels = {user_id: {"a": 1} for user_id in ("absent", "here", "empty")}
    found = find(Run.from_lists(lists), qrels)
    assert found.user_ids == ("absent", "here", "empty")
    assert found.missing == ("absent", "empty")
    for name in METRICS:
        assert Metric(name, 10).values(found).tolist() == [0.0, 1.0, 0.0]


def test_a_user_with_nothing_relevant_counts_0() -> None:
    for name in METRICS:
        assert _one(f"{name}@5", ["a", "b"], {"a": 0, "b": -1}) == 0
        assert _one(f"{name}@5", ["a", "b"], {}) == 0


@given(st.lists(st.integers(min_value=1, max_value=5), min_size=1, max_size=9))
def test_the_ideal_order_gives_1(gains: list[int]) -> None:
    ranked = [f"i{number}" for number in range(len(gains))]
    judged = dict(zip(ranked, sorted(gains, reverse=True), strict=True))
    assert _one("nDCG@5", ranked, judged) == 1
    for name in METRICS:
        assert _one(f"{name}@{len(gains)}", ranked, judged) == pytest.approx(1, abs=1e-15)


def test_rounding_never_passes_1() -> None:
    lists: Lists = {f"u{n}": ([f"i{item}" for item in range(n)], [0.0] * n) for n in range(1, 31)}
    qrels = {user_id: dict.fromkeys(items, 1) for user_id, (items, _) in lists.items()}
    found = find(Run.from_lists(lists), qrels)
    for name in METRICS:
        for k in (1, 10, 30):
            assert Metric(name, k).values(found).max() == 1


def test_a_long_tie_is_exact() -> None:
    items = [f"i{number}" for number in range(5000)]
    lists = {"u": (items, [0.0] * 5000)}
    qrels = {"u": dict.fromkeys(items[:50], 1)}
    assert _values("Success@5000", lists, qrels)["u"] == 1
    none_in_ten = math.comb(4950, 10) / math.comb(5000, 10)
    assert _values("Success@10", lists, qrels)["u"] == pytest.approx(1 - none_in_ten, rel=1e-12)
    assert _values("R@10", lists, qrels)["u"] == pytest.approx(10 / 5000, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "metric", "written"),
    [
        ("nDCG@10", Metric("nDCG", 10), "nDCG@10"),
        ("NDCG@5", Metric("nDCG", 5), "nDCG@5"),
        ("R@100", Metric("R", 100), "R@100"),
        ("Recall@10", Metric("R", 10), "R@10"),
        ("RR@10", Metric("RR", 10), "RR@10"),
        ("MRR@10", Metric("RR", 10), "RR@10"),
        ("Success@1", Metric("Success", 1), "Success@1"),
        ("HitRate@10", Metric("Success", 10), "Success@10"),
        ("AP@10", Metric("AP", 10), "AP@10"),
        ("AP(rel=2)@10", Metric("AP", 10, 2), "AP(rel=2)@10"),
        ("MAP(rel=1)@10", Metric("AP", 10), "AP@10"),
    ],
)
def test_names_are_those_of_ir_measures(text: str, metric: Metric, written: str) -> None:
    assert Metric.parse(text) == metric
    assert str(metric) == written
    assert Metric.parse(written) == metric


@pytest.mark.parametrize(
    "text",
    ["", "nDCG", "nDCG@", "nDCG@0", "nDCG@-1", "nDCG@1.5", "nDCG@10 ", "nDCG@1000000000"],
)
def test_a_name_without_a_usable_cut_is_refused(text: str) -> None:
    _refused(text)


@pytest.mark.parametrize(
    "text", ["ndcg@10", "P@10", "nDCG(rel=2)@10", "R(rel=0)@10", "R(rel=2)", "nDCG@١٠"]
)
def test_an_unknown_name_is_refused_with_the_known_ones(text: str) -> None:
    _refused(text)


def _refused(text: str) -> None:
    with pytest.raises(InputError, match="expected nDCG@k, R@k, RR@k, Success@k") as caught:
        Metric.parse(text)
    assert repr(text) in caught.value.what


def test_qrels_without_a_user_are_refused() -> None:
    with pytest.raises(InputError, match="the qrels name no user"):
        find(Run.from_lists({}), {})
