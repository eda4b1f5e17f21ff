"""Lists of many users, for whom the catalogue is read together; each is finished by itself."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from llmrec.async_lists import AsyncLists
from llmrec.chat_stages import SHORTLIST, ChatStages, Explaining
from llmrec.cli.lists import bank_of_run, plan_interests
from llmrec.errors import ChatError, RecordingMissing
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank_choice import BankInUse, BankName
from llmrec.matching.profile_match import MatchingName
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation
from llmrec.reranking.run import ListRun

_TOGETHER = 256
"""Users for whom the catalogue is read once."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What lists are asked for."""

    k: int
    matching: MatchingName
    bank: BankName
    only: Collection[str] | None
    diversity: float
    rerank: bool = False
    explain: Explaining = "composed"


async def list_for(recommender: AsyncLists, like: str, wish: Wish) -> Recommendation:
    """Return the list for a typed sentence, and close what was called."""
    try:
        return await recommender.arecommend_for(
            like,
            wish.k,
            matching=wish.matching,
            bank=await bank_of_run(recommender, wish.bank, wish.matching),
            only=wish.only,
            diversity=wish.diversity,
        )
    finally:
        await recommender.aclose()


async def matched_lists(
    recommender: AsyncLists,
    embedder: Embedder,
    stages: ChatStages,
    wish: Wish,
    run: Sequence[InterestProfile],
    wanted: Sequence[InterestProfile],
    known: Mapping[str, Sequence[str]],
) -> ListRun:
    """Return the run that makes the lists.

    Raises:
        PromptError: a prompt of a stage that is wished for cannot be used.
    """
    meters = stages.open(rerank=wish.rerank, explain=wish.explain)
    try:
        chosen = await bank_of_run(recommender, wish.bank, wish.matching, run)
    finally:
        plan_interests(embedder, wanted, _TOGETHER)
    matched = _Matched(recommender, wish, chosen, wanted, known)

    async def make(profile: InterestProfile) -> Recommendation:
        return await recommender.afinish(
            await matched.of(profile),
            profile,
            wish.k,
            rerank=wish.rerank,
            recent=known[profile.user_id],
            explain=wish.explain,
        )

    return ListRun(make, meters)


class _Matched:
    """The first stage's lists, made for many users at a time as long as none of them fails."""

    def __init__(
        self,
        recommender: AsyncLists,
        wish: Wish,
        bank: BankName | BankInUse,
        wanted: Sequence[InterestProfile],
        known: Mapping[str, Sequence[str]],
    ) -> None:
        self._recommender = recommender
        self._wish = wish
        self._bank = bank
        self._wanted = wanted
        self._places = {profile.user_id: place for place, profile in enumerate(wanted)}
        self._known = known
        self._together = _TOGETHER
        self._made: dict[str | None, Recommendation] = {}
        self._turn = asyncio.Lock()

    async def of(self, profile: InterestProfile) -> Recommendation:
        """Return the list of one of the wanted users, and forget it."""
        async with self._turn:
            if profile.user_id not in self._made:
                await self._make_from(self._places[profile.user_id])
            return self._made.pop(profile.user_id)

    async def _make_from(self, place: int) -> None:
        """Make the lists of the user at a place and of those after; of that user alone, if need be.

        Who fails must not fail the others: after an error everybody is matched alone.
        """
        try:
            lists = await self._match(self._wanted[place : place + self._together])
        except (RecordingMissing, ChatError):
            if self._together == 1:
                raise
            self._together = 1
            lists = await self._match(self._wanted[place : place + 1])
        self._made.update((listed.user_id, listed) for listed in lists)

    async def _match(self, profiles: Sequence[InterestProfile]) -> list[Recommendation]:
        return await self._recommender.arecommend_many(
            profiles,
            self._wish.k,
            matching=self._wish.matching,
            bank=self._bank,
            left_out=self._known,
            only=self._wish.only,
            diversity=self._wish.diversity,
            depth=max(SHORTLIST, self._wish.k) if self._wish.rerank else None,
        )
