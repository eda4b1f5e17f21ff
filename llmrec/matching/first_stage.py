"""The first stage: a profile or a sentence becomes a ranked list, and what is unusual is said."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from llmrec.errors import InputError, SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank_choice import BankInUse, ChosenBank
from llmrec.matching.catalogue import Catalogue, best_items_of, folder_index, positions_of
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.diversity import SHORTLIST, check_diversity, diverse_items
from llmrec.matching.fused_list import FusedList
from llmrec.matching.profile_match import Taste, embedded_tastes
from llmrec.matching.vocabulary import Vocabulary
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation
from llmrec.records.writing import language

if TYPE_CHECKING:
    from llmrec.matching.fused_match import FusedMatch


class FirstStage:
    """Ranks the items of an index without asking a chat model.

    Args:
        catalogue: an opened index.
        embedder: of that index, for queries.
        fused: ranks by several parts; None for the match with the interests alone.
    """

    def __init__(
        self, catalogue: Catalogue, embedder: Embedder, fused: "FusedMatch | None" = None
    ) -> None:
        self._catalogue = catalogue
        self._embedder = embedder
        self._fused = fused
        # A database is not read through to say that it has no word of a text.
        self._vocabulary = Vocabulary(catalogue) if isinstance(catalogue, ContentIndex) else None

    async def for_profiles(
        self,
        profiles: Sequence[InterestProfile],
        k: int,
        bank: BankInUse | None,
        left_out: Sequence[Collection[str]],
        only: Collection[str] | None = None,
        depth: int | None = None,
        diversity: float = 0.0,
    ) -> list[Recommendation]:
        """Return for each profile the items that fit it best.

        Args:
            profiles: each of one user.
            k: how many are wanted; that there are fewer is said.
            bank: corrects for hubs; None for plain cosine of the likes.
            left_out: for each profile, ids of items not to be returned.
            only: ids of the only items that may be returned; None for all.
            depth: how many are returned, k or more; None for k.
            diversity: in [0, 1), how much the items of a list should differ (``diverse_order``).

        Raises:
            InputError: the diversity is not such.
            SettingsError: plain cosine, where several parts are added up.
            RecordingMissing: a vector is not recorded, and none may be made.
        """
        interests = [profile.interests for profile in profiles]
        tastes = await embedded_tastes(interests, self._embedder)
        ranked = self._ranked(profiles, tastes, depth or k, bank, left_out, only, diversity)
        return [
            Recommendation(
                user_id=profile.user_id,
                bank=bank.kind if bank else None,
                reason="; ".join(self._reasons(profile, found, k, plain=bank is None)) or None,
                recommendations=found.items,
            )
            for profile, found in zip(profiles, ranked, strict=True)
        ]

    async def for_sentence(
        self,
        text: str,
        k: int,
        bank: BankInUse | None,
        only: Collection[str] | None = None,
        diversity: float = 0.0,
    ) -> Recommendation:
        """Return the k items that fit a sentence best.

        Raises:
            InputError: the sentence is blank, or the diversity is not in [0, 1).
            SettingsError, RecordingMissing: as for ``for_profiles``.
        """
        if not text.strip():
            raise InputError(
                f"a sentence of what somebody likes is expected, came a blank one: {text!r}"
            )
        taste = Taste(
            names=(text,),
            weights=np.ones(1),
            is_like=np.ones(1, bool),
            queries=await self._embedder.embed([text], "query"),
            languages=(language(text),),
        )
        (found,) = self._ranked([None], [taste], k, bank, [()], only, diversity)
        return Recommendation(
            like=text,
            bank=bank.kind if bank else None,
            reason="; ".join(self._about_list(found, k, [text])) or None,
            recommendations=found.items,
        )

    def _ranked(
        self,
        profiles: Sequence[InterestProfile | None],
        tastes: Sequence[Taste],
        depth: int,
        bank: BankInUse | None,
        left_out: Sequence[Collection[str]],
        only: Collection[str] | None,
        diversity: float,
    ) -> list[FusedList]:
        check_diversity(diversity)
        if diversity == 0:
            return self._scored(profiles, tastes, depth, bank, left_out, only)
        index = folder_index(self._catalogue)
        best = self._scored(profiles, tastes, max(depth, SHORTLIST), bank, left_out, only)
        return [
            FusedList(diverse_items(one.items, index, depth, diversity), one.parts) for one in best
        ]

    def _scored(
        self,
        profiles: Sequence[InterestProfile | None],
        tastes: Sequence[Taste],
        depth: int,
        bank: BankInUse | None,
        left_out: Sequence[Collection[str]],
        only: Collection[str] | None,
    ) -> list[FusedList]:
        if self._fused is None:
            return self._matched(tastes, depth, bank, left_out, only)
        if not isinstance(bank, ChosenBank):
            raise SettingsError(
                "plain cosine is no part of a score with weights: leave out --matching cosine, "
                "or the weights"
            )
        allowed = positions_of(folder_index(self._catalogue), only)
        return [
            self._fused.match(profile, taste, bank.hub, depth, ids, allowed)
            for profile, taste, ids in zip(profiles, tastes, left_out, strict=True)
        ]

    def _matched(
        self,
        tastes: Sequence[Taste],
        depth: int,
        bank: BankInUse | None,
        left_out: Sequence[Collection[str]],
        only: Collection[str] | None,
    ) -> list[FusedList]:
        """Return the match with the interests alone; none for who has none to go by."""
        usable = [
            place
            for place, taste in enumerate(tastes)
            if taste.is_like.any() or (bank is not None and len(taste.names))
        ]
        found = best_items_of(
            self._catalogue,
            [tastes[place] for place in usable],
            bank,
            depth,
            [left_out[place] for place in usable],
            only,
        )
        lists = dict(zip(usable, found, strict=True))
        return [
            FusedList(lists[place], ("profile-hub",)) if place in lists else FusedList((), ())
            for place in range(len(tastes))
        ]

    def _reasons(
        self, profile: InterestProfile, ranked: FusedList, k: int, *, plain: bool
    ) -> Iterator[str]:
        yield from _about_profile(profile, ranked, plain=plain)
        if ranked.parts or (profile.interests and not plain):
            texts = [interest.query for interest in profile.interests]
            yield from self._about_list(ranked, k, texts)

    def _about_list(self, ranked: FusedList, k: int, texts: Sequence[str]) -> Iterator[str]:
        """Yield what is unusual about a list."""
        if not ranked.parts:
            yield "no part of the score tells the items apart"
            return
        if texts and self._vocabulary and not self._vocabulary.has_any(texts):
            yield "no word of the interests stands in the catalogue"
        if not ranked.items:
            yield "no item is left to recommend"
        elif len(ranked.items) < k:
            yield "no more items are left to recommend"


def _about_profile(profile: InterestProfile, ranked: FusedList, *, plain: bool) -> Iterator[str]:
    """Yield what is unusual about a profile, and what is ranked by instead."""
    if profile.likes:
        return
    what = "the profile has no likes" if profile.interests else "the profile has no interests"
    others = [name for name in ranked.parts if name != "profile-hub"]
    if others:
        yield f"{what}: ranked by {', '.join(ranked.parts)}"
    elif ranked.parts:
        yield f"{what}: least disliked items first"
    elif plain and profile.interests:
        yield f"{what}, and plain cosine goes by likes alone"
    else:
        yield what
