"""A quote counts only where it occurs, character for character, in what the model saw."""

from llmrec.profiling.rendering import ShownReview
from llmrec.records.profile import Evidence


def find_quote(quote: str, shown: ShownReview) -> Evidence | None:
    """Return where a quote occurs, the review's text first, then the item's title, or None.

    The place is of the first occurrence in the original field, and absent where rendering
    changed the characters. A blank quote occurs nowhere.
    """
    if not quote.strip():
        return None
    if quote in shown.text:
        start, end = _place(quote, shown.review.text)
        return Evidence(shown.review.review_id, "text", quote, start, end)
    if shown.title is not None and quote in shown.title:
        start, end = _place(quote, shown.item_title or "")
        return Evidence(shown.review.review_id, "title", quote, start, end)
    return None


def _place(quote: str, original: str) -> tuple[int | None, int | None]:
    start = original.find(quote)
    return (None, None) if start < 0 else (start, start + len(quote))
