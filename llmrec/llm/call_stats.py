"""What is in a call log: exchanges, how they ended, and their tokens."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from llmrec.errors import ChatIncomplete
from llmrec.llm.call_lines import logged_lines
from llmrec.llm.chat import ChatReply, Usage
from llmrec.llm.embed_call import EMBED_URL, vectors_usage

Outcome = Literal["answered", "incomplete", "refused", "failed"]
"""A whole reply; one that was cut off, filtered or refused by the model; a request that the server
refused (4xx); no answer."""


@dataclass(frozen=True, slots=True)
class LoggedExchange:
    """A line of a call log, as far as people ask about it.

    Attributes:
        custom_id: of the request.
        label: what the exchange was for.
        model: the model's name in the request.
        server: that answered; empty where the log does not say.
        status: the HTTP status, or None.
        reply: the response's body.
        for_vectors: whether it was a call for vectors, of which a log has no text and no row.
        batch: whether it came in a batch, at half the price.
    """

    custom_id: str
    label: str
    model: str
    server: str
    status: int | None
    reply: ChatReply
    for_vectors: bool = False
    batch: bool = False

    @classmethod
    def of(cls, exchange: Mapping[str, Any]) -> Self:
        """Return what one line holds; what it lacks is empty."""
        response = exchange["response"] if isinstance(exchange["response"], Mapping) else {}
        body = response.get("body")
        return cls(
            custom_id=exchange["custom_id"],
            label=str(exchange.get("label") or ""),
            model=str(exchange["body"].get("model") or ""),
            server=str(exchange.get("server") or ""),
            status=response.get("status_code"),
            reply=ChatReply(body if isinstance(body, Mapping) else {}, recorded=True),
            for_vectors=exchange["url"] == EMBED_URL,
            batch=exchange.get("batch") is True,
        )

    @property
    def stage(self) -> str:
        """The label's part before the first ``/``."""
        return self.label.partition("/")[0]

    @property
    def usage(self) -> Usage | None:
        """The tokens that the server counted, or None where it did not."""
        return vectors_usage(self.reply.body) if self.for_vectors else self.reply.usage

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        if self.status != 200:
            return "refused" if self.status in range(400, 500) else "failed"
        if self.for_vectors:
            return "answered"
        try:
            self.reply.text()
        except ChatIncomplete:
            return "incomplete"
        return "answered"


@dataclass(slots=True)
class Tally:
    """Counts of exchanges.

    Attributes:
        exchanges: all of them.
        superseded: those that a newer one of the same request stands in for.
        answered: those with a whole reply.
        incomplete: those whose reply was cut off, filtered, refused or empty.
        refused: those whose request the server refused (4xx).
        failed: those without any answer.
        input_tokens: as counted by servers, superseded exchanges included.
        output_tokens: likewise.
        uncounted: answers whose tokens the server did not count.
    """

    exchanges: int = 0
    superseded: int = 0
    answered: int = 0
    incomplete: int = 0
    refused: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    uncounted: int = 0

    @property
    def newest(self) -> int:
        """Number of requests: each has one newest exchange."""
        return self.exchanges - self.superseded

    def count(self, exchange: LoggedExchange) -> None:
        """Count one more."""
        self.exchanges += 1
        outcome = exchange.outcome
        setattr(self, outcome, getattr(self, outcome) + 1)
        usage = exchange.usage
        if usage is not None:
            self.input_tokens += usage.input_tokens
            self.output_tokens += usage.output_tokens
        elif exchange.status == 200:
            self.uncounted += 1

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name, ``newest`` included."""
        return {**asdict(self), "newest": self.newest}


class Group(NamedTuple):
    """What tallies are kept by."""

    stage: str
    model: str
    server: str


def count_calls(source: str | Path) -> dict[Group, Tally]:
    """Count the exchanges of a call log by stage, model and server, sorted.

    Raises:
        InputError: it is not there, is not a call log, or cannot be read.
    """
    groups: dict[Group, Tally] = {}
    newest: dict[str, Tally] = {}
    for line in logged_lines(source):
        exchange = LoggedExchange.of(line.exchange)
        group = Group(exchange.stage, exchange.model, exchange.server)
        tally = groups.setdefault(group, Tally())
        tally.count(exchange)
        if exchange.custom_id in newest:
            newest[exchange.custom_id].superseded += 1
        newest[exchange.custom_id] = tally
    return dict(sorted(groups.items()))
