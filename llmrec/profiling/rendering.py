"""Reviews as the text of a prompt. The rules are in docs/formats.md, to the byte."""

import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmrec.llm.tokens import count_tokens, cut_to_tokens
from llmrec.records.reviews import Review

MAX_REVIEW_TOKENS = 256
MAX_REVIEWS_TOKENS = 3000
MAX_TITLE_CHARACTERS = 120

_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_REVIEW_TAG = re.compile(r"<(/?)(review)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ShownReview:
    """A review as a model sees it.

    Attributes:
        label: ``R1``, ``R2``… in the order shown.
        review: what it was made from.
        text: cleaned and cut, without the mark of a cut.
        title: of the item, cleaned and cut, or None.
        item_title: of the item as its catalogue has it, or None.
        block: the review as it stands in the prompt.
    """

    label: str
    review: Review
    text: str
    title: str | None
    item_title: str | None
    block: str


def clean(text: str) -> str:
    """Return a text as one line of plain text that cannot close the tag it stands in."""
    text = html.unescape(html.unescape(text))
    text = _LINE_BREAK.sub(" ", text)
    text = _SPACE.sub(" ", text).strip()
    return _REVIEW_TAG.sub(r"(\1\2", text)


def clean_title(title: str) -> str:
    """Return an item's title as it stands in an attribute."""
    return clean(title).replace('"', "'")[:MAX_TITLE_CHARACTERS]


def show_reviews(
    reviews: Sequence[Review], titles: Mapping[str, str], rating_max: float
) -> list[ShownReview]:
    """Choose and render the reviews that fit into a prompt.

    Args:
        reviews: oldest first.
        titles: of the items, by id.
        rating_max: top of the rating scale; ``inf`` where it has none.

    Returns:
        The newest reviews that together have at most ``MAX_REVIEWS_TOKENS`` tokens (the newest
        one always), oldest first.
    """
    kept: list[ShownReview] = []
    used = 0
    for review in reversed(reviews):
        shown = _show(review, titles.get(review.item_id or ""), rating_max, label="R000")
        used += count_tokens(shown.block)
        if kept and used > MAX_REVIEWS_TOKENS:
            break
        kept.append(shown)
    return [_relabelled(shown, f"R{n}") for n, shown in enumerate(reversed(kept), 1)]


def join_blocks(shown: Sequence[ShownReview]) -> str:
    """Return the shown reviews as they stand in the prompt."""
    return "\n\n".join(review.block for review in shown)


def _show(review: Review, item_title: str | None, rating_max: float, label: str) -> ShownReview:
    whole = clean(review.text)
    text = cut_to_tokens(whole, MAX_REVIEW_TOKENS)
    title = clean_title(item_title) if item_title else None
    attributes = f'id="{label}"'
    if review.timestamp:
        attributes += f' date="{review.date}"'
    if review.rating is not None:
        scale = f" of {rating_max:g}" if math.isfinite(rating_max) else ""
        attributes += f' rating="{review.rating:g}{scale}"'
    if title is not None:
        attributes += f' item="{title}"'
    mark = "" if text == whole else " …"
    block = f"<review {attributes}>\n{text}{mark}\n</review>"
    return ShownReview(label, review, text, title, item_title, block)


def _relabelled(shown: ShownReview, label: str) -> ShownReview:
    block = shown.block.replace(f'id="{shown.label}"', f'id="{label}"', 1)
    return ShownReview(label, shown.review, shown.text, shown.title, shown.item_title, block)
