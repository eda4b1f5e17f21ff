"""Lists of many users, and what became of each."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from llmrec.errors import (
    ChatError,
    ChatRejected,
    ChatUnavailable,
    LLMRecError,
    RecordingMissing,
    Stopped,
)
from llmrec.llm.in_order import in_order
from llmrec.llm.metering import MeteredChatModel
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation, Repairs

log = logging.getLogger(__name__)

_GIVEN_UP_AFTER = 3
"""Users for whom the server did not answer, each begun after it had failed the one before."""

ListOf = Callable[[InterestProfile], Coroutine[Any, Any, Recommendation]]


@dataclass(slots=True)
class ListRun:
    """Makes the lists of many users, several at once, and counts.

    Attributes:
        make: makes the list of one user.
        meters: count the calls that ``make`` makes.
        concurrency: number of users whose lists are made at once.
        on_stop: called when the run stops early; it ends the waits between attempts.
        made: number of lists.
        reranked: of them, put in order by the model.
        repairs: what was put right in its replies.
        explanations: number of explanations, by source.
        failed: why there is no list, by user.
        stopped: whether it was asked to stop, or does of itself.
    """

    make: ListOf
    meters: Sequence[MeteredChatModel] = ()
    concurrency: int = 1
    on_stop: Callable[[], None] | None = None
    made: int = 0
    reranked: int = 0
    repairs: Repairs = field(default_factory=Repairs)
    explanations: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    _unanswered: int = 0

    def stop(self) -> None:
        """Make no further call: those under way are finished and recorded first."""
        self.stopped = True
        for meter in self.meters:
            meter.stop()
        if self.on_stop is not None:
            self.on_stop()

    async def lists(self, profiles: Iterable[InterestProfile]) -> AsyncIterator[Recommendation]:
        """Yield the lists in the order of the profiles; who fails is named in ``failed``.

        Raises:
            RecordingMissing: at the end, naming every recording that was missing.
            ChatError: the server would refuse every other user too, or did not answer for
                three users, each begun after it had failed the one before.
        """
        missing: list[RecordingMissing] = []
        begun = takewhile(lambda _: not self.stopped, profiles)
        async with aclosing(in_order(self._outcome, begun, self.concurrency)) as outcomes:
            async for user_id, outcome in outcomes:
                if isinstance(outcome, Recommendation):
                    yield self._counted(outcome)
                elif isinstance(outcome, RecordingMissing):
                    missing.append(outcome)
                elif not isinstance(outcome, Stopped):
                    self.failed[user_id] = str(outcome)
                    log.error("user %s: no list: %s", user_id, outcome)
        if missing:
            raise RecordingMissing([m for error in missing for m in error.missing], missing[0].hint)

    async def _outcome(self, profile: InterestProfile) -> tuple[str, Recommendation | LLMRecError]:
        """Return what became of a user: a list, or the error that fails this user alone."""
        unanswered = self._unanswered
        try:
            made = await self.make(profile)
        except (RecordingMissing, Stopped) as error:
            return profile.user_id, error
        except ChatUnavailable as error:
            self._unanswered += unanswered == self._unanswered
            self._end_if(self._unanswered == _GIVEN_UP_AFTER, error)
            return profile.user_id, error
        except ChatError as error:
            self._unanswered = 0
            self._end_if(isinstance(error, ChatRejected) and error.of_any_request, error)
            return profile.user_id, error
        self._unanswered = 0
        return profile.user_id, made

    def _end_if(self, hopeless: bool, error: ChatError) -> None:
        """Stop and raise where nobody else would fare better."""
        if hopeless:
            self.stop()
            raise error

    def _counted(self, listed: Recommendation) -> Recommendation:
        self.made += 1
        self.reranked += listed.reranked is True
        self.repairs += listed.repairs or Repairs()
        self.explanations.update(
            item.explanation.source for item in listed if item.explanation is not None
        )
        return listed
