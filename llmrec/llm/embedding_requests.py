"""What a server is asked for to embed texts: models, prefixes, batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmrec.errors import SettingsError
from llmrec.llm.embedder import Role
from llmrec.llm.tokens import count_tokens, encoding_of

MAX_BATCH_TEXTS = 128
MAX_BATCH_TOKENS = 100_000


@dataclass(frozen=True, slots=True)
class EmbeddingRoles:
    """What a server is asked for queries and for passages.

    Attributes:
        query_model: the model's name for queries.
        passage_model: for passages; often the same.
        query_prefix: goes before every query.
        passage_prefix: goes before every passage.
    """

    query_model: str
    passage_model: str
    query_prefix: str = ""
    passage_prefix: str = ""

    @property
    def key_model(self) -> str:
        """The name in keys: all that decides a vector, so that no two settings share one."""
        models = dict.fromkeys((self.query_model, self.passage_model))
        prefixes = (self.query_prefix, self.passage_prefix)
        return ",".join(models) + ("|" + "|".join(prefixes) if any(prefixes) else "")

    def of(self, role: Role) -> tuple[str, str]:
        """Return model and prefix of a role."""
        if role == "query":
            return self.query_model, self.query_prefix
        return self.passage_model, self.passage_prefix


def batches_of(
    texts: Sequence[str], role: Role, roles: EmbeddingRoles
) -> Iterator[tuple[list[str], int]]:
    """Yield the texts of each request, as they are sent, and the number of their tokens."""
    model, prefix = roles.of(role)
    encoding = encoding_of(model)
    batch: list[str] = []
    tokens = 0
    for text in (prefix + text for text in texts):
        size = count_tokens(text, encoding)
        if batch and (len(batch) == MAX_BATCH_TEXTS or tokens + size > MAX_BATCH_TOKENS):
            yield batch, tokens
            batch, tokens = [], 0
        batch.append(text)
        tokens += size
    if batch:
        yield batch, tokens


def embedding_roles(name: str, query_prefix: str = "", passage_prefix: str = "") -> EmbeddingRoles:
    """Return the roles of ``MODEL`` or ``QUERY_MODEL,PASSAGE_MODEL``.

    Raises:
        SettingsError: there is no model in the name.
    """
    query, _, passage = name.partition(",")
    if not query:
        raise SettingsError(f"openai:MODEL[,PASSAGE_MODEL] is expected, came openai:{name!r}")
    return EmbeddingRoles(query, passage or query, query_prefix, passage_prefix)
