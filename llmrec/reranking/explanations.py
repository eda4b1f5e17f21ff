"""Why each item was chosen, said by a chat model, checked, and composed where that fails."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmrec.errors import ChatIncomplete, RecordingMissing, ReplyInvalid
from llmrec.llm.chat import ChatModel, ChatRequest, checked_sampling
from llmrec.llm.metering import MeteredChatModel
from llmrec.llm.prompts import Prompt
from llmrec.llm.structured import Asker
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Explanation, Recommendation
from llmrec.records.reviews import Item
from llmrec.reranking.composing import EXPLAINED, compose, entry_of
from llmrec.reranking.explanation_checks import Checked, Checker, Refusal, parse_explanations
from llmrec.reranking.explanation_request import (
    asked_again,
    evidence_lines,
    explanations_format,
    review_labels,
)
from llmrec.reranking.rendering import candidate_labels, candidate_line

PROMPT_NAME = "explain"
PLACEHOLDERS = ("profile", "items")

_FOLLOW_UPS = 1


class Explainer:
    """Explains lists with one chat model, one prompt and one catalogue.

    Whatever the model replies, an explanation passed every check or is composed.

    Args:
        chat: answers the requests.
        model: the model's name in requests.
        prompt: with the placeholders ``$profile`` and ``$items``.
        items: by id, all that stand in lists or were reviewed.
        sampling: further fields of each request (``temperature``, ``seed``…).

    Attributes:
        meter: counts calls and tokens.
        refused: number of explanations that were not used, by reason.
    """

    def __init__(
        self,
        chat: ChatModel,
        model: str,
        prompt: Prompt,
        items: Mapping[str, Item],
        sampling: Mapping[str, Any] | None = None,
    ) -> None:
        self.meter = MeteredChatModel(chat)
        self.refused: Counter[str] = Counter()
        self._asker = Asker(self.meter)
        self._model = model
        self._prompt = prompt
        self._items = items
        self._sampling = checked_sampling(sampling)

    async def explain(
        self, listed: Recommendation, profile: InterestProfile, k: int = EXPLAINED
    ) -> Recommendation:
        """Explain the first k items of a list, in one call.

        What cannot be used is asked for once more, with the reason; what still cannot is composed.

        Args:
            listed: best first.
            profile: of the user.
            k: how many items.

        Raises:
            ChatUnavailable, ChatRejected: no answer came.
            InputError: an item is not in the catalogue.
            RecordingMissing: only recorded answers are allowed, and there is none.
        """
        chosen, others = listed.recommendations[:k], listed.recommendations[k:]
        shown = {
            label: entry_of(item.item_id, self._items)
            for label, item in zip(candidate_labels(len(chosen)), chosen, strict=True)
        }
        written: Mapping[str, Explanation] = {}
        if shown and profile.interests:
            written = await self._written(profile, shown)
        explained = (
            replace(item, explanation=written.get(label) or compose(item, profile, self._items))
            for label, item in zip(shown, chosen, strict=True)
        )
        return replace(listed, recommendations=(*explained, *others))

    async def _written(
        self, profile: InterestProfile, shown: Mapping[str, Item]
    ) -> Mapping[str, Explanation]:
        """Return what the model wrote and nothing is wrong with, by label."""
        labels = review_labels(profile)
        checker = Checker(profile, shown, labels)
        lines = [candidate_line(label, item) for label, item in shown.items()]
        request = ChatRequest(
            model=self._model,
            messages=self._prompt.messages(
                profile=evidence_lines(profile, labels), items="\n".join(lines)
            ),
            response_format=explanations_format(list(shown)),
            sampling=self._sampling,
            label=f"{PROMPT_NAME}/{profile.user_id}",
        )
        reply, checked = await self._ask(request, checker, list(shown), _FOLLOW_UPS)
        if not checked.refusals or not reply:
            return checked.explanations
        follow_up = asked_again(request, reply, checked.refusals)
        try:
            _, again = await self._ask(follow_up, checker, list(checked.refusals), 0)
        except RecordingMissing:
            self.refused["not_recorded"] += len(checked.refusals)
            return checked.explanations
        return checked.explanations | again.explanations

    async def _ask(
        self, request: ChatRequest, checker: Checker, asked: Sequence[str], follow_ups: int
    ) -> tuple[str, Checked]:
        """Return the reply, empty where none can be used, and what became of each item asked."""
        try:
            answer = await self._asker.ask(request, _parse, follow_ups=follow_ups)
        except (ReplyInvalid, ChatIncomplete):
            reply = ""
            checked = Checked(refusals=dict.fromkeys(asked, Refusal("no usable reply")))
        else:
            reply, found = answer.value
            checked = checker.check(found, asked)
        self.refused.update(refusal.reason for refusal in checked.refusals.values())
        return reply, checked


def _parse(text: str) -> tuple[str, tuple[Any, ...]]:
    return text, parse_explanations(text)
