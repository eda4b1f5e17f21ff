"""Interest profiles: what they accept, their file format and its version."""

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError
from record_samples import json_lines, profiles

from llmrec.errors import InputError
from llmrec.records.profile import (
    FORMAT,
    Evidence,
    Interest,
    InterestProfile,
    Source,
    read_profiles,
)

Write = Callable[[str, str | bytes], str]
Stdin = Callable[[str | bytes], None]

EVIDENCE: dict[str, Any] = {
    "review_id": "r1",
    "field": "text",
    "quote": "慢得刚刚好",
    "start": 3,
    "end": 8,
}
INTEREST: dict[str, Any] = {
    "name": "slow films",
    "polarity": "like",
    "weight": 0.8,
    "description": "Films that take their time.",
    "evidence": [EVIDENCE],
}
SOURCE: dict[str, Any] = {
    "review_id": "r1",
    "item_id": "film-1",
    "date": "2024-01-31",
    "digest": "0123456789abcdef01234567",
    "shown": "R1",
}
PROFILE: dict[str, Any] = {
    "format": 1,
    "user_id": "u1",
    "language": "en",
    "summary": "Likes slow films. 🎬",
    "interests": [INTEREST, {**INTEREST, "name": "gore", "polarity": "dislike", "weight": 1}],
    "sources": [SOURCE],
    "split": None,
    "model": "some-model",
    "prompt": "76543210fedcba9876543210",
    "request": "fedcba987654321001234567",
}


def _profile(**changed: Any) -> InterestProfile:
    return InterestProfile.from_json(json.dumps({**PROFILE, **changed}))


def test_reviewed_items_come_once_in_the_order_of_the_sources() -> None:
    items = ["b", None, "a", "b"]
    sources = [{**SOURCE, "review_id": str(n), "item_id": item} for n, item in enumerate(items)]
    assert _profile(sources=sources).reviewed == ("b", "a")


def _interest(**changed: Any) -> InterestProfile:
    return _profile(interests=[{**INTEREST, **changed}])


def test_a_profile_from_a_line() -> None:
    profile = _profile()
    like = Interest(
        "slow films",
        "like",
        0.8,
        "Films that take their time.",
        (Evidence("r1", "text", "慢得刚刚好", 3, 8),),
    )
    assert profile.interests[0] == like
    assert profile.sources == (
        Source("r1", "film-1", "2024-01-31", "0123456789abcdef01234567", "R1"),
    )
    assert (profile.user_id, profile.model, profile.split) == ("u1", "some-model", None)


def test_a_line_has_the_keys_of_the_format_in_order() -> None:
    line = _profile().to_json()
    assert json.loads(line) == PROFILE
    assert list(json.loads(line)) == list(PROFILE)
    assert "Likes slow films. 🎬" in line


@settings(deadline=None)
@given(profiles())
def test_profiles_survive_json(profile: InterestProfile) -> None:
    line = profile.to_json()
    assert "\n" not in line
    assert InterestProfile.from_json(line) == profile
    assert InterestProfile.from_json(line.encode("utf-8")) == profile


def test_an_absent_format_is_the_first() -> None:
    line = {name: value for name, value in PROFILE.items() if name != "format"}
    assert InterestProfile.from_json(json.dumps(line)) == _profile()
    assert (_profile().format, FORMAT) == (1, 1)


@pytest.mark.parametrize("changed", [{}, {"mood": "good"}, {"interests": None}])
def test_a_later_format_asks_to_upgrade(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="upgrade llmrec") as caught:
        _profile(format=2, **changed)
    assert caught.value.what.startswith("format: format 2 was written by a later version")


@pytest.mark.parametrize("version", [0, -1, 1.5, "1", None, True])
def test_what_is_no_format_is_refused(version: object) -> None:
    with pytest.raises(InputError, match="format: "):
        _profile(format=version)


@pytest.mark.parametrize("weight", [5e-324, 0.5, 1])
def test_a_weight_is_up_to_one(weight: float) -> None:
    assert _interest(weight=weight).interests[0].weight == weight


@pytest.mark.parametrize("weight", [0, -0.5, 1.0000001, float("nan"), float("inf"), "1", True])
def test_a_weight_outside_is_refused(weight: object) -> None:
    with pytest.raises(InputError, match=r"interests\.0\.weight: "):
        _interest(weight=weight)


