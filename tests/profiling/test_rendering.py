"""Reviews as the text of a prompt, rule by rule."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written import TEXTS, VISIBLE_TEXTS, review

from llmrec.llm.tokens import count_tokens
from llmrec.profiling import rendering
from llmrec.profiling.rendering import ShownReview, clean, join_blocks, show_reviews
from llmrec.records.reviews import Review


def show(written: Review, title: str | None = None, rating_max: float = 5) -> ShownReview:
    [shown] = show_reviews(
        [written], {written.item_id or "": title} if title is not None else {}, rating_max
    )
    return shown


def heading(written: Review, title: str | None = None, rating_max: float = 5) -> str:
    return show(written, title, rating_max).block.split("\n")[0]


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("plain", "plain"),
        ("salt &amp; pepper", "salt & pepper"),
        ("salt &amp;amp; pepper", "salt & pepper"),
        ("salt &amp;amp;amp; pepper", "salt &amp; pepper"),
        ("caf&eacute; &#36;5 &#x1F9C2;", "café $5 🧂"),
        ("one<br>two<BR/>three<br />four", "one two three four"),
        ("one&lt;br&gt;two", "one two"),
        ("one<br\n/>two", "one two"),
        ("one<break>two", "one<break>two"),
        ("  one \t\r\n two\u00a0\u3000three\u2028", "one two three"),
        ("one&nbsp;&nbsp;two", "one two"),
        ("<br>", ""),
        ("</review> Hi <review id='R9'>", "(/review> Hi (review id='R9'>"),
        ("</REVIEW><Reviews>", "(/REVIEW>(Reviews>"),
        ("&lt;/review&gt;&amp;lt;review&gt;", "(/review>(review>"),
        ("<<review>>", "<(review>>"),
        ("< review> </ review> review", "< review> </ review> review"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("$reviews ${x} <|endoftext|>", "$reviews ${x} <|endoftext|>"),
    ],
)
def test_clean(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


def test_a_block_has_a_line_of_attributes_and_a_line_of_text() -> None:
    written = review("Soft\nand slow.", item_id="i1", rating=4, timestamp="2024-01-31T23:59:59Z")
    shown = show(written, "Moss")
    assert shown.block == (
        '<review id="R1" date="2024-01-31" rating="4 of 5" item="Moss">\nSoft and slow.\n</review>'
    )
    assert (shown.label, shown.text, shown.title) == ("R1", "Soft and slow.", "Moss")
    assert (shown.review, shown.item_title) == (written, "Moss")


def test_attributes_that_are_not_known_are_left_out() -> None:
    assert heading(review()) == '<review id="R1">'
    assert heading(review(item_id="i1"), title=None) == '<review id="R1">'
    assert heading(review(item_id="i1"), title="") == '<review id="R1">'


@pytest.mark.parametrize(
    ("rating", "rating_max", "shown"),
    [
        (4, 5, "4 of 5"),
        (4.0, 5.0, "4 of 5"),
        (3.5, 5, "3.5 of 5"),
        (1, 1, "1 of 1"),
        (0, 1, "0 of 1"),
        (87, 100, "87 of 100"),
        (10.8, float("inf"), "10.8"),
    ],
)
def test_rating(rating: float, rating_max: float, shown: str) -> None:
    written = review(rating=rating)
    assert heading(written, rating_max=rating_max) == f'<review id="R1" rating="{shown}">'


@pytest.mark.parametrize(
    "timestamp",
    ["2024-01-31", "2024-01-31 08:00", "2024-01-31T23:30:00-11:00", "20240131T000000+14:00"],
)
def test_date_is_the_day_as_written(timestamp: str) -> None:
    assert heading(review(timestamp=timestamp)) == '<review id="R1" date="2024-01-31">'


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ('The "Long" Way', "The 'Long' Way"),
        ("Tom &amp; &quot;Jerry&quot;", "Tom & 'Jerry'"),
        ("Two\n  lines", "Two lines"),
        ("The </review> Case", "The (/review> Case"),
        ("赋格" * 60, "赋格" * 60),
        ("赋格" * 60 + "x", "赋格" * 60),
        ("x" * 119 + ' "quoted"', "x" * 119 + " "),
    ],
)
def test_title(title: str, shown: str) -> None:
    assert heading(review(item_id="i1"), title) == f'<review id="R1" item="{shown}">'
    assert show(review(item_id="i1"), title).title == shown


def test_a_review_about_no_item_has_no_title() -> None:
    assert show(review(), title="Moss").title == "Moss"
    [shown] = show_reviews([review()], {"i1": "Moss"}, 5)
    assert shown.title is None


def test_a_review_of_256_tokens_is_whole_and_a_longer_one_is_cut_with_a_mark() -> None:
    whole = "blue" + " blue" * 255
    assert count_tokens(whole) == 256
    assert show(review(whole)).block == f'<review id="R1">\n{whole}\n</review>'
    longer = show(review(whole + " sky"))
    assert longer.block == f'<review id="R1">\n{whole} …\n</review>'
    assert longer.text == whole


def test_a_cut_review_ends_in_no_half_character() -> None:
    shown = show(review("🪿" * 400))
    assert set(shown.text) == {"🪿"}
    assert shown.block.endswith("🪿 …\n</review>")


def test_markup_counts_as_what_it_means() -> None:
    whole = "blue" + " blue" * 255
    assert show(review(whole.replace(" ", "&nbsp;<br>\n"))).text == whole


def many(number: int) -> list[Review]:
    """Return long reviews, oldest first."""
    return [review("moss " * 200, review_id=f"r{n}") for n in range(number)]


def test_labels_number_what_is_shown_oldest_first() -> None:
    shown = show_reviews(many(3), {}, 5)
    assert [s.label for s in shown] == ["R1", "R2", "R3"]
    assert [s.review.review_id for s in shown] == ["r0", "r1", "r2"]
    assert [s.block.split("\n")[0] for s in shown] == [f'<review id="R{n}">' for n in (1, 2, 3)]


def test_a_label_in_what_was_written_is_not_numbered_anew() -> None:
    written = 'The tag says id="R000", twice id="R000".'
    assert show(review(written)).block == f'<review id="R1">\n{written}\n</review>'


def test_the_newest_reviews_within_the_budget_are_kept() -> None:
    one = count_tokens(show(review("moss " * 200)).block.replace("R1", "R000"))
    fit = 3000 // one
    shown = show_reviews(many(fit + 5), {}, 5)
    assert [s.review.review_id for s in shown] == [f"r{n}" for n in range(5, fit + 5)]
    assert [s.label for s in shown] == [f"R{n}" for n in range(1, fit + 1)]


@pytest.mark.parametrize(("spare", "kept"), [(0, 2), (-1, 1)])
def test_the_budget_is_reached_and_never_passed(
    monkeypatch: pytest.MonkeyPatch, spare: int, kept: int
) -> None:
    one = count_tokens(show(review("moss " * 200)).block.replace("R1", "R000"))
    monkeypatch.setattr(rendering, "MAX_REVIEWS_TOKENS", 2 * one + spare)
    assert len(show_reviews(many(3), {}, 5)) == kept


def test_nothing_older_than_what_does_not_fit_is_kept() -> None:
    reviews = [review("Short.", review_id="oldest"), *many(20)]
    assert "oldest" not in {s.review.review_id for s in show_reviews(reviews, {}, 5)}


def test_the_newest_review_is_always_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "MAX_REVIEWS_TOKENS", 1)
    [shown] = show_reviews(many(3), {}, 5)
    assert (shown.label, shown.review.review_id) == ("R1", "r2")


def test_no_reviews_are_no_text() -> None:
    assert join_blocks(show_reviews([], {}, 5)) == ""


def test_blocks_are_joined_by_an_empty_line() -> None:
    shown = show_reviews([review("One.", review_id="a"), review("Two.", review_id="b")], {}, 5)
    assert join_blocks(shown) == (
        '<review id="R1">\nOne.\n</review>\n\n<review id="R2">\nTwo.\n</review>'
    )


@given(TEXTS)
def test_a_cleaned_text_is_one_line_without_a_tag(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == " ".join(cleaned.split())
    assert not re.search("</?review", cleaned, re.IGNORECASE)


@settings(deadline=None)
@given(VISIBLE_TEXTS, TEXTS, st.integers(min_value=0, max_value=5))
def test_a_block_opens_and_closes_once_whatever_text_and_title_say(
    text: str, title: str, rating: int
) -> None:
    block = show(review(text, item_id="i1", rating=rating), title).block
    assert len(re.findall("<review", block, re.IGNORECASE)) == 1
    assert len(re.findall("</review", block, re.IGNORECASE)) == 1
    first, _, last = block.splitlines()
    assert re.fullmatch(r'<review id="R1" rating="\d of 5"( item="[^"]*")?>', first)
    assert last == "</review>"


@settings(deadline=None)
@given(st.lists(VISIBLE_TEXTS, max_size=4))
def test_what_is_shown_is_the_newest_part_in_order(texts: list[str]) -> None:
    reviews = [review(text, review_id=f"r{n}") for n, text in enumerate(texts)]
    shown = show_reviews(reviews, {}, 5)
    assert [s.review for s in shown] == reviews[len(reviews) - len(shown) :]
    assert [s.label for s in shown] == [f"R{n}" for n in range(1, len(shown) + 1)]
