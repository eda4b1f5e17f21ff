"""A near copy is found whatever was done to its markup, and a common phrase is none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.evaluation.near_copy import (
    MIN_SHARE,
    MIN_SHARED,
    RUN_CHARACTERS,
    NearCopy,
    find_near_copy,
    runs,
)

REVIEW = "My inflatable canoe crossed the whole lake without losing a breath of its air."
CHINESE = "这部电影从头到尾都很安静，没有爆炸，没有追车，只有两个人在火车上说话，说到最后我哭了。"


def found(review: str, **parts: str) -> NearCopy | None:
    return find_near_copy(runs(review), {name: runs(text) for name, text in parts.items()})


def test_runs_are_all_pieces_of_eight_characters() -> None:
    assert runs("a canoe ride") == {"a canoe ", " canoe r", "canoe ri", "anoe rid", "noe ride"}
    assert runs("canoe") == frozenset()


def test_markup_case_and_punctuation_do_not_count() -> None:
    assert runs("The <br/>lake &amp;\n a <b>_breath_</b>") == runs("the LAKE: a b breath b...")


@pytest.mark.parametrize("text", [REVIEW, CHINESE])
def test_a_text_repeated_as_a_whole_is_a_full_copy(text: str) -> None:
    copy = found(text, summary=f"Likes canoes. {text} And more, in other words, of the same kind.")
    assert copy == NearCopy(1.0, None)


def test_a_piece_of_a_long_text_that_fills_a_part() -> None:
    long_text = f"{REVIEW} " + " ".join(
        f"Then on day {n} we rowed {n * 7} miles." for n in range(99)
    )
    copy = found(long_text, summary="Nothing of it.", interest=REVIEW)
    assert copy == NearCopy(1.0, "interest")


def test_a_text_spread_over_several_parts_counts_together() -> None:
    copy = found(
        REVIEW,
        one=f"{REVIEW[:45]} and many other words, so that this part is mostly its own by far, "
        "as a part must be that goes on and on about what was never written before by anyone",
        two=f"somebody wrote about a lake: {REVIEW[40:]} among a good number of other things, "
        "again so many that they make up nearly all of what this second part is there to say",
    )
    assert copy is not None
    assert copy.part is None
    assert copy.share > 0.9


def test_a_few_changed_words_do_not_hide_it() -> None:
    changed = REVIEW.replace("crossed", "traversed").replace("losing", "giving up")
    copy = found(REVIEW, summary=changed)
    assert copy is not None
    assert MIN_SHARE < copy.share < 1


def test_a_common_phrase_is_no_copy() -> None:
    phrase = "It does what it should."  # all of the review, but shorter than 27 characters
    assert len(runs(phrase)) < MIN_SHARED
    assert found(phrase, summary=f"Values what works. {phrase}") is None


def test_a_phrase_in_a_long_text_and_a_long_part_is_no_copy() -> None:
    rest = "Beyond this the two have nothing at all in common, however far anyone would read on. "
    other = "Quite another topic follows here: mountains, maps, knots, stoves, boots and weather. "
    shared = "without losing a breath of its air"
    assert len(runs(shared)) >= MIN_SHARED
    assert found(shared + rest * 2 + rest[::-1] * 2, one=other + shared + other[::-1] * 2) is None


def test_nothing_is_in_nothing() -> None:
    assert find_near_copy(frozenset(), {}) is None
    assert found(REVIEW) is None


@settings(deadline=None)
@given(st.text(), st.lists(st.text(), max_size=4))
def test_shares_are_shares(review: str, texts: list[str]) -> None:
    copy = found(review, **{f"part{n}": text for n, text in enumerate(texts)})
    assert copy is None or MIN_SHARE <= copy.share <= 1


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=RUN_CHARACTERS * 9))
def test_a_copy_is_found_in_any_script(text: str) -> None:
    is_long_enough = len(runs(text)) >= MIN_SHARED  # a text that repeats itself has few runs
    assert (found(text, summary=text) is not None) == is_long_enough
