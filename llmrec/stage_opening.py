"""Opening what a chat model does for one catalogue."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from llmrec.chat_stages import ChatStages
from llmrec.llm.chat import ChatModel, checked_sampling
from llmrec.llm.prompts import load_prompt
from llmrec.matching.catalogue import Catalogue
from llmrec.profiling import extraction
from llmrec.profiling.extraction import Extractor
from llmrec.records.reviews import Item
from llmrec.reranking import explanations, reranking
from llmrec.reranking.explanations import Explainer
from llmrec.reranking.options import DEFAULT_OPTIONS, RerankOptions
from llmrec.reranking.reranking import Reranker


def open_extractor(
    chat: ChatModel,
    model: str,
    titles: Mapping[str, str],
    *,
    rating_max: float = 5,
    prompts: str | Path | None = None,
    sampling: Mapping[str, Any] | None = None,
) -> Extractor:
    """Return an extractor with its prompt; see ``Extractor``.

    Raises:
        PromptError: a prompt file is missing, or has other placeholders.
    """
    prompt = load_prompt(extraction.PROMPT_NAME, extraction.PLACEHOLDERS, prompts)
    return Extractor(chat, model, prompt, titles, rating_max, sampling)


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

    The prompt of a stage is read when the stage is first needed: one's own folder of prompts may
    lack those of the others.

    Raises:
        SettingsError: what is to be sampled by is no field of a request's own.
    """
    own: dict[str, Any] = {"prompts": prompts, "sampling": checked_sampling(sampling)}
    return ChatStages(
        cache(lambda: open_extractor(chat, model, catalogue.titles, rating_max=rating_max, **own)),
        cache(
            lambda: open_reranker(
                chat, model, catalogue.entries, rerank_options, n_users=n_users, **own
            )
        ),
        cache(lambda: open_explainer(chat, model, catalogue.entries, **own)),
    )
