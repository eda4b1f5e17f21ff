"""The parts of a score by name, and what stands in for weights that nobody fitted."""

from typing import get_args

import numpy as np
from people import interactions, person

from llmrec.matching.part_material import PartMaterial
from llmrec.matching.score_parts import (
    BANK_PARTS,
    CROWD_PARTS,
    PARTS,
    PROFILE_PARTS,
    WITHOUT_LLM,
    PartName,
    default_weights,
)
from llmrec.matching.similarity import hub_statistics
from llmrec.records.reviews import Item

ROWS = np.eye(3, dtype=np.float32)
MATERIAL = PartMaterial(
    items=[Item(name, f"about {name}") for name in "abc"],
    interactions=interactions("abc", "ab", "b"),
    vectors=ROWS,
    hub=hub_statistics(ROWS, ROWS),
)


def test_every_part_has_a_name_and_scores_whoever_comes() -> None:
    assert tuple(PARTS) == get_args(PartName)
    assert {*BANK_PARTS, *CROWD_PARTS, *PROFILE_PARTS} < set(PARTS)
    for build in PARTS.values():
        scores = build(MATERIAL).scores(person("abc", ""))
        assert scores.shape == (3,)
        assert np.isfinite(scores).all()


def test_without_labels_the_first_part_stands_alone() -> None:
    assert default_weights(PARTS)["profile-hub"] == 1
    assert sum(default_weights(PARTS).values()) == 1
    assert default_weights(WITHOUT_LLM)["item-mean-hub"] == 1
    assert default_weights(["ease", "popularity"]) == {"popularity": 1.0, "ease": 0.0}