@pytest.mark.parametrize("polarity", ["neutral", "Like", "", None, 1])
def test_a_polarity_is_like_or_dislike(polarity: object) -> None:
    with pytest.raises(InputError, match=r"polarity: expected 'like' or 'dislike', came "):
        _interest(polarity=polarity)


@pytest.mark.parametrize("evidence", [[], None, EVIDENCE])
def test_an_interest_needs_evidence(evidence: object) -> None:
    with pytest.raises(InputError, match=r"interests\.0\.evidence: "):
        _interest(evidence=evidence)


@pytest.mark.parametrize(
    "changed",
    [
        {"review_id": ""},
        {"field": "summary"},
        {"quote": ""},
        {"start": -1},
        {"end": 0},
        {"start": 1.5},
    ],
)
def test_evidence_refuses(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"interests\.0\.evidence\.0\."):
        _interest(evidence=[{**EVIDENCE, **changed}])


def test_an_unknown_key_of_evidence_is_named() -> None:
    with pytest.raises(InputError, match=r"interests\.0\.evidence\.0\.page"):
        _interest(evidence=[{**EVIDENCE, "page": 3}])


@pytest.mark.parametrize(
    "changed",
    [
        {"user_id": ""},
        {"user_id": None},
        {"language": None},
        {"summary": 3},
        {"interests": {}},
        {"sources": [{**SOURCE, "digest": None}]},
        {"split": 3},
        {"mood": "good"},
    ],
)
def test_a_profile_refuses(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(changed))):
        _profile(**changed)


@pytest.mark.parametrize("line", ["", "{", "[]", '"profile"', b"\xff"])
def test_what_is_no_profile_is_refused(line: str | bytes) -> None:
    with pytest.raises(InputError):
        InterestProfile.from_json(line)


def test_an_exact_place_may_be_unknown() -> None:
    (evidence,) = (
        _interest(evidence=[{"review_id": "r1", "field": "title", "quote": "夜航"}])
        .interests[0]
        .evidence
    )
    assert (evidence.start, evidence.end) == (None, None)


def test_likes_and_dislikes_are_told_apart() -> None:
    profile = _profile()
    assert [interest.name for interest in profile.likes] == ["slow films"]
    assert [interest.name for interest in profile.dislikes] == ["gore"]


def test_the_query_of_an_interest_is_name_and_description() -> None:
    assert _profile().interests[0].query == "slow films. Films that take their time."


def test_profiles_are_frozen() -> None:
    profile = _profile()
    interest = profile.interests[0]
    with pytest.raises(FrozenInstanceError):
        profile.summary = "other words"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        interest.weight = 1.0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        interest.evidence[0].quote = "other words"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        profile.sources[0].shown = None  # type: ignore[misc]


def test_a_record_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ValidationError, match="weight"):
        Interest(
            name="slow films",
            polarity="like",
            weight=1.5,
            description="",
            evidence=(Evidence("r1", "text", "slow"),),
        )


@pytest.mark.parametrize("name", ["p.jsonl", "p.jsonl.gz"])
def test_profiles_are_read_line_by_line(write: Write, name: str) -> None:
    path = write(name, "\ufeff\n" + json_lines(PROFILE, {**PROFILE, "user_id": "u2"}, {}))
    found = read_profiles(path)
    assert [next(found).user_id, next(found).user_id] == ["u1", "u2"]
    with pytest.raises(InputError, match=r"line 3 \(counted from 0\): "):
        next(found)


def test_profiles_come_from_stdin_too(stdin: Stdin) -> None:
    stdin(json_lines(PROFILE))
    assert list(read_profiles("-")) == [_profile()]


def test_a_bad_profile_has_path_and_line(write: Write) -> None:
    path = write("p.jsonl", json_lines(PROFILE, {**PROFILE, "language": None}))
    with pytest.raises(InputError) as caught:
        list(read_profiles(path))
    assert str(caught.value) == (
        f"{path}, line 1 (counted from 0): language: expected a valid string, came None"
    )


def test_a_second_profile_of_a_user_is_refused(write: Write) -> None:
    path = write("p.jsonl", json_lines(PROFILE, PROFILE))
    with pytest.raises(InputError) as caught:
        list(read_profiles(path))
    assert str(caught.value) == (f"{path}, line 1 (counted from 0): a second profile of user 'u1'")


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read"):
        list(read_profiles("none.jsonl"))
