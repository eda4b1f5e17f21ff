"""Which items of a catalogue may be recommended at all."""

import logging
from collections.abc import Collection, Container

from llmrec.errors import InputError
from llmrec.matching.content_index import ContentIndex

log = logging.getLogger(__name__)

_NAMED = 5


def allowed_items(
    index: ContentIndex,
    *,
    only: Collection[str] | None = None,
    exclude: Collection[str] = (),
    categories: Collection[str] = (),
) -> frozenset[str]:
    """Return the ids of the items that may be recommended; ids that are unknown are noted.

    Args:
        index: the catalogue.
        only: ids; None for all.
        exclude: ids.
        categories: an item must have one of these; none given means any.

    Raises:
        InputError: a category is no item's, or no item is left.
    """
    given = {*(only or ()), *exclude}
    note_unknown(str(index.folder), given - index.items.places(given).keys())
    known = {category for item in index.items for category in item.categories}
    refuse_unknown_categories(categories, known)
    wanted, unwanted, of_these = None if only is None else set(only), set(exclude), set(categories)
    allowed = frozenset(
        item.item_id
        for item in index.items
        if (wanted is None or item.item_id in wanted)
        and item.item_id not in unwanted
        and (not of_these or not of_these.isdisjoint(item.categories))
    )
    refuse_nothing(allowed)
    return allowed


def note_unknown(place: str, item_ids: Collection[str]) -> None:
    """Say which ids are not in a catalogue."""
    if item_ids:
        named = ", ".join(map(repr, sorted(item_ids)[:_NAMED]))
        more = f" and {len(item_ids) - _NAMED} more" if len(item_ids) > _NAMED else ""
        log.warning("%s: not in the catalogue: %s%s", place, named, more)


def refuse_unknown_categories(categories: Collection[str], known: Container[str]) -> None:
    """Raise an InputError for a category that is no item's."""
    for category in categories:
        if category not in known:
            raise InputError(f"no item of the catalogue has the category {category!r}")


def refuse_nothing(allowed: Collection[str]) -> None:
    """Raise an InputError where no item is left."""
    if not allowed:
        raise InputError(
            "no item is left to recommend: at least one is expected that is among those to choose "
            "from, is not excluded, and has one of the categories"
        )
