"""Which items of a catalogue may be recommended at all."""

import logging
from collections.abc import Collection, Container, Iterator, Set

import numpy as np
from numpy.typing import NDArray

from llmrec.errors import InputError
from llmrec.matching.block_scoring import Positions
from llmrec.matching.content_index import ContentIndex

log = logging.getLogger(__name__)

_NAMED = 5


class AllowedItems(Set[str]):
    """The ids of some items of an index, which are read only where they are asked for.

    Args:
        index: the catalogue.
        positions: ascending rows of the items.

    Attributes:
        index: as given.
        positions: as given.
    """

    def __init__(self, index: ContentIndex, positions: Positions) -> None:
        self.index = index
        self.positions = positions

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[str]:
        return (self.index.items[place].item_id for place in self.positions.tolist())

    def __contains__(self, item_id: object) -> bool:
        if not isinstance(item_id, str):
            return False
        place = self.index.items.places([item_id]).get(item_id)
        if place is None:
            return False
        before, after = (np.searchsorted(self.positions, place, side) for side in ("left", "right"))
        return bool(before < after)


def allowed_items(
    index: ContentIndex,
    *,
    only: Collection[str] | None = None,
    exclude: Collection[str] = (),
    categories: Collection[str] = (),
) -> AllowedItems:
    """Return the items that may be recommended; ids that are unknown are noted.

    Args:
        index: the catalogue.
        only: ids; None for all.
        exclude: ids.
        categories: an item must have one of these; none given means any.

    Raises:
        InputError: a category is no item's, or no item is left.
    """
    given = {*(only or ()), *exclude}
    places = index.items.places(given)
    note_unknown(str(index.folder), given - places.keys())
    allowed = np.full(len(index), only is None)
    allowed[[places[item_id] for item_id in only or () if item_id in places]] = True
    if categories:
        allowed &= _of_categories(index, categories)
    allowed[[places[item_id] for item_id in exclude if item_id in places]] = False
    found = AllowedItems(index, np.flatnonzero(allowed))
    refuse_nothing(found)
    return found


def _of_categories(index: ContentIndex, categories: Collection[str]) -> NDArray[np.bool_]:
    """Say of each item whether it has one of the categories."""
    places = {category: index.items.of_category(category) for category in categories}
    refuse_unknown_categories(categories, {name for name, found in places.items() if len(found)})
    found = np.zeros(len(index), np.bool_)
    found[np.concatenate(list(places.values()))] = True
    return found


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
            raise InputError(
                f"no item of the catalogue has the category {category!r}: one is expected as it "
                "stands there, capitals included"
            )


def refuse_nothing(allowed: Collection[str]) -> None:
    """Raise an InputError where no item is left."""
    if not allowed:
        raise InputError(
            "no item is left to recommend: at least one is expected that is among those to choose "
            "from, is not excluded, and has one of the categories"
        )
