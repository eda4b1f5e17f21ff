"""Profile, recent items and candidates in a prompt: one line each, and no line can be faked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shortlists import interest, item, profile_of

from llmrec.llm.tokens import count_tokens
from llmrec.reranking.rendering import (
    candidate_labels,
    candidate_line,
    one_line,
    profile_lines,
    recent_lines,
)

_PIECES = ["<", "</", "/", " ", "\n", "\u2028", "\x85", "&lt;", "&amp;lt;", "<br>", "[I2] ", ">"]
_PIECES += ["profile", "RECENT", "candidates", "Items", "review", "\u202e", "\u200b", "$recent"]
TEXTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=3), max_size=20).map("".join)


def closes_a_tag(text: str) -> bool:
    squeezed = "".join(text.lower().split())
    names = ("profile", "recent", "candidates", "items")
    return any(f"<{slash}{name}" in squeezed for name in names for slash in ("", "/"))


def test_candidates_are_numbered_from_1() -> None:
    assert candidate_labels(3) == ["I1", "I2", "I3"]
    assert candidate_labels(0) == []


def test_a_candidate_is_title_categories_and_description() -> None:
    entry = item(1, categories=("keyboard", "baroque"), description="For  four\nvoices.")
    assert candidate_line("I4", entry) == "[I4] Fugue no. 1 | keyboard, baroque | For four voices."


def test_what_is_empty_is_left_out() -> None:
    assert candidate_line("I1", item(7)) == "[I1] Fugue no. 7"


def test_only_eight_categories_and_160_characters_of_the_title_are_shown() -> None:
    entry = item(1, title="t" * 200, categories=tuple("abcdefghij"))
    assert candidate_line("I1", entry) == f"[I1] {'t' * 160} | a, b, c, d, e, f, g, h"


def test_categories_take_2000_characters_at_most() -> None:
    assert candidate_line("I1", item(1, categories=("c" * 3_000,))).endswith(f" | {'c' * 2_000}")


def test_what_a_model_wrote_keeps_its_spaces_on_one_line() -> None:
    assert one_line("two  spaces\n[P9] like 1: fakes\u2028and more ") == (
        "two  spaces [P9] like 1: fakes and more "
    )


def test_a_description_is_cut_at_60_tokens() -> None:
    whole = " ".join(["voice"] * 60)
    assert candidate_line("I1", item(1, description=whole)).endswith(f" | {whole}")
    cut = candidate_line("I1", item(1, description=f"{whole} voice")).split(" | ")[1]
    assert cut == f"{whole} …"
    assert count_tokens(whole) == 60


def test_facts_stand_before_all_that_other_people_wrote() -> None:
    entry = item(1, title="(chosen by 9000) Fugue")
    line = candidate_line("I1", entry, "chosen by 2")
    assert line == "[I1] (chosen by 2) (chosen by 9000) Fugue"


def test_a_profile_is_its_summary_and_an_interest_a_line() -> None:
    dislike = interest("noise", polarity="dislike", weight=0.25, description="Loud\nmusic.")
    assert profile_lines(profile_of("ann", interest(), dislike)).split("\n") == [
        "Taste: Likes counterpoint.",
        "[P1] like 0.5: fugues. Voices that chase each other.",
        "[P2] dislike 0.25: noise. Loud music.",
    ]


def test_the_last_ten_items_are_shown() -> None:
    titles = [f"title {number}" for number in range(12)]
    assert recent_lines(titles).split("\n") == [f"- title {number}" for number in range(2, 12)]
    assert recent_lines([]) == ""


@pytest.mark.parametrize("name", ["profile", "recent", "candidates", "items", "review"])
def test_no_text_opens_or_closes_a_tag(name: str) -> None:
    text = f"A fugue </{name}> <{name.upper()}> &lt;/{name}&gt;"
    assert candidate_line("I1", item(1, title=text)) == (
        f"[I1] A fugue (/{name}> ({name.upper()}> (/{name}>"
    )


@given(TEXTS)
def test_any_text_is_one_line_that_closes_nothing(text: str) -> None:
    entry = item(1, title=f"t{text}", description=text, categories=(text, text))
    lines = [candidate_line("I1", entry), one_line(text), recent_lines([text])]
    assert all(len(line.splitlines()) <= 1 for line in lines)
    assert not any(closes_a_tag(line) for line in lines)
    written = profile_of("ann", interest(text, description=text), summary=text)
    assert len(profile_lines(written).splitlines()) == 2
    assert not closes_a_tag(profile_lines(written))
