"""What of an item's entry is embedded."""

from llmrec.records.reviews import Item

MAX_CATEGORIES = 12
MAX_DESCRIPTION_CHARACTERS = 400
RULE = (
    f"title. first {MAX_CATEGORIES} categories. "
    f"first {MAX_DESCRIPTION_CHARACTERS} characters of the description"
)
"""Stands in an index's manifest, so that indexes of different rules are told apart."""


def item_text(item: Item) -> str:
    """Return title, categories and beginning of the description; empty parts are left out."""
    parts = (
        item.title,
        ", ".join(item.categories[:MAX_CATEGORIES]),
        item.description[:MAX_DESCRIPTION_CHARACTERS],
    )
    return ". ".join(part for part in parts if part)
