"""Profiles of many users, and what became of each."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import takewhile

from llmrec.errors import (
    ChatError,
    ChatRejected,
    ChatUnavailable,
    LLMRecError,
    RecordingMissing,
    ReplyInvalid,
    Stopped,
)
from llmrec.llm.in_order import in_order
from llmrec.profiling.extraction import Extraction, Extractor
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.splits import Split

log = logging.getLogger(__name__)

_GIVEN_UP_AFTER = 3
"""Users for whom the server did not answer, each begun after it had failed the one before."""


@dataclass(slots=True)
class ExtractionRun:
    """Makes the profiles of many users, several at once, and counts.

    Attributes:
        extractor: makes each profile.
        split: which reviews a profile may see; None for all.
        concurrency: number of users asked about at once.
        on_stop: called when the run stops early; ``Server.stop`` ends the waits between attempts.
        users: number of users so far.
        made: number of profiles.
        dropped: interests left out, by reason.
        failed: why there is no profile, by user.
        stopped: whether it was asked to stop, or does of itself.
    """

    extractor: Extractor
    split: Split | None = None
    concurrency: int = 1
    on_stop: Callable[[], None] | None = None
    users: int = 0
    made: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    _unanswered: int = 0

    def stop(self) -> None:
        """Make no further call: those under way are finished and recorded first."""
        self.stopped = True
        self.extractor.meter.stop()
        if self.on_stop is not None:
            self.on_stop()

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
        missing: list[RecordingMissing] = []
        seen: set[str] = set()
        begun = takewhile(lambda _: not self.stopped, users)
        async with aclosing(in_order(self._outcome, begun, self.concurrency)) as outcomes:
            async for user_id, outcome in outcomes:
                seen.add(user_id)
                if isinstance(outcome, Extraction):
                    self.made += 1
                    self.dropped += outcome.dropped
                    yield outcome.profile
                elif isinstance(outcome, RecordingMissing):
                    missing.append(outcome)
                elif not isinstance(outcome, Stopped):
                    self.failed[user_id] = str(outcome)
                    log.error("user %s: no profile: %s", user_id, outcome)
        if self.split is not None and not self.stopped:
            self.split.require(seen)
        if missing:
            raise RecordingMissing([m for error in missing for m in error.missing], missing[0].hint)

    async def _outcome(self, user: UserReviews) -> tuple[str, Extraction | LLMRecError]:
        """Return what became of a user: a profile, or the error that fails this user alone."""
        self.users += 1
        unanswered = self._unanswered
        try:
            made = await self._extracted(user)
        except (RecordingMissing, Stopped) as error:
            self.users -= isinstance(error, Stopped)
            return user.user_id, error
        except ChatUnavailable as error:
            self._unanswered += unanswered == self._unanswered
            self._end_if(self._unanswered == _GIVEN_UP_AFTER, error)
            return user.user_id, error
        except (ChatError, ReplyInvalid) as error:
            self._unanswered = 0
            self._end_if(isinstance(error, ChatRejected) and error.of_any_request, error)
            return user.user_id, error
        self._unanswered = 0
        return user.user_id, made

    def _end_if(self, hopeless: bool, error: Exception) -> None:
        """Stop and raise where nobody else would fare better."""
        if hopeless:
            self.stop()
            raise error

    async def _extracted(self, user: UserReviews) -> Extraction:
        if self.split is None:
            return await self.extractor.extract(user)
        history = self.split.history(user)
        return await self.extractor.extract(history, self.split.digests[user.user_id])
