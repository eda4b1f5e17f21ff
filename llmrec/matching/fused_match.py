"""One person against a catalogue by a score of several parts, and what brought each item."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from llmrec.matching.best_matches import MAX_BECAUSE, MIN_SHARE
from llmrec.matching.block_scoring import Positions
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.fused_list import FusedList
from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Part, Person
from llmrec.matching.part_material import PartMaterial
from llmrec.matching.profile_match import Taste, TasteScores, score_similarities
from llmrec.matching.score_parts import BANK_PARTS, CROWD_PARTS, PARTS, PartName
from llmrec.matching.scoring import FusedScores, Score
from llmrec.matching.similarity import HubStatistics, exact_cosines, shares
from llmrec.matching.top_k import top_k
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Because, ScoredItem

log = logging.getLogger(__name__)


class FusedMatch:
    """Ranks an index by several parts and their weights.

    Args:
        index: the catalogue.
        weights: by part; a part of weight 0 is not built.
        histories: what of everybody's reviews may be counted; where these know nothing of the
            index, the parts that rest on other people are left out, which is said in the log.

    Attributes:
        lacking: of how many of those matched each part knew nothing: their score is without it.
    """

    def __init__(
        self,
        index: ContentIndex,
        weights: Mapping[PartName, float],
        histories: Iterable[UserReviews] = (),
    ) -> None:
        self._index = index
        self._positions = {item.item_id: row for row, item in enumerate(index.items)}
        self._interactions = Interactions.of(histories, self._positions)
        used = {name: weight for name, weight in weights.items() if weight > 0}
        why, unknown = _unknown(self._interactions)
        lacking = [name for name in unknown if used.pop(name, 0)]
        if lacking:
            log.warning("%s: scored without %s", why, ", ".join(lacking))
        self._weights = used
        self.lacking: Counter[PartName] = Counter()

    def match(
        self,
        profile: InterestProfile | None,
        taste: Taste,
        hub: HubStatistics,
        k: int,
        left_out: Collection[str] = (),
        only: Positions | None = None,
    ) -> FusedList:
        """Return the k items of the highest score.

        Args:
            profile: of the person; its sources are the items reviewed. None for a typed sentence.
            taste: the profile's interests, embedded; there may be none.
            hub: the items' statistics over the bank in use.
            k: how many items.
            left_out: ids of items not to be returned.
            only: positions of the only items that may be returned; None for all.
        """
        person = Person.of_profile(profile, self._positions, taste)
        fused = Score(self._parts(hub), self._weights, len(self._index)).fused(person)
        self.lacking.update(name for name in self._weights if name not in fused.contributions)
        if not fused.contributions:
            return FusedList((), ())
        hidden = self._index.positions(left_out)
        if only is not None:
            hidden += np.setdiff1d(np.arange(len(self._index)), only).tolist()
        best = top_k(fused.scores, k, hidden).tolist()
        of_taste = _of_taste(taste, self._index, hub, best)
        items = tuple(
            ScoredItem(
                item_id=self._index.items[place].item_id,
                title=self._index.items[place].title,
                rank=place_in_list + 1,
                score=float(fused.scores[place]),
                because=_largest(_because(fused.shares(place), taste, of_taste, place_in_list)),
                penalty=_penalty(fused, of_taste, place_in_list),
            )
            for place_in_list, place in enumerate(best)
        )
        return FusedList(items, tuple(fused.contributions))

    def _parts(self, hub: HubStatistics) -> dict[PartName, Part]:
        """Return the parts in use; only those that know the bank are made anew."""
        material = self._material(hub)
        of_bank = {name: PARTS[name](material) for name in self._weights if name in BANK_PARTS}
        return {**of_bank, **self._lasting}

    @cached_property
    def _lasting(self) -> dict[PartName, Part]:
        material = self._material(None)
        return {name: PARTS[name](material) for name in self._weights if name not in BANK_PARTS}

    def _material(self, hub: HubStatistics | None) -> PartMaterial:
        return PartMaterial(
            items=self._index.items,
            interactions=self._interactions,
            vectors=self._index.rows,
            hub=hub,
        )


def _unknown(interactions: Interactions) -> tuple[str, Sequence[PartName]]:
    """Say what other people's reviews lack, and which parts so know nothing of anybody."""
    if not interactions.n_users:
        return "no reviews are given", CROWD_PARTS
    if not len(interactions.items):
        return "no review is about an item of the catalogue", CROWD_PARTS
    if not interactions.is_shared:
        return "nobody has reviewed two items of the catalogue", ("ease",)
    return "", ()


def _of_taste(
    taste: Taste, index: ContentIndex, hub: HubStatistics, best: list[int]
) -> TasteScores:
    """Return what a taste makes of the items of a list alone."""
    rows = np.array(best, np.intp)
    return score_similarities(taste, exact_cosines(taste.queries, index.rows[rows]), hub.at(rows))


def _because(
    parts: Mapping[PartName, float], taste: Taste, scored: TasteScores, place: int
) -> Iterator[Because]:
    """Yield the share of every part in an item's score, that of the match by interest."""
    for name, share in parts.items():
        if name != "profile-hub" or not len(scored.likes):
            yield Because(part=name, share=share)
            continue
        likes = [one for one, liked in zip(taste.names, taste.is_like, strict=True) if liked]
        weights = taste.weights[taste.is_like]
        portions = shares(scored.likes[:, [place]], weights, scored.temperature).ravel().tolist()
        for like, portion in zip(likes, portions, strict=True):
            yield Because(interest=like, share=share * portion)


def _largest(found: Iterable[Because]) -> tuple[Because, ...]:
    kept = [one for one in found if one.share >= MIN_SHARE]
    return tuple(sorted(kept, key=lambda one: -one.share)[:MAX_BECAUSE])


def _penalty(fused: FusedScores, scored: TasteScores, place: int) -> float:
    """Return what dislikes took from an item's score, in the unit of that score."""
    return float(scored.penalty[place]) * sum(fused.per_unit.get(name, 0) for name in BANK_PARTS)
