"""What a chat model does for one catalogue: profiles, the order of lists, explanations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

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

T = TypeVar("T")

Explaining = Literal["model", "composed", "none"]

SHORTLIST = 20
"""So many of the best matches, or k where that is more, go to the reranker."""


def required(stage: T | None) -> T:
    """Return a stage that there has to be.

    Raises:
        SettingsError: there is none.
    """
    if stage is None:
        raise SettingsError("no chat model: open the index with chat= and calls=")
    return stage


@dataclass(frozen=True, slots=True)
class ChatStages:
    """What a chat model does for one catalogue; None where it is not asked to.

    Attributes:
        extractor: makes profiles.
        reranker: puts shortlists in order.
        explainer: says why items were chosen.
    """

    extractor: "Extractor | None" = None
    reranker: "Reranker | None" = None
    explainer: "Explainer | None" = None

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
            ChatError: the chat model gave no answer.
        """
        if rerank:
            recent = profile.reviewed if recent is None else recent
            matched = (await required(self.reranker).rerank(matched, profile, recent)).first(k)
        if explain in (False, "none"):
            return matched
        if explain == "composed":
            return explain_composed(matched, profile, entries)
        return await required(self.explainer).explain(matched, profile)

    @property
    def meters(self) -> "list[MeteredChatModel]":
        """What counts the calls of each."""
        stages = (self.extractor, self.reranker, self.explainer)
        return [stage.meter for stage in stages if stage is not None]
