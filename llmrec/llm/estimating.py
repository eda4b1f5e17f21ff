"""What planned requests will cost: tokens, money and time, before anything is called."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import repeat, takewhile
from pathlib import Path
from typing import Final, Literal

from llmrec.llm.call_stats import LoggedExchange
from llmrec.llm.calls import CallLog
from llmrec.llm.chat import ChatRequest, Usage
from llmrec.llm.embed_call import EMBED_STAGE
from llmrec.llm.planning import PlannedEmbeddings
from llmrec.llm.pricing import BATCH_SHARE, Price, PriceOf
from llmrec.llm.request_tokens import RequestTokens, tokens_of
from llmrec.llm.tokens import count_tokens, encoding_of, say_if_unknown

OUTPUT_TOKENS: Final[Mapping[str, int]] = {"extract_profile": 805, "rerank": 84, "explain": 355}
"""Mean tokens of a reply of a strong chat model: 175 profiles, 144 lists of 20, 20 explanations of
three items each."""

UNKNOWN_OUTPUT: Final = 500

EXPLAIN_INPUT_TOKENS: Final = 950
"""Mean tokens of 20 requests for explanations of three items each."""

CACHED_FROM: Final = 1_024
"""Tokens that the beginnings of prompts must share before servers cache them (OpenAI, Google)."""

SAMPLED = 500
"""Exchanges of a call log that tell what replies are like: as many as are read in a second."""

Basis = Literal["log", "table", "none"]


@dataclass(frozen=True, slots=True)
class Past:
    """What a call log knows of a stage and a model.

    Attributes:
        replies: number of whole replies.
        output_tokens: of one, on average.
        schema_share: of the schema's tokens, as far as the server counted them: what it reported
            beyond messages and framing, 0 where it leaves the schema out.
    """

    replies: int
    output_tokens: float
    schema_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the planned requests of one stage to one model will take.

    Attributes:
        stage: the labels' part before the first ``/``.
        model: that is asked.
        requests: number of them.
        tokens: of the requests, counted.
        input_tokens: that servers will report: messages and framing, and of the schema the share
            that the call log shows, all of it where it shows nothing.
        output_tokens: expected.
        basis: what the output rests on: the call ``log``, or a ``table`` of means; ``none`` where
            there is no output, for vectors.
        price: of the model, or None where it is not known.
        shared_tokens: that the beginnings of all prompts have in common.
        texts: whose vectors are asked for; None where it is a chat model that is asked.
    """

    stage: str
    model: str
    requests: int
    tokens: RequestTokens
    input_tokens: int
    output_tokens: int
    basis: Basis
    price: Price | None
    shared_tokens: int = 0
    texts: int | None = None

    @property
    def cost_usd(self) -> float | None:
        """In US dollars, or None where the price is not known."""
        return self._cost_usd(cached_tokens=0)

    @property
    def batch_usd(self) -> float | None:
        """The same through the batch API, as far as ``llmrec batch`` takes it there."""
        cost_usd = self.cost_usd
        if cost_usd is None or self.texts is not None:
            return cost_usd
        return cost_usd * BATCH_SHARE

    @property
    def cached_usd(self) -> float | None:
        """The same where the server caches the prompts' common beginning."""
        return self._cost_usd(self.shared_tokens * (self.requests - 1))

    def minutes(self, rpm: float | None, tpm: float | None) -> float | None:
        """Return how long it takes at most at limits of requests and tokens per minute."""
        spans = [
            amount / limit
            for amount, limit in (
                (self.requests, rpm),
                (self.input_tokens + self.output_tokens, tpm),
            )
            if limit
        ]
        return max(spans, default=None)

    def _cost_usd(self, cached_tokens: int) -> float | None:
        if self.price is None:
            return None
        usage = Usage(self.input_tokens, self.output_tokens, cached_tokens=cached_tokens)
        return self.price.cost_usd(usage)


def past_of(log: str | Path) -> dict[tuple[str, str], Past]:
    """Return what a call log knows, by stage and model, from a sample of its exchanges.

    Raises:
        InputError: it is not a call log, or cannot be read.
    """
    outputs: dict[tuple[str, str], list[int]] = defaultdict(list)
    beyond: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for line in CallLog(log).sample(SAMPLED):
        exchange = LoggedExchange.of(line)
        usage = exchange.usage
        if exchange.for_vectors or exchange.outcome != "answered" or usage is None:
            continue
        key = (exchange.stage, exchange.model)
        tokens = tokens_of(ChatRequest.of_body(line["body"]))
        outputs[key].append(usage.output_tokens)
        beyond[key][0] += usage.input_tokens - tokens.framed
        beyond[key][1] += tokens.schema
    return {
        key: Past(len(counts), sum(counts) / len(counts), beyond[key][0] / max(beyond[key][1], 1))
        for key, counts in outputs.items()
    }


