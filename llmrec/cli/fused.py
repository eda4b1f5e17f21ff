"""Opening what ranks by several parts."""

from collections.abc import Iterable, Iterator, Mapping

from llmrec.cli.reviewed import reviewed_items
from llmrec.evaluation.material import visible_reviews
from llmrec.matching.catalogue import Catalogue, folder_index
from llmrec.matching.fused_match import FusedMatch
from llmrec.matching.weights import read_weights
from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.splits import Split


def open_fused(
    weights: str,
    catalogue: Catalogue,
    reviews: str | None,
    split: Split | None,
    columns: Mapping[str, str],
    rating_max: float,
    skip_bad_rows: bool,
) -> tuple[FusedMatch, dict[str, list[str]] | None]:
    """Return what ranks by several parts, and the items that each user has reviewed, if known.

    Reviews are read once. Under a split nothing that is held out is counted, and the users are
    those in it.
    """
    given = read_weights(weights).of(catalogue.manifest.model)
    index = folder_index(catalogue)
    if reviews is None:
        return FusedMatch(index, given), None
    users = read_users(reviews, columns=columns, rating_max=rating_max, skip_bad_rows=skip_bad_rows)
    visible = visible_reviews(users, split) if split else users
    reviewed: dict[str, list[str]] = {}
    return FusedMatch(index, given, _noted(visible, split, reviewed)), reviewed


def _noted(
    users: Iterable[UserReviews], split: Split | None, reviewed: dict[str, list[str]]
) -> Iterator[UserReviews]:
    """Yield users, and note the items of those that lists may be made for."""
    for user in users:
        if split is None or user.user_id in split.lines:
            reviewed[user.user_id] = reviewed_items(user)
        yield user
