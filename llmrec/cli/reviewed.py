"""What people have reviewed, as far as a command is given their reviews."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from llmrec.matching.catalogue import Catalogue
from llmrec.matching.content_index import ContentIndex
from llmrec.records.profile import InterestProfile

if TYPE_CHECKING:
    from llmrec.records.grouping import UserReviews
    from llmrec.records.splits import Split

log = logging.getLogger(__name__)


def maybe_split(path: str | None) -> "Split | None":
    """Return a split, or None where none is given."""
    if path is None:
        return None
    from llmrec.records.splits import read_split

    return read_split(path)


def read_reviewed(
    path: str,
    split: "Split | None",
    columns: Mapping[str, str],
    rating_max: float,
    skip_bad_rows: bool,
) -> dict[str, list[str]]:
    """Return the items that each user has reviewed; under a split those of the histories in it."""
    from llmrec.records.grouping import read_users

    users = read_users(
        path,
        users=split.lines if split else None,
        columns=columns,
        rating_max=rating_max,
        skip_bad_rows=skip_bad_rows,
    )
    histories = map(split.history, users) if split else users
    return {history.user_id: reviewed_items(history) for history in histories}


def reviewed_items(user: "UserReviews") -> list[str]:
    """Return the items that a user has reviewed, oldest first."""
    return list(dict.fromkeys(review.item_id for review in user.reviews if review.item_id))


def known_items(
    profiles: Sequence[InterestProfile], reviewed: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Return for each profile's user the items reviewed; else those that the profile was made from.

    Args:
        profiles: of users.
        reviewed: the items of those users of whom reviews are given.
    """
    return {one.user_id: reviewed.get(one.user_id, one.reviewed) for one in profiles}


def say_unknown(known: Mapping[str, Sequence[str]], catalogue: Catalogue) -> None:
    """Say where none of the items that people reviewed is in the catalogue: none is left out.

    Args:
        known: the items that each user has reviewed.
        catalogue: an opened index; a database, asked for each item by itself, is not looked into.
    """
    if not isinstance(catalogue, ContentIndex):
        return
    items = dict.fromkeys(chain.from_iterable(known.values()))
    if items and not any(item_id in catalogue.entries for item_id in items):
        log.warning(
            "none of the %d items that %d users have reviewed is in the index, so none is left "
            "out: do reviews and index have the same item ids?",
            len(items),
            sum(map(bool, known.values())),
        )


def n_users(reviewed: Mapping[str, Sequence[str]]) -> Counter[str]:
    """Return how many users have reviewed each item."""
    return Counter(chain.from_iterable(reviewed.values()))
