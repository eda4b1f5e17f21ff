"""What a chat model does for one catalogue: profiles, the order of lists, explanations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from llmrec.errors import SettingsError
from llmrec.llm.chat import ChatModel
from llmrec.llm.metering import MeteredChatModel
from llmrec.llm.prompts import load_prompt
from llmrec.matching.catalogue import Catalogue
from llmrec.profiling import extraction
from llmrec.profiling.extraction import Extractor
from llmrec.records.profile import InterestProfile
from llmrec.records.ranking import Recommendation
from llmrec.records.reviews import Item
from llmrec.reranking import explanations, reranking
from llmrec.reranking.composing import explain_composed
from llmrec.reranking.explanations import Explainer
from llmrec.reranking.reranking import DEFAULT_OPTIONS, Reranker, RerankOptions

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


def open_reranker(
    chat: ChatModel,
    model: str,
    items: Mapping[str, Item],
    options: RerankOptions = DEFAULT_OPTIONS,
    *,
    n_users: Mapping[str, int] | None = None,
    prompts: str | Path | None = None,
    sampling: Mapping[str, Any] | None = None,
) -> Reranker:
    """Return a reranker with the prompt that its options need; see ``Reranker``.

    Raises:
        PromptError: a prompt file is missing, or has other placeholders.
    """
    name = reranking.FACTS_PROMPT_NAME if options.facts else reranking.PROMPT_NAME
    prompt = load_prompt(name, reranking.PLACEHOLDERS, prompts)
    return Reranker(chat, model, prompt, items, options, n_users, sampling)


def open_explainer(
    chat: ChatModel,
    model: str,
    items: Mapping[str, Item],
    *,
    prompts: str | Path | None = None,
    sampling: Mapping[str, Any] | None = None,
) -> Explainer:
    """Return an explainer with its prompt; see ``Explainer``.

    Raises:
        PromptError: a prompt file is missing, or has other placeholders.
    """
    prompt = load_prompt(explanations.PROMPT_NAME, explanations.PLACEHOLDERS, prompts)
    return Explainer(chat, model, prompt, items, sampling)


@dataclass(frozen=True, slots=True)
class ChatStages:
    """What a chat model does for one catalogue; None where it is not asked to.

    Attributes:
        extractor: makes profiles.
        reranker: puts shortlists in order.
        explainer: says why items were chosen.
    """

    extractor: Extractor | None = None
    reranker: Reranker | None = None
    explainer: Explainer | None = None

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
    def meters(self) -> list[MeteredChatModel]:
        """What counts the calls of each."""
        stages = (self.extractor, self.reranker, self.explainer)
        return [stage.meter for stage in stages if stage is not None]


def open_stages(
    chat: ChatModel,
    model: str,
    catalogue: Catalogue,
    *,
    rating_max: float = 5,
    rerank_options: RerankOptions = DEFAULT_OPTIONS,
    n_users: Mapping[str, int] | None = None,
    prompts: str | Path | None = None,
    sampling: Mapping[str, Any] | None = None,
) -> ChatStages:
    """Return all that one chat model can do for the catalogue of an index.

    Raises:
        PromptError: a prompt file is missing, or has other placeholders.
    """
    prompt = load_prompt(extraction.PROMPT_NAME, extraction.PLACEHOLDERS, prompts)
    entries = catalogue.entries
    own: dict[str, Any] = {"prompts": prompts, "sampling": sampling}
    return ChatStages(
        Extractor(chat, model, prompt, catalogue.titles, rating_max, sampling),
        open_reranker(chat, model, entries, rerank_options, n_users=n_users, **own),
        open_explainer(chat, model, entries, **own),
    )
