"""Orders: shown, replied and fused. Whatever comes in, a permutation comes out."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.records.ranking import Repairs
from llmrec.reranking.order import RRF_K, ShownOrder, fused, repaired, shown_order

LABELS = ["I2", "I3", "I1"]
IDS = [f"film-{number}" for number in range(20)]
ORDERS: list[ShownOrder] = ["hash", "first-stage", "shuffled"]


def test_a_shortlist_is_shown_by_the_hash_of_user_and_item() -> None:
    def sha256(place: int) -> str:
        return hashlib.sha256(f"ann\n{IDS[place]}".encode()).hexdigest()

    assert shown_order("ann", IDS, "hash") == sorted(range(20), key=sha256)


def test_the_hash_order_does_not_depend_on_the_first_stage() -> None:
    shown = [IDS[place] for place in shown_order("ann", IDS, "hash")]
    turned = IDS[::-1]
    assert [turned[place] for place in shown_order("ann", turned, "hash")] == shown
    assert [IDS[place] for place in shown_order("bo", IDS, "hash")] != shown


def test_the_order_of_the_first_stage_is_left() -> None:
    assert shown_order("ann", IDS, "first-stage") == list(range(20))


@pytest.mark.parametrize("order", ORDERS)
def test_each_pass_shows_another_order(order: ShownOrder) -> None:
    orders = [tuple(shown_order("ann", IDS, order, number)) for number in range(1, 6)]
    assert len(set(orders)) == 5
    assert all(sorted(each) == list(range(20)) for each in orders)


@pytest.mark.parametrize("order", ORDERS)
def test_passes_after_the_first_do_not_depend_on_the_first_order(order: ShownOrder) -> None:
    assert shown_order("ann", IDS, order, 2) == shown_order("ann", IDS, "shuffled", 2)


def test_a_whole_reply_is_taken_as_it_is() -> None:
    found = repaired(["I1", "I2", "I3"], LABELS)
    assert (found.places, found.repairs) == ((2, 0, 1), Repairs())


def test_unknown_and_repeated_ids_are_dropped_and_missing_ones_keep_their_order() -> None:
    found = repaired(["I9", "I1", "I1", "I9"], LABELS)
    assert found.places == (2, 0, 1)
    assert found.repairs == Repairs(unknown=2, repeated=1, missing=2)


@pytest.mark.parametrize("near", ["1", 1, "i1", " I1", "[I1]", "I1. Fugue", "I01", ["I1"], None])
def test_what_is_nearly_an_id_is_no_id(near: object) -> None:
    found = repaired([near, "I3"], LABELS)
    assert found.places == (1, 0, 2)
    assert found.repairs == Repairs(unknown=1, missing=2)


@given(st.lists(st.sampled_from(["I1", "I2", "I3", "I4", 2, None, ["I1"]]) | st.text()))
def test_any_reply_gives_a_permutation_and_every_entry_is_accounted_for(
    replied: list[object],
) -> None:
    found = repaired(replied, LABELS)
    assert sorted(found.places) == [0, 1, 2]
    used = 3 - found.repairs.missing
    assert used + found.repairs.unknown + found.repairs.repeated == len(replied)


def test_fusing_one_order_leaves_it() -> None:
    assert fused([[2, 0, 1]], [1.0]) == [2, 0, 1]


def test_ranks_are_fused_by_their_reciprocals() -> None:
    orders, weights = [[0, 1, 2], [2, 1, 0], [2, 0, 1]], [1.0, 0.5, 0.25]
    scores = [
        sum(w / (RRF_K + order.index(place) + 1) for order, w in zip(orders, weights, strict=True))
        for place in range(3)
    ]
    assert fused(orders, weights) == sorted(range(3), key=lambda place: -scores[place])


def test_equal_scores_keep_the_first_order() -> None:
    assert fused([[1, 0], [0, 1]], [1.0, 1.0]) == [1, 0]
    assert fused([[1, 0, 2], [0, 1, 2]], [1.0, 0.0]) == [1, 0, 2]


@given(st.lists(st.permutations(range(6)), min_size=1, max_size=5), st.data())
def test_fusing_gives_a_permutation_that_respects_agreement(
    orders: list[list[int]], data: st.DataObject
) -> None:
    weights = [data.draw(st.floats(0.1, 10)) for _ in orders]
    result = fused(orders, weights)
    assert sorted(result) == list(range(6))
    for better in range(6):
        for worse in range(6):
            if all(order.index(better) < order.index(worse) for order in orders):
                assert result.index(better) < result.index(worse)
