"""Ranked lists: their lines, and what they refuse."""

import json
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from record_samples import recommendations

from llmrec.errors import InputError
from llmrec.records.ranking import (
    Because,
    Explanation,
    Quote,
    Recommendation,
    Repairs,
    ScoredItem,
    read_lists,
)

ITEM: dict[str, Any] = {
    "item_id": "film-1",
    "title": "夜航",
    "rank": 1,
    "score": 2.5,
    "because": [{"interest": "slow films", "share": 0.75}],
    "penalty": 0.25,
}
LIST: dict[str, Any] = {"user_id": "u1", "bank": "stored", "recommendations": [ITEM]}


def _list(**changed: Any) -> Recommendation:
    return Recommendation.from_json(json.dumps({**LIST, **changed}))


@settings(deadline=None)
@given(recommendations())
def test_lists_survive_json(recommendation: Recommendation) -> None:
    line = recommendation.to_json()
    assert "\n" not in line
    assert Recommendation.from_json(line) == recommendation


@settings(deadline=None)
@given(recommendations())
def test_keys_that_say_nothing_are_absent(recommendation: Recommendation) -> None:
    line = json.loads(recommendation.to_json())
    optional = ("user_id", "like", "bank", "reason", "reranked", "repairs")
    said = {name for name in optional if getattr(recommendation, name) is not None}
    assert line.keys() == {"recommendations", *said}


def test_a_list_from_a_line() -> None:
    item = ScoredItem("film-1", "夜航", 1, 2.5, (Because(interest="slow films", share=0.75),), 0.25)
    assert _list() == Recommendation(user_id="u1", bank="stored", recommendations=(item,))
    assert json.loads(_list().to_json()) == LIST


def test_what_brought_an_item_is_an_interest_or_a_part() -> None:
    because = [{"interest": "slow films", "share": 0.6}, {"part": "popularity", "share": 0.4}]
    listed = _list(recommendations=[{**ITEM, "because": because}])
    assert [one.name for one in listed[0].because] == ["slow films", "popularity"]
    assert json.loads(listed.to_json())["recommendations"][0]["because"] == because
    for wrong in ({"share": 0.5}, {"interest": "x", "part": "ease", "share": 0.5}):
        with pytest.raises(InputError, match="an interest or a part, one of them"):
            _list(recommendations=[{**ITEM, "because": [wrong]}])


def test_a_list_is_a_sequence_of_its_items() -> None:
    recommendation = _list(recommendations=[ITEM, {**ITEM, "item_id": "film-2", "rank": 2}])
    assert [item.item_id for item in recommendation] == ["film-1", "film-2"]
    assert len(recommendation) == 2
    assert recommendation[-1].rank == 2


def test_an_item_that_was_not_matched_has_neither_score_nor_reasons() -> None:
    bare = {name: ITEM[name] for name in ("item_id", "title", "rank")}
    listed = _list(recommendations=[bare])
    (item,) = listed
    assert (item.score, item.penalty, item.because) == (None, None, ())
    assert json.loads(listed.to_json())["recommendations"] == [bare]


def test_repairs_add_up() -> None:
    assert Repairs(1, 2, 3) + Repairs(10, 20, 30) == Repairs(11, 22, 33)
    assert Repairs() == Repairs(unknown=0, repeated=0, missing=0)


def test_a_list_is_cut_after_k_items() -> None:
    listed = _list(recommendations=[ITEM, {**ITEM, "item_id": "film-2", "rank": 2}], reranked=True)
    assert [item.item_id for item in listed.first(1)] == ["film-1"]
    assert listed.first(1).reranked
    assert listed.first(3) == listed


def test_an_empty_list_has_a_reason() -> None:
    recommendation = _list(recommendations=[], reason="the profile has no interests")
    assert len(recommendation) == 0
    assert json.loads(recommendation.to_json())["reason"] == "the profile has no interests"


@pytest.mark.parametrize(
    "changed",
    [
        {"item_id": ""},
        {"title": None},
        {"rank": 0},
        {"rank": 1.5},
        {"score": float("nan")},
        {"score": float("inf")},
        {"penalty": -0.1},
        {"because": [{"interest": "slow films", "share": 0}]},
        {"because": [{"interest": "slow films", "share": 1.1}]},
        {"colour": "red"},
    ],
)
def test_an_item_of_a_list_refuses(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"recommendations\.0\.{next(iter(changed))}"):
        _list(recommendations=[{**ITEM, **changed}])


def test_a_penalty_is_finite() -> None:
    with pytest.raises(InputError, match="penalty"):
        _list(recommendations=[{**ITEM, "penalty": float("inf")}])


@pytest.mark.parametrize("line", ["", "{", "[]", "{}", b"\xff"])
def test_what_is_no_list_is_refused(line: str | bytes) -> None:
    with pytest.raises(InputError):
        Recommendation.from_json(line)


def test_lists_are_frozen() -> None:
    recommendation = _list()
    with pytest.raises(FrozenInstanceError):
        recommendation.reason = "other words"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        recommendation[0].score = 0.0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        recommendation[0].because[0].share = 1.0  # type: ignore[misc]


def test_an_explanation_has_text_source_and_what_it_rests_on() -> None:
    quote = Quote("r1", "gulls", 3, 8)
    explanation = Explanation("Gulls again.", "model", ("sea birds",), (quote,))
    line = {
        "text": "Gulls again.",
        "source": "model",
        "interests": ["sea birds"],
        "quotes": [{"review_id": "r1", "quote": "gulls", "start": 3, "end": 8}],
    }
    listed = _list(recommendations=[{**ITEM, "explanation": line}])
    assert listed[0].explanation == explanation
    assert json.loads(listed.to_json())["recommendations"][0]["explanation"] == line


@pytest.mark.parametrize("wrong", [{"text": " "}, {"source": "guessed"}, {"quotes": [{}]}])
def test_no_explanation_is_empty_or_of_nobody(wrong: dict[str, Any]) -> None:
    explanation = {"text": "Gulls.", "source": "composed"} | wrong
    with pytest.raises(InputError, match="explanation"):
        _list(recommendations=[{**ITEM, "explanation": explanation}])


def test_a_share_is_an_interest_s_or_a_part_s() -> None:
    assert Because(interest="gulls", share=0.5).name == "gulls"
    assert Because(part="popularity", share=0.5).name == "popularity"
    part = {"part": "popularity", "share": 0.5}
    listed = _list(recommendations=[{**ITEM, "because": [part]}])
    assert listed[0].because == (Because(part="popularity", share=0.5),)
    assert json.loads(listed.to_json())["recommendations"][0]["because"] == [part]
    for wrong in ({"share": 0.5}, {"interest": "gulls", "part": "popularity", "share": 0.5}):
        with pytest.raises(InputError, match="an interest or a part, one of them"):
            _list(recommendations=[{**ITEM, "because": [wrong]}])


def _written(*lists: str) -> Path:
    path = Path("lists.jsonl")
    path.write_text("".join(f"{line}\n" for line in lists), "utf-8")
    return path


def test_lists_are_read_line_by_line() -> None:
    other = _list(user_id="u2")
    assert list(read_lists(_written(_list().to_json(), other.to_json()))) == [_list(), other]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{}", "recommendations"),
        (_list(user_id=None, like="gulls").to_json(), "expected the list of a user"),
        (_list().to_json(), "a second list of user 'u1'"),
    ],
)
def test_a_bad_line_says_where_it_is(line: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as wrong:
        list(read_lists(_written(_list().to_json(), line)))
    assert (wrong.value.path, wrong.value.line) == ("lists.jsonl", 1)
