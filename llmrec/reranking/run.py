"""Lists of many users, and what became of each."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from llmrec.llm.metering import MeteredChatModel
from llmrec.llm.user_run import UserRun
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation, Repairs

ListOf = Callable[[InterestProfile], Coroutine[Any, Any, Recommendation]]


class ListRun(UserRun[InterestProfile, Recommendation]):
    """Makes the lists of many users, several at once, and counts.

    Args:
        make: makes the list of one user.
        meters: count the calls that ``make`` makes.
        concurrency: number of users whose lists are made at once.

    Attributes:
        made: number of lists.
        reranked: of them, put in order by the model; None where none was to be.
        repairs: what was put right in its replies.
        explanations: number of explanations, by source.
        failed: why there is no list, by user.
        stopped: whether it was asked to stop, or does of itself.
    """

    def __init__(
        self, make: ListOf, meters: Sequence[MeteredChatModel] = (), concurrency: int = 1
    ) -> None:
        super().__init__("list", meters, concurrency, on_stop=None)
        self.reranked: int | None = None
        self.repairs = Repairs()
        self.explanations: Counter[str] = Counter()
        self._make_list = make

    async def lists(self, profiles: Iterable[InterestProfile]) -> AsyncIterator[Recommendation]:
        """Yield the lists in the order of the profiles; who fails is named in ``failed``.

        Raises:
            RecordingMissing: at the end, naming every recording that was missing.
            ChatError: the server would refuse every other user too, or did not answer for
                three users, each begun after it had failed the one before.
        """
        async with aclosing(self._results(profiles)) as results:
            async for listed in results:
                yield self._counted(listed)

    async def _make(self, profile: InterestProfile) -> Recommendation:
        return await self._make_list(profile)

    @staticmethod
    def _user_id(profile: InterestProfile) -> str:
        return profile.user_id

    def _counted(self, listed: Recommendation) -> Recommendation:
        self.made += 1
        if listed.reranked is not None:
            self.reranked = (self.reranked or 0) + listed.reranked
        self.repairs += listed.repairs or Repairs()
        self.explanations.update(
            item.explanation.source for item in listed if item.explanation is not None
        )
        return listed
