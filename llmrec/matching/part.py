"""What every part of a score keeps to: one person in, a score for each item out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llmrec.matching.profile_match import Taste
from llmrec.matching.similarity import Float64
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.reviews import Review


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What may be known of one user when items are scored.

    Attributes:
        user_id: who it is.
        reviews: the user's history, oldest first.
        positions: (n,) intp, the rows of the reviewed items in the catalogue, oldest first; an
            item stands there once for each review about it, and may be missing from the catalogue.
        profile: made from these reviews, or None.
        taste: the profile's interests, embedded, or None.
    """

    user_id: str
    reviews: tuple[Review, ...]
    positions: NDArray[np.intp]
    profile: InterestProfile | None = None
    taste: Taste | None = None

    @classmethod
    def of(
        cls,
        history: UserReviews,
        positions: Mapping[str, int],
        profile: InterestProfile | None = None,
        taste: Taste | None = None,
    ) -> "Person":
        """Make a person of a history.

        Args:
            history: the reviews that may be seen, none of those held out.
            positions: the row of each item id in the catalogue.
            profile: made from the history.
            taste: its interests, embedded.
        """
        item_ids = (review.item_id for review in history.reviews)
        known = [positions[i] for i in item_ids if i is not None and i in positions]
        return cls(
            user_id=history.user_id,
            reviews=history.reviews,
            positions=np.array(known, np.intp),
            profile=profile,
            taste=taste,
        )

    @classmethod
    def of_profile(
        cls, profile: InterestProfile | None, positions: Mapping[str, int], taste: Taste | None
    ) -> "Person":
        """Make a person of a profile, whose sources are the reviews; their texts stay unknown.

        Args:
            profile: None for a typed sentence.
            positions: the row of each item id in the catalogue.
            taste: its interests, or the sentence, embedded.
        """
        sources = () if profile is None else profile.sources
        item_ids = (source.item_id for source in sources)
        known = [positions[i] for i in item_ids if i is not None and i in positions]
        return cls(
            user_id="" if profile is None else profile.user_id,
            reviews=(),
            positions=np.array(known, np.intp),
            profile=profile,
            taste=taste,
        )


class Part(Protocol):
    """One way to score a whole catalogue; alone it is a baseline, with others a part of a score."""

    def scores(self, person: Person) -> Float64:
        """Score every item for one person.

        Returns:
            (n_items,) float64, finite, higher is better, the caller's own; all equal where the
            part knows nothing of this person.
        """
        ...
