"""Ranked lists from one index, for async code."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from llmrec.chat_stages import SHORTLIST, ChatStages, Explaining
from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank_choice import BankInUse, BankName
from llmrec.matching.catalogue import Catalogue, bank_of
from llmrec.matching.first_stage import FirstStage
from llmrec.matching.profile_match import MatchingName
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation

if TYPE_CHECKING:
    from llmrec.llm.openai_client import Server
    from llmrec.matching.fused_match import FusedMatch

NO_STAGES = ChatStages()


class AsyncLists:
    """Recommends the items of one index for ready profiles.

    Args:
        catalogue: the opened index.
        embedder: of that index, for queries.
        stages: what a chat model does; none of it by default.
        servers: that these call; closed with ``aclose``.
        fused: ranks by several parts; None for the match with the interests alone.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        embedder: Embedder,
        stages: ChatStages = NO_STAGES,
        servers: "Sequence[Server | None]" = (),
        fused: "FusedMatch | None" = None,
    ) -> None:
        self.catalogue = catalogue
        self._first_stage = FirstStage(catalogue, embedder, fused)
        self._embedder = embedder
        self._stages = stages
        self._servers = tuple(server for server in servers if server is not None)

    async def arecommend(
        self,
        profile: InterestProfile,
        k: int = 10,
        *,
        matching: MatchingName = "hub",
        bank: BankName | BankInUse = "auto",
        left_out: Collection[str] | None = None,
        only: Collection[str] | None = None,
        diversity: float = 0.0,
        rerank: bool = False,
        recent: Sequence[str] | None = None,
        explain: Explaining | bool = "composed",
    ) -> Recommendation:
        """Async twin of ``recommend``."""
        self._stages.open(rerank=rerank, explain=explain)  # what they lack is said at once
        (matched,) = await self._first_stage.for_profiles(
            [profile],
            k,
            await self._chosen(matching, bank),
            [profile.reviewed if left_out is None else left_out],
            only,
            depth=max(SHORTLIST, k) if rerank else k,
            diversity=diversity,
        )
        return await self.afinish(
            matched, profile, k, rerank=rerank, recent=recent, explain=explain
        )

    async def arecommend_many(
        self,
        profiles: Sequence[InterestProfile],
        k: int = 10,
        *,
        matching: MatchingName = "hub",
        bank: BankName | BankInUse = "auto",
        left_out: Mapping[str, Collection[str]] | None = None,
        only: Collection[str] | None = None,
        diversity: float = 0.0,
        depth: int | None = None,
    ) -> list[Recommendation]:
        """Async twin of ``recommend_many``."""
        return await self._first_stage.for_profiles(
            profiles,
            k,
            await self._chosen(matching, bank),
            [_left_out(profile, left_out) for profile in profiles],
            only,
            depth,
            diversity,
        )

    async def afinish(
        self,
        matched: Recommendation,
        profile: InterestProfile,
        k: int = 10,
        *,
        rerank: bool = False,
        recent: Sequence[str] | None = None,
        explain: Explaining | bool = "composed",
    ) -> Recommendation:
        """Async twin of ``finish``."""
        return await self._stages.finish(
            matched,
            profile,
            k,
            self.catalogue.entries,
            rerank=rerank,
            recent=recent,
            explain=explain,
        )

    async def arecommend_for(
        self,
        text: str,
        k: int = 10,
        *,
        matching: MatchingName = "hub",
        bank: BankName | BankInUse = "auto",
        only: Collection[str] | None = None,
        diversity: float = 0.0,
    ) -> Recommendation:
        """Async twin of ``recommend_for``."""
        chosen = await self._chosen(matching, bank)
        return await self._first_stage.for_sentence(text, k, chosen, only, diversity)

    async def abank(
        self,
        name: BankName = "auto",
        profiles: Collection[InterestProfile] = (),
        *,
        matching: MatchingName = "hub",
    ) -> BankInUse:
        """Async twin of ``bank``."""
        return await bank_of(
            self.catalogue,
            name,
            self._embedder,
            tuple(profiles),
            by_language=matching == "hub-by-language",
        )

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the sync methods do it themselves."""
        for server in self._servers:
            await server.aclose()

    async def _chosen(self, matching: MatchingName, bank: BankName | BankInUse) -> BankInUse | None:
        if matching == "cosine":
            return None
        if isinstance(bank, str):
            return await self.abank(bank, matching=matching)
        if bank.by_language != (matching == "hub-by-language"):
            raise SettingsError(f"the bank is for other matching: use bank(matching={matching!r})")
        return bank


def _left_out(
    profile: InterestProfile, by_user: Mapping[str, Collection[str]] | None
) -> Collection[str]:
    return profile.reviewed if by_user is None else by_user.get(profile.user_id, ())
