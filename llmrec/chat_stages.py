"""What a chat model does for one catalogue: profiles, the order of lists, explanations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from llmrec.errors import SettingsError
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation
from llmrec.records.reviews import Item
from llmrec.reranking.composing import explain_composed

if TYPE_CHECKING:
    from llmrec.llm.metering import MeteredChatModel
    from llmrec.profiling.extraction import Extractor
    from llmrec.reranking.explanations import Explainer
    from llmrec.reranking.reranking import Reranker

Explaining = Literal["model", "composed", "none"]

SHORTLIST = 20
"""So many of the best matches, or k where that is more, go to the reranker."""


def no_chat_model() -> NoReturn:
    """Refuse to open a stage.

    Raises:
        SettingsError: always.
    """
    raise SettingsError("no chat model: open the index with chat= and calls=")


@dataclass(frozen=True, slots=True)
class ChatStages:
    """What a chat model does for one catalogue, each stage opened by who needs it.

    Attributes:
        extractor: returns what makes profiles.
        reranker: returns what puts shortlists in order.
        explainer: returns what says why items were chosen.
    """

    extractor: "Callable[[], Extractor]" = no_chat_model
    reranker: "Callable[[], Reranker]" = no_chat_model
    explainer: "Callable[[], Explainer]" = no_chat_model

    def open(self, *, rerank: bool, explain: Explaining | bool) -> "list[MeteredChatModel]":
        """Open the stages that a list needs, and return what counts the calls of each.

        Raises:
            SettingsError: a chat model is needed, and there is none.
            PromptError: its prompt cannot be used.
        """
        meters = [self.reranker().meter] if rerank else []
        return meters + ([self.explainer().meter] if explain in (True, "model") else [])

    async def finish(
        self,
        matched: Recommendation,
        profile: InterestProfile,
        k: int,
        entries: Mapping[str, Item],
        *,
        rerank: bool,
        recent: Sequence[str] | None,
        explain: Explaining | bool,
    ) -> Recommendation:
        """Rerank and explain a list, as far as that is wished; see ``Recommender.finish``.

        Raises:
            SettingsError: a chat model is needed, and there is none.
            PromptError: its prompt cannot be used.
            ChatError: the chat model gave no answer.
        """
        if rerank:
            recent = profile.reviewed if recent is None else recent
            matched = (await self.reranker().rerank(matched, profile, recent)).first(k)
        if explain in (False, "none"):
            return matched
        if explain == "composed":
            return explain_composed(matched, profile, entries)
        return await self.explainer().explain(matched, profile)
