"""Part of what a person wrote, with its place in the review."""

from llmrec.records.profile import Evidence
from llmrec.records.ranking import Quote


def part_of(evidence: Evidence, quote: str) -> Quote | None:
    """Return a quote as a part of some evidence, or None where it is none.

    The title of an item is evidence too, but nothing that the person wrote.
    """
    start = evidence.quote.find(quote)
    if evidence.field != "text" or not quote.strip() or start < 0:
        return None
    if evidence.start is None:
        return Quote(evidence.review_id, quote)
    first = evidence.start + start
    return Quote(evidence.review_id, quote, first, first + len(quote))
