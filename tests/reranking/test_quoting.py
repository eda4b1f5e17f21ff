"""A part of some evidence, with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.records.profile import Evidence
from llmrec.records.ranking import Quote
from llmrec.reranking.quoting import part_of

WHOLE = Evidence("r1", "text", "a fugue a day", 7, 20)


def test_a_part_has_its_own_place() -> None:
    assert part_of(WHOLE, "fugue") == Quote("r1", "fugue", 9, 14)
    assert part_of(WHOLE, WHOLE.quote) == Quote("r1", "a fugue a day", 7, 20)


def test_where_no_exact_place_exists_there_is_none() -> None:
    assert part_of(Evidence("r1", "text", "a fugue"), "fugue") == Quote("r1", "fugue")


@pytest.mark.parametrize("quote", ["Fugue", "fugues", "", "  ", " "])
def test_what_does_not_occur_or_says_nothing_is_no_part(quote: str) -> None:
    assert part_of(WHOLE, quote) is None


def test_the_title_of_an_item_is_nothing_that_the_person_wrote() -> None:
    assert part_of(Evidence("r1", "title", "a fugue a day", 0, 13), "fugue") is None


@given(st.text(min_size=1), st.integers(0, 40), st.integers(1, 40), st.integers(0, 1000))
def test_places_lead_to_the_quote(text: str, start: int, length: int, before: int) -> None:
    quote = text[start : start + length]
    found = part_of(Evidence("r1", "text", text, before, before + len(text)), quote)
    if found is None:
        assert not quote.strip()
    else:
        assert (" " * before + text)[found.start : found.end] == quote
