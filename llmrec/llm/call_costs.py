"""What the exchanges of a call log cost: by stage, model and day, and by user."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from llmrec.llm.call_lines import logged_lines
from llmrec.llm.call_stats import LoggedExchange
from llmrec.llm.chat import ChatReply, Usage
from llmrec.llm.metering import estimated_usage
from llmrec.llm.pricing import BATCH_SHARE, PriceOf


@dataclass(slots=True)
class Cost:
    """Tokens and money of some exchanges.

    Attributes:
        calls: that were answered, superseded ones included: they were paid for too.
        input_tokens: of all of them; what a server did not count is counted here (o200k_base).
        cached_tokens: of those in, what the server had cached.
        output_tokens: likewise.
        uncounted: calls whose tokens are counted here.
        unpriced: calls of models whose price is not known: they add no money.
        cost_usd: of all priced calls, in US dollars.
        wasted_usd: of it, what was paid for replies that were cut off, filtered or refused, and
            for those that a newer exchange of the same request stands in for.
    """

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    uncounted: int = 0
    unpriced: int = 0
    cost_usd: float = 0.0
    wasted_usd: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def add(self, usage: Usage, cost_usd: float | None) -> None:
        """Add one more call; without money where its price is not known."""
        self.calls += 1
        self.input_tokens += usage.input_tokens
        self.cached_tokens += usage.cached_tokens
        self.output_tokens += usage.output_tokens
        self.uncounted += usage.estimated
        self.unpriced += cost_usd is None
        self.cost_usd += cost_usd or 0.0

    def to_dict(self) -> dict[str, float]:
        """Return all by name."""
        return asdict(self)


class CostGroup(NamedTuple):
    """What costs are kept by; ``day`` is YYYY-MM-DD in UTC, empty where no reply says it."""

    stage: str
    model: str
    day: str


@dataclass(slots=True)
class Costs:
    """What a call log cost.

    Attributes:
        groups: by stage, model and day, sorted.
        users: by what stands behind the stage in a label, in the order of the log; without what
            vectors cost, which are many users' at once.
    """

    groups: dict[CostGroup, Cost] = field(default_factory=dict)
    users: dict[str, Cost] = field(default_factory=dict)

    @property
    def total(self) -> Cost:
        """Of all exchanges."""
        return sum(self.groups.values(), Cost())

    def to_dict(self) -> dict[str, Any]:
        """Return the total, the groups and the users by name."""
        return {
            "total": self.total.to_dict(),
            "groups": [{**g._asdict(), **cost.to_dict()} for g, cost in self.groups.items()],
            "users": {user: cost.to_dict() for user, cost in self.users.items()},
        }


def cost_of_calls(source: str | Path, price_of: PriceOf, embed_price_of: PriceOf) -> Costs:
    """Add up what the exchanges of a call log cost at given prices, those of batches at half.

    Args:
        source: the log.
        price_of: tells prices of chat models.
        embed_price_of: tells those of embedding models.

    Raises:
        InputError: it is not there, is not a call log, or cannot be read.
    """
    costs = Costs()
    paid: dict[str, tuple[float, Sequence[Cost]]] = {}
    for line in logged_lines(source):
        exchange = LoggedExchange.of(line.exchange)
        if exchange.status != 200:
            continue
        usage = exchange.usage or _counted_here(line.exchange, exchange)
        priced = embed_price_of if exchange.for_vectors else price_of
        price = priced(exchange.model, exchange.server)
        share = BATCH_SHARE if exchange.batch else 1.0
        cost_usd = None if price is None else price.cost_usd(usage) * share
        group = CostGroup(exchange.stage, exchange.model, _day(exchange.reply))
        places = [costs.groups.setdefault(group, Cost())]
        if not exchange.for_vectors:  # they are of many users, or of none
            places.append(costs.users.setdefault(_user(exchange.label), Cost()))
        superseded, where = paid.get(exchange.custom_id, (0.0, places))
        for place in where:
            place.wasted_usd += superseded
        whole = exchange.outcome == "answered"
        for place in places:
            place.add(usage, cost_usd)
            place.wasted_usd += 0.0 if whole else cost_usd or 0.0
        paid[exchange.custom_id] = ((cost_usd or 0.0) if whole else 0.0, places)
    costs.groups = dict(sorted(costs.groups.items()))
    return costs


def _counted_here(line: Mapping[str, Any], exchange: LoggedExchange) -> Usage:
    body = line["body"]
    if exchange.for_vectors:
        tokens = body.get("tokens")
        return Usage(tokens if isinstance(tokens, int) else 0, estimated=True)
    asked = [str(message.get("content")) for message in body.get("messages") or ()]
    return estimated_usage(asked, exchange.reply)


def _day(reply: ChatReply) -> str:
    created = reply.body.get("created")
    if not isinstance(created, int) or created <= 0:
        return ""
    return datetime.fromtimestamp(created, UTC).date().isoformat()


def _user(label: str) -> str:
    """Return whose a label is: ``stage/USER``, with ``/again`` behind it for a follow-up."""
    user = label.partition("/")[2]
    while user.endswith("/again"):
        user = user.removesuffix("/again")
    return user
