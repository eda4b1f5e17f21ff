"""The whole way, for async code: reviews, an interest profile, a ranked list."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from llmrec.async_lists import AsyncLists
from llmrec.chat_opening import live_chat, open_chat
from llmrec.embedder_opening import embedder_of_index, needs_server
from llmrec.errors import SettingsError
from llmrec.indexing import make_index
from llmrec.llm.billing import Billing
from llmrec.llm.calls import CallLog
from llmrec.llm.embedder import Embedder
from llmrec.llm.recorded import LiveChatModel
from llmrec.matching.bank import Bank
from llmrec.matching.catalogue import folder_index, open_catalogue
from llmrec.matching.embedding import LOCAL, EmbedderChoice
from llmrec.matching.fused_match import FusedMatch
from llmrec.matching.weights import read_weights
from llmrec.opening import Mode, ServerChoice, open_server
from llmrec.profiling.run import ExtractionRun
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.reviews import Item, Review
from llmrec.records.splits import Split
from llmrec.reranking.options import DEFAULT_OPTIONS, RerankOptions
from llmrec.stage_opening import open_stages

if TYPE_CHECKING:
    from llmrec.llm.openai_client import Server

DEFAULT_SERVER = ServerChoice()


class AsyncRecommender(AsyncLists):
    """Makes profiles and recommends the items of one index.

    ``Recommender`` has an ordinary twin of every method here, which explains it.
    """

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        chat: str | None = None,
        calls: str | Path | None = None,
        mode: Mode = "default",
        live: LiveChatModel | None = None,
        server: "ServerChoice | Server" = DEFAULT_SERVER,
        embed_server: "ServerChoice | Server | None" = None,
        embedder: Embedder | None = None,
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
            embedder: an object of your own that makes vectors as those of the index; None for the
                embedder that the index was made with, as far as it has a name.
            vectors: recorded vectors, beside those in the index.
            prompts: a folder of one's own prompts, of the stages that are used.
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
        if embedder is not None and embed_server is not None:
            raise SettingsError("embedder= or embed_server= is expected, came both")
        catalogue = open_catalogue(folder)
        receipts = None if calls is None or mode == "replay" else CallLog(calls)
        billing = Billing(receipts=receipts)
        chat_server = vector_server = None
        if chat is not None and live is None and mode != "replay":
            chat_server = open_server(server, billing=billing)
        if embedder is None and needs_server(catalogue) and mode != "replay":
            same = chat_server or server
            vector_server = open_server(embed_server or same, billing=billing)
        opened = embedder_of_index(catalogue, vectors, mode, vector_server, embedder)
        opened.close()  # folds in the vectors that were recorded before this
        servers = (chat_server, vector_server)
        fused = None
        if weights is not None:
            given = read_weights(weights).of(catalogue.manifest.model)
            fused = FusedMatch(folder_index(catalogue), given, histories)
        if chat is None:
            return cls(catalogue, opened.embedder, servers=servers, fused=fused)
        if calls is None:
            raise SettingsError("chat= needs calls=, the file that its calls are recorded in")
        stages = open_stages(
            open_chat(
                calls if receipts is None else receipts, mode, live or live_chat(chat_server)
            ),
            chat,
            catalogue,
            rating_max=rating_max,
            rerank_options=rerank_options,
            prompts=prompts,
            sampling=sampling,
        )
        return cls(catalogue, opened.embedder, stages, servers, fused)

    @classmethod
    async def aindex(
        cls,
        items: Iterable[Item],
        folder: str | Path,
        *,
        embedder: str | EmbedderChoice | Embedder = LOCAL,
        server: "ServerChoice | Server" = DEFAULT_SERVER,
        vectors: str | Path | None = None,
        mode: Mode = "default",
        bank: Bank | None = None,
    ) -> Self:
        """Async twin of ``index``."""
        choice = EmbedderChoice.of(embedder)
        await make_index(items, folder, choice, open_server(server), vectors, mode, bank)
        return cls.open(folder, server=server, embedder=choice.own, vectors=vectors, mode=mode)

    async def aprofile(self, reviews: Iterable[Review]) -> InterestProfile:
        """Async twin of ``profile``."""
        extracted = await self._stages.extractor().extract(UserReviews.of(reviews))
        return extracted.profile

    def extraction(self, split: Split | None = None, concurrency: int = 8) -> ExtractionRun:
        """Return a run that makes the profiles of many users, several at once.

        Args:
            split: which reviews a profile may see; None for all.
            concurrency: number of users asked about at once.

        Raises:
            SettingsError: no chat model was named.
            PromptError: its prompt cannot be used.
        """
        return ExtractionRun(self._stages.extractor(), split, concurrency)
