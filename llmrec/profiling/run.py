"""Profiles of many users, and what became of each."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing

from llmrec.errors import Stopped
from llmrec.llm.user_run import UserRun
from llmrec.profiling.extraction import Extraction, Extractor
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.splits import Split


class ExtractionRun(UserRun[UserReviews, Extraction]):
    """Makes the profiles of many users, several at once, and counts.

    Args:
        extractor: makes each profile.
        split: which reviews a profile may see; None for all.
        concurrency: number of users asked about at once.
        on_stop: called when the run stops early; ``Server.stop`` ends the waits between attempts.

    Attributes:
        extractor: as given.
        split: as given.
        users: number of users so far.
        made: number of profiles.
        untitled: number of reviews about an item that the catalogue does not have.
        dropped: interests left out, by reason.
        failed: why there is no profile, by user.
        stopped: whether it was asked to stop, or does of itself.
    """

    def __init__(
        self,
        extractor: Extractor,
        split: Split | None = None,
        concurrency: int = 1,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        super().__init__("profile", [extractor.meter], concurrency, on_stop)
        self.extractor = extractor
        self.split = split
        self.users = 0
        self.untitled = 0
        self.dropped: Counter[str] = Counter()
        self._seen: set[str] = set()

    async def profiles(self, users: Iterable[UserReviews]) -> AsyncIterator[InterestProfile]:
        """Yield the profiles in the order of the users; who fails is named in ``failed``.

        Args:
            users: read as far as there is room for them.

        Raises:
            RecordingMissing: at the end, naming every recording that was missing.
            ChatError: the server would refuse every other user too, or did not answer for
                three users, each begun after it had failed the one before.
            InputError: the split does not belong to these reviews.
        """
        self._seen.clear()
        async with aclosing(self._results(users)) as results:
            async for extraction in results:
                self.made += 1
                self.dropped += extraction.dropped
                yield extraction.profile

    async def _make(self, user: UserReviews) -> Extraction:
        self.users += 1
        self._seen.add(user.user_id)
        try:
            history = user if self.split is None else self.split.history(user)
            self.untitled += self.extractor.n_untitled(history)
            digest = None if self.split is None else self.split.digests[user.user_id]
            return await self.extractor.extract(history, digest)
        except Stopped:
            self.users -= 1
            raise

    @staticmethod
    def _user_id(user: UserReviews) -> str:
        return user.user_id

    def _check_end(self) -> None:
        if self.split is not None and not self.stopped:
            self.split.require(self._seen)
