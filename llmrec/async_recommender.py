"""The whole way, for async code: reviews, an interest profile, a ranked list."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from llmrec.chat_stages import SHORTLIST, ChatStages, Explaining, open_stages, required
from llmrec.embedder_opening import embedder_of_index
from llmrec.errors import SettingsError
from llmrec.indexing import choice_of, make_index
from llmrec.llm.billing import Billing
from llmrec.llm.embedder import Embedder
from llmrec.llm.openai_client import Server
from llmrec.llm.recorded import LiveChatModel
from llmrec.matching.bank import Bank
from llmrec.matching.bank_choice import BankInUse, BankName
from llmrec.matching.catalogue import (
    Catalogue,
    bank_of,
    folder_index,
    open_catalogue,
)
from llmrec.matching.embedding import LOCAL, EmbedderChoice
from llmrec.matching.first_stage import FirstStage
from llmrec.matching.fused_match import FusedMatch
from llmrec.matching.profile_match import MatchingName
from llmrec.matching.weights import read_weights
from llmrec.opening import Mode, ServerChoice, live_chat, open_chat, open_receipts, open_server
from llmrec.profiling.run import ExtractionRun
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation
from llmrec.records.reviews import Item, Review
from llmrec.records.splits import Split
from llmrec.reranking.reranking import DEFAULT_OPTIONS, RerankOptions

DEFAULT_SERVER = ServerChoice()
NO_STAGES = ChatStages()


class AsyncRecommender:
    """Makes profiles and recommends the items of one index.

    ``Recommender`` has an ordinary twin of every method here, which explains it.

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
        servers: Sequence[Server | None] = (),
        fused: FusedMatch | None = None,
    ) -> None:
        self.catalogue = catalogue
        self._first_stage = FirstStage(catalogue, embedder, fused)
        self._embedder = embedder
        self._stages = stages
        self._servers = tuple(server for server in servers if server is not None)

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        chat: str | None = None,
        calls: str | Path | None = None,
        mode: Mode = "default",
        live: LiveChatModel | None = None,
        server: ServerChoice | Server = DEFAULT_SERVER,
        embed_server: ServerChoice | Server | None = None,
        vectors: str | Path | None = None,
        prompts: str | Path | None = None,
        rating_max: float = 5,
        sampling: Mapping[str, Any] | None = None,
        rerank_options: RerankOptions = DEFAULT_OPTIONS,
        weights: str | Path | None = None,
        histories: Iterable[UserReviews] = (),
    ) -> Self:
        """Open an index.

        Args:
            folder: the index, made by ``llmrec index`` or ``Recommender.index``: a folder, or
                ``postgres://…``.
            chat: name of the chat model that makes profiles, reranks and explains; None to match
                only.
            calls: the call log; needed with ``chat``. Calls for vectors are noted in it.
            mode: ``default`` reuses what is recorded and calls for the rest, ``replay`` never
                calls, ``fresh`` always calls.
            live: a chat model of your own to call, in place of ``server``'s.
            server: where chat models are called; by default as the environment says. One that
                ``open_server`` has opened may have a budget.
            embed_server: where ``openai:`` embedders are called; None for ``server``.
            vectors: recorded vectors, beside those in the index.
            prompts: a folder of one's own prompts.
            rating_max: top of the rating scale.
            sampling: further fields of each chat request (``temperature``, ``seed``…); nothing
                is sent that is not set.
            rerank_options: how lists are reranked, where that is asked for.
            weights: of several parts, as ``llmrec fit`` wrote them; None for the match with the
                interests alone.
            histories: with ``weights``: everybody's reviews, for what is popular and what is
                reviewed together (``read_users``).

        Raises:
            InputError, IndexMismatch: a file cannot be used.
            SettingsError: settings are missing or contradict each other.
        """
        catalogue = open_catalogue(folder)
        billing = Billing(receipts=open_receipts(calls, mode))
        chat_server = open_server(server, billing=billing)
        vector_server = open_server(embed_server, billing=billing) if embed_server else chat_server
        opened = embedder_of_index(catalogue, vectors, mode, vector_server)
        opened.close()  # folds in the vectors that were recorded before this
        embedder = opened.embedder
        servers = (chat_server, vector_server)
        fused = None
        if weights is not None:
            given = read_weights(weights).of(catalogue.manifest.model)
            fused = FusedMatch(folder_index(catalogue), given, histories)
        if chat is None:
            return cls(catalogue, embedder, servers=servers, fused=fused)
        if calls is None:
            raise SettingsError("chat= needs calls=, the file that its calls are recorded in")
        stages = open_stages(
            open_chat(calls, mode, live or live_chat(chat_server)),
            chat,
            catalogue,
            rating_max=rating_max,
            rerank_options=rerank_options,
            prompts=prompts,
            sampling=sampling,
        )
        return cls(catalogue, embedder, stages, servers, fused)

    @classmethod
    async def aindex(
        cls,
        items: Iterable[Item],
        folder: str | Path,
        *,
        embedder: str | EmbedderChoice = LOCAL,
        server: ServerChoice | Server = DEFAULT_SERVER,
        vectors: str | Path | None = None,
        mode: Mode = "default",
        bank: Bank | None = None,
    ) -> Self:
        """Async twin of ``index``."""
        await make_index(
            items, folder, choice_of(embedder), open_server(server), vectors, mode, bank
        )
        return cls.open(folder, server=server, vectors=vectors, mode=mode)

    async def aprofile(self, reviews: Iterable[Review]) -> InterestProfile:
        """Async twin of ``profile``."""
        extractor = required(self._stages.extractor)
        return (await extractor.extract(UserReviews.of(reviews))).profile

    def extraction(self, split: Split | None = None, concurrency: int = 8) -> ExtractionRun:
        """Return a run that makes the profiles of many users, several at once.

        Args:
            split: which reviews a profile may see; None for all.
            concurrency: number of users asked about at once.

        Raises:
            SettingsError: no chat model was named.
        """
        return ExtractionRun(required(self._stages.extractor), split, concurrency)

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
        if rerank:
            required(self._stages.reranker)
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
        """Return the bank for a run of many users, whose own interests may be it.

        Args:
            name: which one.
            profiles: of the whole run.
            matching: that it is for.

        Raises:
            SettingsError: there is no such bank.
            RecordingMissing: a vector is not recorded, and none may be made.
        """
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
            raise SettingsError(f"the bank is for other matching: use abank(matching={matching!r})")
        return bank


def _left_out(
    profile: InterestProfile, by_user: Mapping[str, Collection[str]] | None
) -> Collection[str]:
    return profile.reviewed if by_user is None else by_user.get(profile.user_id, ())