def estimate(
    requests: Iterable[ChatRequest],
    past: Mapping[tuple[str, str], Past],
    price_of: PriceOf,
    server: str = "",
) -> list[Estimate]:
    """Estimate what planned requests take, by stage and model, in the order of their first ones.

    Args:
        requests: planned.
        past: as ``past_of`` gives it.
        price_of: tells prices.
        server: address of the server, empty where it is not known.
    """
    groups: dict[tuple[str, str], list[ChatRequest]] = defaultdict(list)
    for request in requests:
        groups[request.stage, request.model].append(request)
    return [
        expected(
            stage,
            model,
            len(group),
            sum(map(tokens_of, group), RequestTokens()),
            past.get((stage, model)),
            price_of(model, server),
            _shared_tokens(group),
        )
        for (stage, model), group in groups.items()
    ]


def estimate_embeddings(
    planned: Mapping[str, PlannedEmbeddings], price_of: PriceOf, server: str = ""
) -> list[Estimate]:
    """Estimate what planned calls for vectors take, by model.

    Args:
        planned: by model.
        price_of: tells prices.
        server: address of the server, empty where it is not known.
    """
    for model in planned:
        say_if_unknown(model)
    return [
        Estimate(
            stage=EMBED_STAGE,
            model=model,
            requests=calls.requests,
            tokens=RequestTokens(messages=calls.tokens),
            input_tokens=calls.tokens,
            output_tokens=0,
            basis="none",
            price=price_of(model, server),
            texts=calls.texts,
        )
        for model, calls in planned.items()
    ]


def estimate_following(
    requests: Iterable[ChatRequest],
    past: Mapping[tuple[str, str], Past],
    price_of: PriceOf,
    server: str = "",
) -> list[Estimate]:
    """Estimate the calls that planned requests are followed by, each as long as the one before.

    Args:
        requests: planned.
        past: as ``past_of`` gives it.
        price_of: tells prices.
        server: address of the server, empty where it is not known.
    """
    following = (again for one in requests for again in repeat(one, one.followed_by))
    return [replace(one, shared_tokens=0) for one in estimate(following, past, price_of, server)]


def expected(
    stage: str,
    model: str,
    n_requests: int,
    tokens: RequestTokens,
    past: Past | None,
    price: Price | None,
    shared_tokens: int = 0,
) -> Estimate:
    """Return what to expect of requests that have so many tokens together.

    Args:
        stage: the labels' part before the first ``/``.
        model: that is asked.
        n_requests: number of requests.
        tokens: of all of them.
        past: what a call log knows of this stage and model, None where it knows nothing.
        price: of the model, None where it is not known.
        shared_tokens: that the beginnings of all prompts have in common.
    """
    each = OUTPUT_TOKENS.get(stage, UNKNOWN_OUTPUT) if past is None else past.output_tokens
    share = 1.0 if past is None else past.schema_share
    return Estimate(
        stage=stage,
        model=model,
        requests=n_requests,
        tokens=tokens,
        input_tokens=round(tokens.framed + share * tokens.schema),
        output_tokens=round(each * n_requests),
        basis="table" if past is None else "log",
        price=price,
        shared_tokens=shared_tokens,
    )


def later_explanations(
    reranking: Estimate, past: Mapping[tuple[str, str], Past], price: Price | None
) -> Estimate:
    """Return what explaining the lists takes that are planned to be put in order.

    Which items come first is not known before, so that the tokens in rest on a mean as well.
    """
    n, model = reranking.requests, reranking.model
    tokens = RequestTokens(messages=n * EXPLAIN_INPUT_TOKENS)
    return expected("explain", model, n, tokens, past.get(("explain", model)), price)


def _shared_tokens(requests: list[ChatRequest]) -> int:
    """Return the tokens of the beginning that all prompts share, 0 where nobody would cache it."""
    if len(requests) < 2:
        return 0
    texts = ["\n".join(message.content for message in request.messages) for request in requests]
    pairs = zip(min(texts), max(texts), strict=False)
    beginning = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    tokens = count_tokens(beginning, encoding_of(requests[0].model))
    return tokens if tokens >= CACHED_FROM else 0
