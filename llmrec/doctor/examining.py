"""All that is looked at, in the order in which it is needed."""

from dataclasses import dataclass

from llmrec.doctor.check import Check
from llmrec.doctor.embeddings import embedder_check, vectors_check
from llmrec.doctor.places import call_log_check, tokens_check, versions_check
from llmrec.doctor.servers import chat_checks, price_check, settings_check
from llmrec.matching.embedding import EmbedderChoice
from llmrec.opening import ServerChoice


@dataclass(frozen=True, slots=True)
class Examined:
    """The settings to look at.

    Attributes:
        server: that is called for chat.
        embedder: makes the vectors.
        embed_server: that is called for vectors.
        model: name of the chat model, or None.
        calls: the call log, or None.
        vectors: the vectors file, or None.
    """

    server: ServerChoice
    embedder: EmbedderChoice
    embed_server: ServerChoice
    model: str | None = None
    calls: str | None = None
    vectors: str | None = None


async def examine(settings: Examined) -> list[Check]:
    """Make all checks: a failed one never keeps the others from being made.

    Where a server is named it is asked one small question, and for the vectors of a short text.
    """
    named, server = settings_check(settings.server)
    return [
        named,
        *await chat_checks(server, settings.model),
        price_check(settings.model, server),
        await embedder_check(settings.embedder, settings.embed_server),
        call_log_check(settings.calls),
        vectors_check(settings.vectors, settings.embedder),
        tokens_check(),
        versions_check(),
    ]
