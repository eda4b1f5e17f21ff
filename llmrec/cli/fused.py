"""Opening what ranks by several parts."""

from collections.abc import Mapping

from llmrec.evaluation.material import visible_reviews
from llmrec.matching.catalogue import Catalogue, folder_index
from llmrec.matching.fused_match import FusedMatch
from llmrec.matching.weights import read_weights
from llmrec.records.grouping import read_users
from llmrec.records.splits import Split


def open_fused(
    weights: str,
    catalogue: Catalogue,
    reviews: str | None,
    split: Split | None,
    columns: Mapping[str, str],
    rating_max: float,
    skip_bad_rows: bool,
) -> FusedMatch:
    """Return what ranks by several parts; under a split nothing that is held out is counted."""
    given = read_weights(weights).of(catalogue.manifest.model)
    index = folder_index(catalogue)
    if reviews is None:
        return FusedMatch(index, given)
    users = read_users(reviews, columns=columns, rating_max=rating_max, skip_bad_rows=skip_bad_rows)
    return FusedMatch(index, given, visible_reviews(users, split) if split else users)
