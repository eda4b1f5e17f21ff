"""A quote counts only where it occurs, character for character, in what the model saw."""

from collections.abc import Callable

from llmrec.profiling.rendering import ShownReview, clean, clean_title
from llmrec.records.profile import Evidence


def find_quote(quote: str, shown: ShownReview) -> Evidence | None:
    """Return where a quote occurs, the review's text first, then the item's title, or None.

    The place is of the first occurrence in the original field, and absent where rendering
    changed the characters. A blank quote occurs nowhere.
    """
    if not quote.strip():
        return None
    if quote in shown.text:
        start, end = _place(quote, shown.review.text, shown.text, clean)
        return Evidence(shown.review.review_id, "text", quote, start, end)
    if shown.title is not None and quote in shown.title:
        start, end = _place(quote, shown.item_title or "", shown.title, clean_title)
        return Evidence(shown.review.review_id, "title", quote, start, end)
    return None


def _place(
    quote: str, original: str, shown: str, rendered: Callable[[str], str]
) -> tuple[int | None, int | None]:
    """Return the first place in the original that rendering shows as this quote.

    The same characters can also stand inside an entity, or beyond the cut: there the original up
    to their end does not render to a beginning of what was shown.
    """
    start = original.find(quote)
    while start >= 0:
        end = start + len(quote)
        beginning = rendered(original[:end])
        if shown.startswith(beginning) and beginning.endswith(quote.rstrip()):
            return start, end
        start = original.find(quote, start + 1)
    return None, None
