"""The parts that a score is put together from, by name."""

from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal

from llmrec.matching.history import Ease, ItemMean, catalogue_hub
from llmrec.matching.lexical import InterestTextMatch, TextMatch
from llmrec.matching.part import Part
from llmrec.matching.part_material import PartMaterial
from llmrec.matching.popularity import HALF_LIFE_DAYS, Popularity
from llmrec.matching.profile_part import Dislikes, ProfileMatch

PartName = Literal[
    "profile-hub",
    "dislikes",
    "profile-tfidf",
    "item-mean-hub",
    "tfidf-items",
    "popularity",
    "popularity-decayed",
    "ease",
]

BANK_PARTS: Final[tuple[PartName, ...]] = ("profile-hub", "dislikes")
"""Those that are corrected over the bank in use."""

PROFILE_PARTS: Final = ("profile-hub", "dislikes", "profile-tfidf")
"""Those that rest on a profile."""

CROWD_PARTS: Final[tuple[PartName, ...]] = ("popularity", "popularity-decayed", "ease")
"""Those that rest on what other people reviewed."""

PARTS: Final[Mapping[PartName, Callable[[PartMaterial], Part]]] = {
    "profile-hub": lambda given: ProfileMatch(given.rows, given.bank_hub),
    "dislikes": lambda given: Dislikes(given.rows, given.bank_hub),
    "profile-tfidf": lambda given: InterestTextMatch(given.tf_idf),
    "item-mean-hub": lambda given: ItemMean(given.rows, catalogue_hub(given.rows)),
    "tfidf-items": lambda given: TextMatch(given.tf_idf, given.text_of_items),
    "popularity": lambda given: given.popularity,
    "popularity-decayed": lambda given: Popularity(given.interactions, HALF_LIFE_DAYS),
    "ease": lambda given: Ease(given.interactions),
}
"""Every part, the one that stands best alone first: see ``default_weights``."""

WITHOUT_LLM: Final = tuple(name for name in PARTS if name not in PROFILE_PARTS)
"""Those that need no profile, which a chat model writes."""


def default_weights(names: Collection[PartName]) -> dict[PartName, float]:
    """Return the weights of these parts where nothing was fitted: the first stands alone.

    Fixed weights of several parts lose about as often as they gain (docs/scoring.md).
    """
    first = next(name for name in PARTS if name in names)
    return {name: float(name == first) for name in PARTS if name in names}
