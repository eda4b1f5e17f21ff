"""Recommendations you can explain, from what people wrote."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmrec.async_recommender import AsyncRecommender
    from llmrec.errors import (
        BudgetExceeded,
        ChatError,
        ChatIncomplete,
        ChatRejected,
        ChatUnavailable,
        IndexMismatch,
        InputError,
        LeakageError,
        LLMRecError,
        PromptError,
        RecordingMissing,
        ReplyInvalid,
        SettingsError,
    )
    from llmrec.evaluation.comparing import compare_results
    from llmrec.evaluation.found import find
    from llmrec.evaluation.intervals import mean_interval
    from llmrec.evaluation.leakage import audit
    from llmrec.evaluation.metrics import Metric
    from llmrec.evaluation.preparing import evaluate
    from llmrec.evaluation.results import Result, read_result
    from llmrec.evaluation.runs import Run
    from llmrec.evaluation.significance import compare
    from llmrec.evaluation.splitting import SplitRule, Splitting
    from llmrec.indexing import plan_index
    from llmrec.llm.billing import Billing
    from llmrec.llm.budget import Budget
    from llmrec.llm.calls import CallLog
    from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest, Message, Usage
    from llmrec.llm.embedder import BatchEmbedder, Embedder
    from llmrec.llm.planning import Plan
    from llmrec.llm.pricing import Price, price_list
    from llmrec.llm.prompts import Prompt, load_prompt
    from llmrec.llm.recorded import LoggedChatModel, ReplayChatModel
    from llmrec.llm.recorded_embedder import RecordedEmbedder
    from llmrec.llm.vectors import VectorsFile
    from llmrec.matching.bank import Bank, bank_of_profiles, bank_of_reviews
    from llmrec.matching.content_index import ContentIndex
    from llmrec.matching.embedding import EmbedderChoice, LexicalEmbedder, LocalEmbedder
    from llmrec.matching.similarity import cosine
    from llmrec.opening import ServerChoice, open_server
    from llmrec.profiling.extraction import Extraction, Extractor
    from llmrec.profiling.run import ExtractionRun
    from llmrec.recommender import Recommender
    from llmrec.records.grouping import UserReviews, read_users
    from llmrec.records.profile import Evidence, Interest, InterestProfile, Source, read_profiles
    from llmrec.records.ranking import (
        Because,
        Explanation,
        Quote,
        Recommendation,
        Repairs,
        ScoredItem,
    )
    from llmrec.records.reading import read_items, read_reviews
    from llmrec.records.reviews import Item, Review
    from llmrec.records.splits import Split, SplitLine, read_split
    from llmrec.reranking.composing import explain_composed
    from llmrec.reranking.explanations import Explainer
    from llmrec.reranking.options import RerankOptions
    from llmrec.reranking.reranking import Reranker

_MODULES = {
    "async_recommender": "AsyncRecommender",
    "errors": (
        "BudgetExceeded ChatError ChatIncomplete ChatRejected ChatUnavailable IndexMismatch "
        "InputError LLMRecError LeakageError PromptError RecordingMissing ReplyInvalid "
        "SettingsError"
    ),
    "evaluation.comparing": "compare_results",
    "evaluation.found": "find",
    "evaluation.intervals": "mean_interval",
    "evaluation.leakage": "audit",
    "evaluation.metrics": "Metric",
    "evaluation.preparing": "evaluate",
    "evaluation.results": "Result read_result",
    "evaluation.runs": "Run",
    "evaluation.significance": "compare",
    "evaluation.splitting": "SplitRule Splitting",
    "indexing": "plan_index",
    "llm.billing": "Billing",
    "llm.budget": "Budget",
    "llm.calls": "CallLog",
    "llm.chat": "ChatModel ChatReply ChatRequest Message Usage",
    "llm.embedder": "BatchEmbedder Embedder",
    "llm.planning": "Plan",
    "llm.pricing": "Price price_list",
    "llm.prompts": "Prompt load_prompt",
    "llm.recorded": "LoggedChatModel ReplayChatModel",
    "llm.recorded_embedder": "RecordedEmbedder",
    "llm.vectors": "VectorsFile",
    "matching.bank": "Bank bank_of_profiles bank_of_reviews",
    "matching.content_index": "ContentIndex",
    "matching.embedding": "EmbedderChoice LexicalEmbedder LocalEmbedder",
    "matching.similarity": "cosine",
    "opening": "ServerChoice open_server",
    "profiling.extraction": "Extraction Extractor",
    "profiling.run": "ExtractionRun",
    "recommender": "Recommender",
    "records.grouping": "UserReviews read_users",
    "records.profile": "Evidence Interest InterestProfile Source read_profiles",
    "records.ranking": "Because Explanation Quote Recommendation Repairs ScoredItem",
    "records.reading": "read_items read_reviews",
    "records.reviews": "Item Review",
    "records.splits": "Split SplitLine read_split",
    "reranking.composing": "explain_composed",
    "reranking.explanations": "Explainer",
    "reranking.options": "RerankOptions",
    "reranking.reranking": "Reranker",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "AsyncRecommender",
    "Bank",
    "BatchEmbedder",
    "Because",
    "Billing",
    "Budget",
    "BudgetExceeded",
    "CallLog",
    "ChatError",
    "ChatIncomplete",
    "ChatModel",
    "ChatRejected",
    "ChatReply",
    "ChatRequest",
    "ChatUnavailable",
    "ContentIndex",
    "Embedder",
    "EmbedderChoice",
    "Evidence",
    "Explainer",
    "Explanation",
    "Extraction",
    "ExtractionRun",
    "Extractor",
    "IndexMismatch",
    "InputError",
    "Interest",
    "InterestProfile",
    "Item",
    "LLMRecError",
    "LeakageError",
    "LexicalEmbedder",
    "LocalEmbedder",
    "LoggedChatModel",
    "Message",
    "Metric",
    "Plan",
    "Price",
    "Prompt",
    "PromptError",
    "Quote",
    "Recommendation",
    "Recommender",
    "RecordedEmbedder",
    "RecordingMissing",
    "Repairs",
    "ReplayChatModel",
    "ReplyInvalid",
    "RerankOptions",
    "Reranker",
    "Result",
    "Review",
    "Run",
    "ScoredItem",
    "ServerChoice",
    "SettingsError",
    "Source",
    "Split",
    "SplitLine",
    "SplitRule",
    "Splitting",
    "Usage",
    "UserReviews",
    "VectorsFile",
    "audit",
    "bank_of_profiles",
    "bank_of_reviews",
    "compare",
    "compare_results",
    "cosine",
    "evaluate",
    "explain_composed",
    "find",
    "load_prompt",
    "mean_interval",
    "open_server",
    "plan_index",
    "price_list",
    "read_items",
    "read_profiles",
    "read_result",
    "read_reviews",
    "read_split",
    "read_users",
]


def __getattr__(name: str) -> Any:
    """Import a public name where it is first asked for: ``import llmrec`` loads nothing heavy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'llmrec' has no attribute {name!r}")
    return getattr(importlib.import_module(f"llmrec.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
