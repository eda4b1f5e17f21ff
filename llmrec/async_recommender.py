"""The whole way, for async code: reviews, an interest profile, a ranked list."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from llmrec.errors import SettingsError
from llmrec.llm.embedder import Embedder
from llmrec.llm.openai_client import Server
from llmrec.llm.prompts import load_prompt
from llmrec.llm.recorded import LiveChatModel
from llmrec.matching.bank import Bank
from llmrec.matching.bank_choice import BankInUse, BankName
from llmrec.matching.catalogue import (
    Catalogue,
    bank_of,
    best_of,
    build_catalogue,
    open_catalogue,
)
from llmrec.matching.embedding import LOCAL, EmbedderChoice
from llmrec.matching.profile_match import MatchingName, Taste, embedded_taste
from llmrec.opening import (
    Mode,
    ServerChoice,
    embedder_of_index,
    embedder_to_index,
    live_chat,
    open_chat,
    open_server,
)
from llmrec.profiling.extraction import PLACEHOLDERS, PROMPT_NAME, Extractor
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation
from llmrec.records.reviews import Item, Review

DEFAULT_SERVER = ServerChoice()


class AsyncRecommender:
    """Makes profiles and recommends the items of one index.

    ``Recommender`` has an ordinary twin of every method here, which explains it.

    Args:
        catalogue: the opened index.
        embedder: of that index, for queries.
        extractor: makes profiles; None for a recommender of ready profiles.
        servers: that the two call; closed with ``aclose``.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        embedder: Embedder,
        extractor: Extractor | None = None,
        servers: Sequence[Server | None] = (),
    ) -> None:
        self.catalogue = catalogue
        self._embedder = embedder
        self._extractor = extractor
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
        server: ServerChoice = DEFAULT_SERVER,
        embed_server: ServerChoice | None = None,
        vectors: str | Path | None = None,
        prompts: str | Path | None = None,
        rating_max: float = 5,
        sampling: Mapping[str, Any] | None = None,
    ) -> Self:
        """Open an index.

        Args:
            folder: the index, made by ``llmrec index`` or ``Recommender.index``: a folder, or
                ``postgres://…``.
            chat: name of the chat model that makes profiles; None to recommend only.
            calls: the call log; needed with ``chat``.
            mode: ``default`` reuses what is recorded and calls for the rest, ``replay`` never
                calls, ``fresh`` always calls.
            live: a chat model of your own to call, in place of ``server``'s.
            server: where chat models are called; by default as the environment says.
            embed_server: where ``openai:`` embedders are called; None for ``server``.
            vectors: recorded vectors, beside those in the index.
            prompts: a folder of one's own prompts.
            rating_max: top of the rating scale.
            sampling: further fields of each chat request (``temperature``, ``seed``…); nothing
                is sent that is not set.

        Raises:
            InputError, IndexMismatch: a file cannot be used.
            SettingsError: settings are missing or contradict each other.
        """
        catalogue = open_catalogue(folder)
        chat_server = open_server(server)
        vector_server = open_server(embed_server) if embed_server else chat_server
        opened = embedder_of_index(catalogue, vectors, mode, vector_server)
        opened.close()  # folds in the vectors that were recorded before this
        embedder = opened.embedder
        servers = (chat_server, vector_server)
        if chat is None:
            return cls(catalogue, embedder, servers=servers)
        if calls is None:
            raise SettingsError("chat= needs calls=, the file that its calls are recorded in")
        extractor = Extractor(
            chat=open_chat(calls, mode, live or live_chat(chat_server)),
            model=chat,
            prompt=load_prompt(PROMPT_NAME, PLACEHOLDERS, prompts),
            titles=catalogue.titles,
            rating_max=rating_max,
            sampling=sampling,
        )
        return cls(catalogue, embedder, extractor, servers)

    @classmethod
    async def aindex(
        cls,
        items: Iterable[Item],
        folder: str | Path,
        *,
        embedder: str | EmbedderChoice = LOCAL,
        server: ServerChoice = DEFAULT_SERVER,
        vectors: str | Path | None = None,
        mode: Mode = "default",
        bank: Bank | None = None,
    ) -> Self:
        """Async twin of ``index``."""
        choice = EmbedderChoice(embedder) if isinstance(embedder, str) else embedder
        opened_server = open_server(server)
        opened = embedder_to_index(choice, vectors, mode, opened_server)
        try:
            await build_catalogue(
                items,
                folder,
                opened.embedder,
                choice=choice,
                vectors=opened.vectors,
                stored=bank,
            )
        finally:
            opened.close()
            if opened_server is not None:
                await opened_server.aclose()
        return cls.open(folder, server=server, vectors=vectors, mode=mode)

    async def aprofile(self, reviews: Iterable[Review]) -> InterestProfile:
        """Async twin of ``profile``."""
        if self._extractor is None:
            raise SettingsError("no chat model: open the index with chat= and calls=")
        return (await self._extractor.extract(UserReviews.of(reviews))).profile

    async def arecommend(
        self,
        profile: InterestProfile,
        k: int = 10,
        *,
        matching: MatchingName = "hub",
        bank: BankName | BankInUse = "auto",
        left_out: Collection[str] | None = None,
    ) -> Recommendation:
        """Async twin of ``recommend``."""
        chosen = await self._chosen(matching, bank)
        if left_out is None:
            left_out = {source.item_id for source in profile.sources if source.item_id}
        unusable = not profile.interests or (matching == "cosine" and not profile.likes)
        return Recommendation(
            user_id=profile.user_id,
            bank=chosen.kind if chosen else None,
            reason=_reason(profile, matching),
            recommendations=()
            if unusable
            else best_of(
                self.catalogue,
                await embedded_taste(profile.interests, self._embedder),
                chosen,
                k,
                left_out,
            ),
        )

    async def arecommend_for(
        self,
        text: str,
        k: int = 10,
        *,
        matching: MatchingName = "hub",
        bank: BankName | BankInUse = "auto",
    ) -> Recommendation:
        """Async twin of ``recommend_for``."""
        chosen = await self._chosen(matching, bank)
        taste = Taste(
            names=(text,),
            weights=np.ones(1),
            is_like=np.ones(1, bool),
            queries=await self._embedder.embed([text], "query"),
        )
        return Recommendation(
            like=text,
            bank=chosen.kind if chosen else None,
            recommendations=best_of(self.catalogue, taste, chosen, k),
        )

    async def abank(
        self, name: BankName = "auto", profiles: Collection[InterestProfile] = ()
    ) -> BankInUse:
        """Return the bank for a run of many users, whose own interests may be it.

        Raises:
            SettingsError: there is no such bank.
            RecordingMissing: a vector is not recorded, and none may be made.
        """
        return await bank_of(self.catalogue, name, self._embedder, tuple(profiles))

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the sync methods do it themselves."""
        for server in self._servers:
            await server.aclose()

    async def _chosen(self, matching: MatchingName, bank: BankName | BankInUse) -> BankInUse | None:
        if matching == "cosine":
            return None
        return bank if not isinstance(bank, str) else await self.abank(bank)


def _reason(profile: InterestProfile, matching: MatchingName) -> str | None:
    if profile.likes:
        return None
    if not profile.interests:
        return "the profile has no interests"
    if matching == "cosine":
        return "the profile has no likes, and plain cosine goes by likes alone"
    return "the profile has no likes: least disliked items first"
