"""What would be asked, without asking it: for a dry run, and for batches."""

from collections import Counter
from dataclasses import dataclass

from llmrec.errors import RecordingMissing
from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest


@dataclass(slots=True)
class PlannedEmbeddings:
    """Calls for the vectors of one model.

    Attributes:
        requests: number of calls.
        texts: in all of them.
        tokens: of these, counted in the model's encoding.
    """

    requests: int = 0
    texts: int = 0
    tokens: int = 0


class Plan:
    """Stands where a live chat model would, takes down what it is asked, and answers nothing.

    To whoever asks, it is a recording that is missing: a run over many users goes on to the next
    one, and what a reply would lead to is not planned.

    Args:
        address: of the server that would be called; empty where that is not known.

    Attributes:
        embed_address: likewise, of the server that would embed.
        requests: what was asked, by id, each once, in order.
        embeddings: the calls for vectors, by model.
        recorded: number of answers and vectors that are there already, by stage and model.
    """

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.embed_address = ""
        self.embeddings: dict[str, PlannedEmbeddings] = {}
        self.requests: dict[str, ChatRequest] = {}
        self.recorded: Counter[tuple[str, str]] = Counter()

    def is_recorded(self, request: ChatRequest) -> bool:
        """Return False: nothing is answered here."""
        return False

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Take the request down.

        Raises:
            RecordingMissing: always.
        """
        self.requests.setdefault(request.custom_id, request)
        raise RecordingMissing([request.label or request.custom_id], "planned, not called")

    def take_down_embeddings(self, model: str, n_texts: int, tokens: int) -> None:
        """Take down one call for vectors."""
        planned = self.embeddings.setdefault(model, PlannedEmbeddings())
        planned.requests += 1
        planned.texts += n_texts
        planned.tokens += tokens


class PlannedChatModel:
    """Answers as far as another chat model can, and has the plan count those answers.

    Args:
        chat: with the plan behind it.
        plan: counts.
    """

    def __init__(self, chat: ChatModel, plan: Plan) -> None:
        self._chat = chat
        self._plan = plan

    def is_recorded(self, request: ChatRequest) -> bool:
        """Say whether there is an answer."""
        return self._chat.is_recorded(request)

    async def reply(self, request: ChatRequest, *, renew: bool = False) -> ChatReply:
        """Answer; see ``ChatModel``."""
        reply = await self._chat.reply(request, renew=renew)
        self._plan.recorded[request.stage, request.model] += 1
        return reply
