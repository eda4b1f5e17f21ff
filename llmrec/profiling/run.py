"""Profiles of many users, and what became of each."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from llmrec.errors import (
    ChatError,
    ChatRejected,
    ChatUnavailable,
    RecordingMissing,
    ReplyInvalid,
    Stopped,
)
from llmrec.profiling.extraction import Extractor
from llmrec.records.grouping import UserReviews
from llmrec.records.profile import InterestProfile
from llmrec.records.splits import Split

log = logging.getLogger(__name__)

_GIVEN_UP_AFTER = 3
"""Users in a row for whom the server did not answer."""


@dataclass(slots=True)
class ExtractionRun:
    """Makes the profiles of many users, and counts.

    Attributes:
        extractor: makes each profile.
        split: which reviews a profile may see; None for all.
        users: number of users so far.
        made: number of profiles.
        dropped: interests left out, by reason.
        failed: why there is no profile, by user.
        stopped: whether it was asked to stop.
    """

    extractor: Extractor
    split: Split | None = None
    users: int = 0
    made: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False

    def stop(self) -> None:
        """Make no further call: the one under way is finished and recorded first."""
        self.stopped = True
        self.extractor.meter.stop()

    async def profiles(self, users: Iterable[UserReviews]) -> AsyncIterator[InterestProfile]:
        """Yield the profile of each user; a user who fails is named in ``failed``.

        Raises:
            RecordingMissing: at the end, naming every recording that was missing.
            ChatError: the server would refuse every other user too, or did not answer for
                several users in a row.
            InputError: the split does not belong to these reviews.
        """
        missing: list[RecordingMissing] = []
        seen: set[str] = set()
        unavailable = 0
        for user in users:
            if self.stopped:
                break
            self.users += 1
            seen.add(user.user_id)
            try:
                yield await self._profile(user)
                unavailable = 0
            except Stopped:
                self.users -= 1
                break
            except RecordingMissing as error:
                missing.append(error)
            except (ChatError, ReplyInvalid) as error:
                unavailable = unavailable + 1 if isinstance(error, ChatUnavailable) else 0
                if unavailable == _GIVEN_UP_AFTER or _of_any_request(error):
                    raise
                self.failed[user.user_id] = str(error)
                log.error("user %s: no profile: %s", user.user_id, error)
        if self.split is not None and not self.stopped:
            self.split.require(seen)
        if missing:
            raise RecordingMissing([m for error in missing for m in error.missing], missing[0].hint)

    async def _profile(self, user: UserReviews) -> InterestProfile:
        digest = None
        if self.split is not None:
            user, digest = self.split.history(user), self.split.digests[user.user_id]
        made = await self.extractor.extract(user, digest)
        self.made += 1
        self.dropped += made.dropped
        return made.profile


def _of_any_request(error: Exception) -> bool:
    return isinstance(error, ChatRejected) and error.of_any_request
