"""A quote counts only where the model saw it."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from written import TEXTS, VISIBLE_TEXTS, review

from llmrec.profiling.evidence import find_quote
from llmrec.profiling.rendering import ShownReview, show_reviews
from llmrec.records.profile import Evidence


def shown(text: str, title: str = "") -> ShownReview:
    return show_reviews([review(text, item_id="i1")], {"i1": title}, 5)[0]


def test_a_quote_has_its_place_in_the_text() -> None:
    assert find_quote("slow 赋格", shown("🪿 A slow 赋格.")) == Evidence(
        "r1", "text", "slow 赋格", start=4, end=11
    )


def test_the_place_is_that_of_the_first_occurrence() -> None:
    found = find_quote("moss", shown("Soft moss, green moss."))
    assert found is not None
    assert (found.start, found.end) == (5, 9)


def test_a_quote_may_be_from_the_title() -> None:
    assert find_quote("Art of", shown("Too long.", "The Art of Fugue")) == Evidence(
        "r1", "title", "Art of", start=4, end=10
    )


def test_the_text_comes_before_the_title() -> None:
    found = find_quote("Moss", shown("Moss is soft.", "Moss"))
    assert found is not None
    assert found.field == "text"


@pytest.mark.parametrize(
    ("raw", "quote"),
    [
        ("salt &amp; pepper", "salt & pepper"),
        ("soft   and\nslow", "soft and slow"),
        ("soft<br>slow", "soft slow"),
        ("says <review>", "says (review>"),
    ],
)
def test_a_quote_of_cleaned_characters_has_no_place(raw: str, quote: str) -> None:
    assert find_quote(quote, shown(raw)) == Evidence("r1", "text", quote)
    assert find_quote(quote, shown("Too long.", raw)) == Evidence("r1", "title", quote)


def test_a_quote_of_changed_quotation_marks_in_a_title_has_no_place() -> None:
    seen = shown("Too long.", 'The "Long" Way')
    assert find_quote("The 'Long' Way", seen) == Evidence("r1", "title", "The 'Long' Way")
    assert find_quote('The "Long" Way', seen) is None


@pytest.mark.parametrize(
    "quote", ["soft  moss", "Soft moss", "soft moss!", "moss soft", "<review", "R1", "Fugue"]
)
def test_a_quote_that_differs_in_any_character_occurs_nowhere(quote: str) -> None:
    assert find_quote(quote, shown("A soft moss.", "The Art")) is None


@pytest.mark.parametrize("blank", ["", " ", "\n", "\u3000"])
def test_a_blank_quote_occurs_nowhere(blank: str) -> None:
    assert find_quote(blank, shown("A soft moss.", "The Art")) is None


def test_what_the_model_did_not_see_is_not_found() -> None:
    seen = shown("moss " * 300 + "and snow", "x" * 130 + "end")
    assert find_quote("snow", seen) is None
    assert find_quote("end", seen) is None


def test_our_mark_of_a_cut_is_no_part_of_a_quote_but_a_users_is() -> None:
    seen = shown("moss " * 300)
    assert "moss …\n" in seen.block
    assert find_quote("moss …", seen) is None
    found = find_quote("wait …", shown("So I wait … and wait."))
    assert found is not None
    assert found.start == 5


@pytest.mark.parametrize(
    ("raw", "quote", "places"),
    [
        ("a &lt; b, filter", "lt", (None, 12)),
        (f"soft  moss. {'snow ' * 300} soft moss.", "soft moss", (None,)),
    ],
    ids=["inside an entity", "beyond the cut"],
)
def test_a_place_is_one_that_the_model_saw(
    raw: str, quote: str, places: tuple[int | None, ...]
) -> None:
    found = find_quote(quote, shown(raw))
    assert found is not None
    assert found.start in places


@settings(deadline=None)
@given(VISIBLE_TEXTS, TEXTS, st.data())
def test_any_part_of_what_is_shown_is_found(text: str, title: str, data: st.DataObject) -> None:
    seen = shown(text, title)
    source = data.draw(st.sampled_from([seen.text, seen.title or ""]))
    start = data.draw(st.integers(0, len(source)))
    quote = source[start : data.draw(st.integers(start, len(source)))]
    assume(quote.strip())
    found = find_quote(quote, seen)
    assert found is not None
    assert found.quote == quote
    assert (found.start is None) == (found.end is None)
    if found.start is not None:
        raw = {"text": text, "title": title}[found.field]
        assert raw[found.start : found.end] == quote


@settings(deadline=None)
@given(VISIBLE_TEXTS, TEXTS, TEXTS)
def test_any_quote_is_found_exactly_where_it_occurs(text: str, title: str, quote: str) -> None:
    seen = shown(text, title)
    occurs = bool(quote.strip()) and (quote in seen.text or quote in (seen.title or ""))
    assert (find_quote(quote, seen) is not None) == occurs
