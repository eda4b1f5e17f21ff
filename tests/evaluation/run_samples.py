"""What the tests of evaluation share: any lists and qrels, and metrics by their definitions."""

from collections.abc import Mapping, Sequence
from itertools import permutations
from math import log2

from hypothesis import strategies as st

Lists = dict[str, tuple[list[str], list[float]]]
Judgements = dict[str, dict[str, int]]

METRICS = ("nDCG", "R", "RR", "Success", "AP")
ITEMS = [f"i{number}" for number in range(7)]


@st.composite
def ranked_lists(draw: st.DrawFn) -> Lists:
    """A few short lists with many ties."""
    lists: Lists = {}
    for user_id in draw(st.lists(st.sampled_from(["u1", "u2", "u3", "u4"]), unique=True)):
        items = draw(st.lists(st.sampled_from(ITEMS), unique=True, max_size=6))
        scores = st.sampled_from([-1.5, 0.0, 0.25, 3.0])
        lists[user_id] = (items, [draw(scores) for _ in items])
    return lists


judgements = st.dictionaries(
    st.sampled_from(["u1", "u2", "u3", "u5"]),
    st.dictionaries(st.sampled_from(ITEMS), st.integers(min_value=-1, max_value=3)),
    min_size=1,
)


def by_definition(
    name: str, k: int, level: int, ranked: Sequence[str], judged: Mapping[str, int]
) -> float:
    """Return a metric of one list without ties, from its definition, item by item."""
    gains = [judged.get(item, 0) for item in ranked[:k]]
    is_relevant = [gain >= level for gain in gains]
    n_relevant = sum(gain >= level for gain in judged.values())
    if name == "nDCG":
        ideal = sorted((gain for gain in judged.values() if gain > 0), reverse=True)[:k]
        best = sum(gain / log2(rank + 1) for rank, gain in enumerate(ideal, 1))
        came = sum(max(gain, 0) / log2(rank + 1) for rank, gain in enumerate(gains, 1))
        return came / best if best else 0.0
    if not any(is_relevant):
        return 0.0
    if name == "R":
        return sum(is_relevant) / n_relevant
    if name == "RR":
        return 1 / (is_relevant.index(True) + 1)
    if name == "Success":
        return 1.0
    precisions = (sum(is_relevant[:rank]) / rank for rank in range(1, len(gains) + 1))
    return sum(p for p, hit in zip(precisions, is_relevant, strict=True) if hit) / n_relevant


def over_all_orders(
    name: str,
    k: int,
    level: int,
    listed: tuple[Sequence[str], Sequence[float]],
    judged: Mapping[str, int],
) -> float:
    """Return the mean of a metric over every order of the items that the scores allow."""
    score = dict(zip(*listed, strict=True))
    orders = [sorted(order, key=lambda item: -score[item]) for order in permutations(score)]
    return sum(by_definition(name, k, level, order, judged) for order in orders) / len(orders)
