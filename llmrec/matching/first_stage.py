"""The first stage: a profile or a sentence becomes a ranked list, and what is unusual is said."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank_choice import ChosenBank
from llmrec.matching.best_matches import match
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.fused_match import FusedList, FusedMatch
from llmrec.matching.profile_match import Taste, embedded_taste
from llmrec.matching.vocabulary import Vocabulary
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation


class FirstStage:
    """Ranks the items of an index without asking a chat model.

    Args:
        index: the catalogue.
        embedder: of that index, for queries.
        fused: ranks by several parts; None for the match with the interests alone.
    """

    def __init__(
        self, index: ContentIndex, embedder: Embedder, fused: FusedMatch | None = None
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._fused = fused
        self._vocabulary = Vocabulary(index)

    async def for_profile(
        self,
        profile: InterestProfile,
        k: int,
        bank: ChosenBank | None,
        left_out: Collection[str],
        depth: int | None = None,
    ) -> Recommendation:
        """Return the items that fit a profile best.

        Args:
            profile: of one user.
            k: how many are wanted; that there are fewer is said.
            bank: corrects for hubs; None for plain cosine of the likes.
            left_out: ids of items not to be returned.
            depth: how many are returned, k or more; None for k.

        Raises:
            SettingsError: plain cosine, where several parts are added up.
            RecordingMissing: a vector is not recorded, and none may be made.
        """
        interests = profile.interests
        taste = await embedded_taste(interests, self._embedder) if interests else None
        ranked = self._ranked(profile, taste, depth or k, bank, left_out)
        reasons = list(_about_profile(profile, ranked, plain=bank is None))
        if ranked.items or not reasons:
            reasons += self._about_list(ranked, k, [interest.query for interest in interests])
        return Recommendation(
            user_id=profile.user_id,
            bank=bank.kind if bank else None,
            reason="; ".join(reasons) or None,
            recommendations=ranked.items,
        )

    async def for_sentence(self, text: str, k: int, bank: ChosenBank | None) -> Recommendation:
        """Return the k items that fit a sentence best.

        Raises:
            InputError: the sentence is blank.
            SettingsError, RecordingMissing: as for ``for_profile``.
        """
        taste = Taste(
            names=(text,),
            weights=np.ones(1),
            is_like=np.ones(1, bool),
            queries=await self._embedder.embed([text], "query"),
        )
        ranked = self._ranked(None, taste, k, bank, ())
        return Recommendation(
            like=text,
            bank=bank.kind if bank else None,
            reason="; ".join(self._about_list(ranked, k, [text])) or None,
            recommendations=ranked.items,
        )

    def _ranked(
        self,
        profile: InterestProfile | None,
        taste: Taste | None,
        depth: int,
        bank: ChosenBank | None,
        left_out: Collection[str],
    ) -> FusedList:
        if self._fused is None:
            usable = taste is not None and (bank is not None or taste.is_like.any())
            if taste is None or not usable:
                return FusedList((), ())
            return FusedList(match(taste, self._index, bank, depth, left_out), ("profile-hub",))
        if bank is None:
            raise SettingsError(
                "plain cosine is no part of a score with weights: leave out --matching cosine, "
                "or the weights"
            )
        return self._fused.match(profile, taste, bank.hub, depth, left_out)

    def _about_list(self, ranked: FusedList, k: int, texts: Sequence[str]) -> Iterator[str]:
        """Yield what is unusual about a list."""
        if texts and not self._vocabulary.has_any(texts):
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
    elif not profile.interests:
        yield what
    elif plain:
        yield f"{what}, and plain cosine goes by likes alone"
    else:
        yield f"{what}: least disliked items first"
