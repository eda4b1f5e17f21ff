"""An embedder that has a plan take down what a server would be asked for."""

from collections.abc import Sequence

from llmrec.llm.embed_call import EMBED_STAGE
from llmrec.llm.embedder import Role, Rows
from llmrec.llm.embedding_requests import EmbeddingRoles, batches_of
from llmrec.llm.planning import Plan
from llmrec.llm.recorded_embedder import RecordedEmbedder


class PlannedEmbedder:
    """Stands where a server's embedder would, and has only what is recorded.

    Each vector is planned once: what is made is recorded, or put where it is used.

    Args:
        recorded: has the recorded vectors, and no live embedder.
        roles: what the server would be asked for.
        plan: takes the calls down.

    Attributes:
        model: the name in keys.
    """

    def __init__(self, recorded: RecordedEmbedder, roles: EmbeddingRoles, plan: Plan) -> None:
        self.model = recorded.model
        self._recorded = recorded
        self._roles = roles
        self._plan = plan
        self._seen: set[str] = set()

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        """Embed texts; see ``Embedder``.

        Raises:
            RecordingMissing: a vector is not recorded; the calls for all that are not were planned.
        """
        self.plan(texts, role)
        return await self._recorded.embed(texts, role)

    def plan(self, texts: Sequence[str], role: Role) -> None:
        """Take down the calls for texts that have no vector yet, as they would be made.

        Raises:
            InputError: a text is blank.
        """
        model, _ = self._roles.of(role)
        keyed = dict(zip(self._recorded.keys(texts, role), texts, strict=True))
        unseen = {key: text for key, text in keyed.items() if key not in self._seen}
        new = {key: text for key, text in unseen.items() if not self._recorded.has(key)}
        self._plan.recorded.update([(EMBED_STAGE, model)] * (len(unseen) - len(new)))
        self._seen.update(unseen)
        for batch, tokens in batches_of(list(new.values()), role, self._roles):
            self._plan.take_down_embeddings(model, len(batch), tokens)
