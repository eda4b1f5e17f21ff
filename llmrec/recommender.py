"""The whole way: a person's reviews, an interest profile, a ranked list."""

from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from llmrec.async_recommender import DEFAULT_SERVER, AsyncRecommender
from llmrec.chat_stages import Explaining
from llmrec.llm.embedder import Embedder
from llmrec.matching.bank import Bank
from llmrec.matching.bank_choice import BankInUse, BankName
from llmrec.matching.embedding import LOCAL, EmbedderChoice
from llmrec.matching.profile_match import MatchingName
from llmrec.opening import Mode, ServerChoice
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation
from llmrec.records.reviews import Item, Review
from llmrec.waiting import wait_for

if TYPE_CHECKING:
    from llmrec.llm.openai_client import Server

T = TypeVar("T")


class Recommender(AsyncRecommender):
    """Makes profiles and recommends the items of one index.

    ``Recommender.open`` opens an index that was made by ``llmrec index`` or ``Recommender.index``.
    Methods whose name begins with ``a`` are the async twins of the others.
    """

    @classmethod
    def index(
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
        """Make the index of a catalogue and open it, to recommend for ready profiles.

        Args:
            items: the catalogue.
            folder: where the index is to be: a folder, or ``postgres://…``. Of one that is there
                already what is still the same is used again, its stored bank too.
            embedder: ``local``, ``lexical`` or ``openai:MODEL[,PASSAGE_MODEL]``; an
                ``EmbedderChoice`` adds prefixes. An object of your own is to be given to ``open``
                again.
            server: where ``openai:`` embedders are called. One that ``open_server`` has opened
                may have a budget; ``plan_index`` says before what it costs.
            vectors: recorded vectors; new ones are added to them. Without, what a server or an
                object made is kept in the folder until the index is complete.
            mode: ``replay`` allows recorded vectors only.
            bank: kept in the index (``bank_of_profiles``, ``bank_of_reviews``).

        Raises:
            InputError: the catalogue or a file cannot be used, or an object gave other than a unit
                row a text.
            SettingsError: there is no such embedder.
            RecordingMissing: replaying, and a vector is not recorded.
            BudgetExceeded: the next call could pass the server's budget; the same again, with a
                larger one, goes on from there.
        """
        return wait_for(
            cls.aindex(
                items,
                folder,
                embedder=embedder,
                server=server,
                vectors=vectors,
                mode=mode,
                bank=bank,
            )
        )

    def profile(self, reviews: Iterable[Review]) -> InterestProfile:
        """Return the checked interest profile of one user's reviews.

        Raises:
            InputError: there are no reviews, or they are of several users.
            SettingsError: no chat model was named.
            ChatError, ReplyInvalid, RecordingMissing: no usable answer.
        """
        return self._wait(self.aprofile(reviews))

    def recommend(
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
        """Return the k items that fit a profile best, the first three of them explained.

        Args:
            profile: of one user.
            k: how many items.
            matching: ``hub`` corrects for items that are near to everything; ``hub-by-language``
                also for what it adds to a cosine that query and item have one language;
                ``cosine`` does not.
            bank: what the correction rests on; ``auto`` is the bank stored in the index, else
                the index's own. One from ``bank`` serves many users of one run.
            left_out: ids of items not to be recommended; None for those of the profile's
                sources.
            only: ids of the only items that may be recommended (``allowed_items``); None for all.
            diversity: how much the items should differ, in [0, 1): above 0 each is chosen from the
                best 100 for being good and unlike those before it (``diverse_order``).
            rerank: let the chat model put the best 20 (or k, if more) in order first.
            recent: ids of the items chosen so far, oldest first, which the model is shown the
                last ten of; None for those of the profile's sources.
            explain: ``model`` (or True) lets the chat model say why, ``composed`` puts together
                what is known without a model, ``none`` (or False) leaves explanations out.

        Raises:
            SettingsError: the index has no such bank, or no chat model was named.
            RecordingMissing: a vector or a call is not recorded, and none may be made.
            ChatUnavailable, ChatRejected: the chat model gave no answer.
        """
        return self._wait(
            self.arecommend(
                profile,
                k,
                matching=matching,
                bank=bank,
                left_out=left_out,
                only=only,
                diversity=diversity,
                rerank=rerank,
                recent=recent,
                explain=explain,
            )
        )

    def recommend_many(
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
        """Return the k items that fit each profile best; the catalogue is read once for all.

        Each list has the items that ``recommend`` gives with that bank, without explanations:
        ``finish`` adds them.

        Args:
            profiles: of the users.
            k: how many items for each.
            matching: as for ``recommend``.
            bank: as for ``recommend``.
            left_out: by user, ids of items not to be recommended; None for those of the profiles'
                sources.
            only: as for ``recommend``.
            diversity: as for ``recommend``.
            depth: how many are returned for a reranker to choose from, k or more; None for k.

        Raises:
            SettingsError: the index has no such bank.
            RecordingMissing: a vector is not recorded, and none may be made.
        """
        return self._wait(
            self.arecommend_many(
                profiles,
                k,
                matching=matching,
                bank=bank,
                left_out=left_out,
                only=only,
                diversity=diversity,
                depth=depth,
            )
        )

    def finish(
        self,
        matched: Recommendation,
        profile: InterestProfile,
        k: int = 10,
        *,
        rerank: bool = False,
        recent: Sequence[str] | None = None,
        explain: Explaining | bool = "composed",
    ) -> Recommendation:
        """Rerank and explain a list that ``recommend_many`` made, as ``recommend`` does.

        Args:
            matched: the list; for a reranker longer than k.
            profile: whose list it is.
            k: how many items are kept after reranking.
            rerank: as for ``recommend``.
            recent: as for ``recommend``.
            explain: as for ``recommend``.

        Raises:
            SettingsError: there is no chat model, and one is needed.
            ChatError: the chat model gave no answer.
        """
        return self._wait(
            self.afinish(matched, profile, k, rerank=rerank, recent=recent, explain=explain)
        )

    def recommend_for(
        self,
        text: str,
        k: int = 10,
        *,
        matching: MatchingName = "hub",
        bank: BankName | BankInUse = "auto",
        only: Collection[str] | None = None,
        diversity: float = 0.0,
    ) -> Recommendation:
        """Return the k items that fit a sentence best, without any profile.

        Args:
            text: what somebody would like, in a sentence.
            k: how many items.
            matching: as for ``recommend``.
            bank: as for ``recommend``.
            only: as for ``recommend``.
            diversity: as for ``recommend``.

        Raises:
            InputError: the sentence is blank.
            RecordingMissing: its vector is not recorded, and none may be made.
        """
        return self._wait(
            self.arecommend_for(
                text, k, matching=matching, bank=bank, only=only, diversity=diversity
            )
        )

    def bank(
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
        return self._wait(self.abank(name, profiles, matching=matching))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        async def run() -> T:
            try:
                return await work
            finally:
                await self.aclose()

        return wait_for(run())
