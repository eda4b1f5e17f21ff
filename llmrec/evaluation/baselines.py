"""The systems that an evaluation compares, by name: baselines, and the profile match itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from llmrec.errors import SettingsError
from llmrec.evaluation.baselines_naive import Random, RecentCategory, TieBreak
from llmrec.evaluation.cross_fitted import CrossFitted
from llmrec.evaluation.material import Material
from llmrec.matching.history import ItemMean, ItemNeighbours
from llmrec.matching.lexical import TextMatch, text_of_reviews
from llmrec.matching.part import Part
from llmrec.matching.popularity import HALF_LIFE_DAYS
from llmrec.matching.profile_part import ProfileMatch
from llmrec.matching.score_parts import PARTS, WITHOUT_LLM, PartName
from llmrec.matching.scoring import Score

Need = Literal["reviews", "index", "profiles", "weights"]

BY_LANGUAGE: Final = "profile-hub-by-language"
ON_REQUEST: Final = (BY_LANGUAGE,)
"""Systems that are compared only where they are named: options, and no baselines."""


@dataclass(frozen=True, slots=True)
class System:
    """One way to rank a catalogue.

    Attributes:
        name: as ``--systems`` takes it.
        what: a line about it.
        needs: what must be given, beside the catalogue.
        build: makes it; raises SettingsError where the material lacks what it needs.
    """

    name: str
    what: str
    needs: frozenset[Need]
    build: Callable[[Material], Part]

    @property
    def needs_llm(self) -> bool:
        """Whether it rests on profiles, which a chat model writes."""
        return "profiles" in self.needs


def named_systems(names: Iterable[str]) -> tuple[System, ...]:
    """Return the systems of these names, in this order, each once.

    Raises:
        SettingsError: there is none of a name.
    """
    chosen = tuple(dict.fromkeys(names))
    for name in chosen:
        if name not in SYSTEMS:
            raise SettingsError(f"no system {name!r}: there are {', '.join(SYSTEMS)}")
    return tuple(SYSTEMS[name] for name in chosen)


def _system(name: str, what: str, build: Callable[[Material], Part], *needs: Need) -> System:
    return System(name, what, frozenset(needs), build)


def _part(name: PartName, what: str, *needs: Need) -> System:
    """Return a part of a score, alone."""
    return _system(name, what, PARTS[name], *needs)


def _fused(given: Material, names: Iterable[PartName]) -> Part:
    parts = {name: PARTS[name](given) for name in names}
    return CrossFitted(parts, given.known_labels, len(given.items))


def _weighted(given: Material) -> Part:
    if given.weights is None:
        raise SettingsError("this system scores with fitted weights: give them (--weights WEIGHTS)")
    parts = {name: PARTS[name](given) for name, weight in given.weights.items() if weight > 0}
    return Score(parts, given.weights, len(given.items))


_ALL = (
    _system(
        "random",
        "the catalogue in random order",
        lambda given: Random(len(given.items), given.seed),
    ),
    _part(
        "popularity",
        "number of users who reviewed the item",
        "reviews",
    ),
    _part(
        "popularity-decayed",
        f"the same, a review counting half after {HALF_LIFE_DAYS:g} days",
        "reviews",
    ),
    _system(
        "recent-category",
        "items sharing the most categories with the item reviewed last, by popularity",
        lambda given: RecentCategory(given.items, given.popularity),
        "reviews",
    ),
    _system(
        "item-neighbours",
        "cosine of co-occurrence with the items reviewed (Sarwar et al. 2001)",
        lambda given: ItemNeighbours(given.interactions),
        "reviews",
    ),
    _system(
        "ease",
        "linear item-to-item model in closed form, λ = 50 (Steck 2019)",
        lambda given: TieBreak(PARTS["ease"](given), given.popularity),
        "reviews",
    ),
    _system(
        "tfidf-reviews",
        "TF-IDF cosine of the raw review texts and the item texts",
        lambda given: TextMatch(given.tf_idf, text_of_reviews),
        "reviews",
    ),
    _part(
        "tfidf-items",
        "TF-IDF cosine of the reviewed items' texts and the item texts",
        "reviews",
    ),
    _system(
        "bm25-reviews",
        "BM25 of the raw review texts over the item texts",
        lambda given: TextMatch(given.bm25, text_of_reviews),
        "reviews",
    ),
    _system(
        "bm25-items",
        "BM25 of the reviewed items' texts over the item texts",
        lambda given: TextMatch(given.bm25, given.text_of_items),
        "reviews",
    ),
    _system(
        "item-mean",
        "similarity to the mean vector of the reviewed items",
        lambda given: ItemMean(given.rows),
        "reviews",
        "index",
    ),
    _part(
        "item-mean-hub",
        "the same, corrected for hubs over the catalogue",
        "reviews",
        "index",
    ),
    _system(
        "profile-cosine",
        "plain cosine of the likes, soft maximum at t = .01",
        lambda given: ProfileMatch(given.rows),
        "index",
        "profiles",
    ),
    _part(
        "profile-hub",
        "likes and dislikes corrected for hubs, as recommended by default",
        "index",
        "profiles",
    ),
    _system(
        BY_LANGUAGE,
        "the same, corrected also for what language adds to a cosine",
        lambda given: ProfileMatch(given.rows, given.known_language_hub),
        "index",
        "profiles",
    ),
    _part(
        "profile-tfidf",
        "TF-IDF cosine of the likes and the item texts, soft maximum at t = .05",
        "profiles",
    ),
    _system(
        "fused-without-llm",
        "parts that need no profile, weights fitted on the other people",
        lambda given: _fused(given, WITHOUT_LLM),
        "reviews",
        "index",
    ),
    _system(
        "fused",
        "the same with the profile",
        lambda given: _fused(given, PARTS),
        "reviews",
        "index",
        "profiles",
    ),
    _system(
        "weighted",
        "the same with weights that were given, as recommended with --weights",
        _weighted,
        "reviews",
        "index",
        "profiles",
        "weights",
    ),
)

SYSTEMS: Final = {system.name: system for system in _ALL}
"""Every system by its name, in the order of a table."""
