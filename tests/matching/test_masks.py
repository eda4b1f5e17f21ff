"""Which items may be recommended."""

import logging

import numpy as np
import pytest

from llmrec.errors import InputError
from llmrec.matching.catalogue import positions_of
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.masks import AllowedItems, allowed_items


def test_all_restrictions_hold_together(demo_index: ContentIndex) -> None:
    everything = {item.item_id for item in demo_index.items}
    series = {item.item_id for item in demo_index.items if "series" in item.categories}
    novels = {item.item_id for item in demo_index.items if "novel" in item.categories}
    one = min(series)
    assert allowed_items(demo_index) == everything
    assert allowed_items(demo_index, exclude=[one]) == everything - {one}
    assert allowed_items(demo_index, categories=["series", "novel"]) == series | novels
    assert allowed_items(demo_index, only=[one, min(novels)], categories=["series"]) == {one}


def test_a_few_of_the_unknown_ids_are_named(
    demo_index: ContentIndex, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = [f"x{n}" for n in range(7)]
    with caplog.at_level(logging.WARNING):
        allowed = allowed_items(demo_index, only=[demo_index.items[0].item_id], exclude=unknown)
    assert allowed == {demo_index.items[0].item_id}
    assert caplog.messages[0].endswith("'x0', 'x1', 'x2', 'x3', 'x4' and 2 more")


def test_nothing_left_is_an_error(demo_index: ContentIndex) -> None:
    with pytest.raises(InputError, match="no item is left"):
        allowed_items(demo_index, only=["x"])
    with pytest.raises(InputError, match="category 'x'"):
        allowed_items(demo_index, categories=["x"])


def test_allowed_items_are_rows_whose_ids_are_read_when_asked_for(
    demo_index: ContentIndex,
) -> None:
    first, second = demo_index.items[0].item_id, demo_index.items[1].item_id
    allowed = allowed_items(demo_index, exclude=[first])
    assert allowed.positions.tolist() == list(range(1, len(demo_index)))
    assert positions_of(demo_index, allowed) is allowed.positions
    assert (first in allowed, second in allowed, "nobody" in allowed, 1 in allowed) == (
        False, True, False, False,
    )  # fmt: skip
    other = AllowedItems(ContentIndex(demo_index.folder), allowed.positions[:1])
    assert positions_of(demo_index, other) == np.array([1])
    assert other == {second}
