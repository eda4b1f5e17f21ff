"""Chat calls for many users, several at once, and what became of each user."""

import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from itertools import takewhile
from typing import Generic, TypeVar

from llmrec.errors import (
    ChatError,
    ChatRejected,
    ChatUnavailable,
    LLMRecError,
    NoHistory,
    RecordingMissing,
    ReplyInvalid,
    Stopped,
)
from llmrec.llm.in_order import in_order
from llmrec.llm.metering import MeteredChatModel

T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger(__name__)

_GIVEN_UP_AFTER = 3
"""Users for whom the server did not answer, each begun after it had failed the one before."""


class UserRun(ABC, Generic[T, R]):
    """Makes one result for each of many users; a user who fails does not fail the others.

    Args:
        what: the name of a result, for messages.
        meters: count the calls that are made.
        concurrency: number of users whose results are made at once.
        on_stop: called when the run stops early; ``Server.stop`` ends the waits between attempts.

    Attributes:
        concurrency: as given.
        on_stop: as given.
        meters: as given.
        made: number of results.
        failed: why there is no result, by user.
        stopped: whether it was asked to stop, or does of itself.
    """

    def __init__(
        self,
        what: str,
        meters: Sequence[MeteredChatModel],
        concurrency: int,
        on_stop: Callable[[], None] | None,
    ) -> None:
        self.meters = meters
        self.concurrency = concurrency
        self.on_stop = on_stop
        self.made = 0
        self.failed: dict[str, str] = {}
        self.stopped = False
        self._what = what
        self._unanswered = 0

    def stop(self) -> None:
        """Make no further call: those under way are finished and recorded first."""
        self.stopped = True
        for meter in self.meters:
            meter.stop()
        if self.on_stop is not None:
            self.on_stop()

    @abstractmethod
    async def _make(self, element: T) -> R:
        """Make the result of one user."""

    @staticmethod
    @abstractmethod
    def _user_id(element: T) -> str:
        """Say whose an element is."""

    async def _results(self, elements: Iterable[T]) -> AsyncGenerator[R, None]:
        """Yield the results in the order of the elements; who fails is named in ``failed``.

        Raises:
            RecordingMissing: at the end, naming every recording that was missing.
            ChatError: the server would refuse every other user too, or did not answer for
                three users, each begun after it had failed the one before.
        """
        missing: list[RecordingMissing] = []
        begun = takewhile(lambda _: not self.stopped, elements)
        async with aclosing(in_order(self._outcome, begun, self.concurrency)) as outcomes:
            async for user_id, result, error in outcomes:
                if result is not None:
                    yield result
                elif isinstance(error, RecordingMissing):
                    missing.append(error)
                elif not isinstance(error, Stopped):
                    self.failed[user_id] = str(error)
                    log.error("user %s: no %s: %s", user_id, self._what, error)
        self._check_end()
        if missing:
            raise RecordingMissing([m for error in missing for m in error.missing], missing[0].hint)

    def _check_end(self) -> None:
        """Raise where something is wrong that shows only when everybody has had a turn."""

    async def _outcome(self, element: T) -> tuple[str, R | None, LLMRecError | None]:
        """Return what became of a user: a result, or the error that fails this user alone."""
        user_id = self._user_id(element)
        unanswered = self._unanswered
        try:
            made = await self._make(element)
        except (NoHistory, RecordingMissing, Stopped) as error:
            return user_id, None, error
        except ChatUnavailable as error:
            self._unanswered += unanswered == self._unanswered
            self._end_if(self._unanswered == _GIVEN_UP_AFTER, error)
            return user_id, None, error
        except (ChatError, ReplyInvalid) as error:
            self._unanswered = 0
            self._end_if(isinstance(error, ChatRejected) and error.of_any_request, error)
            return user_id, None, error
        self._unanswered = 0
        return user_id, made, None

    def _end_if(self, hopeless: bool, error: Exception) -> None:
        """Stop and raise where nobody else would fare better."""
        if hopeless:
            self.stop()
            raise error
