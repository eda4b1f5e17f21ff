"""Lists of many users, each by one or more calls, and what became of each."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from llmrec.errors import (
    ChatError,
    ChatRejected,
    ChatUnavailable,
    RecordingMissing,
    Stopped,
)
from llmrec.llm.metering import MeteredChatModel
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation, Repairs

log = logging.getLogger(__name__)

_GIVEN_UP_AFTER = 3
"""Users in a row for whom the server did not answer."""

ListOf = Callable[[InterestProfile], Awaitable[Recommendation]]


@dataclass(slots=True)
class ListRun:
    """Makes the lists of many users, and counts.

    Attributes:
        make: makes the list of one user.
        meter: counts the calls that ``make`` makes.
        made: number of lists.
        reranked: of them, put in order by the model.
        repairs: what was put right in its replies.
        failed: why there is no list, by user.
        stopped: whether it was asked to stop.
    """

    make: ListOf
    meter: MeteredChatModel
    made: int = 0
    reranked: int = 0
    repairs: Repairs = field(default_factory=Repairs)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False

    def stop(self) -> None:
        """Make no further call: the one under way is finished and recorded first."""
        self.stopped = True
        self.meter.stop()

    async def lists(self, profiles: Iterable[InterestProfile]) -> AsyncIterator[Recommendation]:
        """Yield the list of each user; a user who fails is named in ``failed``.

        Raises:
            RecordingMissing: at the end, naming every recording that was missing.
            ChatError: the server would refuse every other user too, or did not answer for
                several users in a row.
        """
        missing: list[RecordingMissing] = []
        unavailable = 0
        for profile in profiles:
            if self.stopped:
                break
            try:
                yield self._counted(await self.make(profile))
                unavailable = 0
            except Stopped:
                break
            except RecordingMissing as error:
                missing.append(error)
            except ChatError as error:
                unavailable = unavailable + 1 if isinstance(error, ChatUnavailable) else 0
                if unavailable == _GIVEN_UP_AFTER or _of_any_request(error):
                    raise
                self.failed[profile.user_id] = str(error)
                log.error("user %s: no list: %s", profile.user_id, error)
        if missing:
            raise RecordingMissing([m for error in missing for m in error.missing], missing[0].hint)

    def _counted(self, listed: Recommendation) -> Recommendation:
        self.made += 1
        self.reranked += listed.reranked is True
        self.repairs += listed.repairs or Repairs()
        return listed


def _of_any_request(error: Exception) -> bool:
    return isinstance(error, ChatRejected) and error.of_any_request
