"""A file of weights as a score reads it: of this version, of known parts, of this embedder."""

import json
from pathlib import Path
from typing import Any

import pytest

from llmrec.errors import IndexMismatch, InputError
from llmrec.matching.weights import read_weights

FILE: dict[str, Any] = {
    "format": 1,
    "embedder": "model",
    "weights": {
        "profile-hub": {"weight": 0.75, "low": 0.5, "high": 1.0},
        "popularity": {"weight": 0.25, "low": 0.0, "high": 0.5},
    },
    "users": ["u1"],
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "weights.json"
    path.write_text(json.dumps(FILE | changes), "utf-8")
    return path


def test_weights_by_part_for_the_same_embedder(tmp_path: Path) -> None:
    found = read_weights(written(tmp_path))
    assert found.of("model") == {"profile-hub": 0.75, "popularity": 0.25}
    with pytest.raises(IndexMismatch, match=r"vectors of 'model'.*'other'.*llmrec fit"):
        found.of("other")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"format": 2}, "later version"),
        ({"weights": {"price": FILE["weights"]["popularity"]}}, "weights.*price"),
        ({"weights": {"popularity": {"weight": -0.1, "low": 0, "high": 0}}}, "greater than"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, changes: dict[str, object], what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        read_weights(written(tmp_path, **changes))
    assert "weights.json" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_weights(tmp_path / "none.json")
