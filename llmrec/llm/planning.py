"""What would be asked, without asking it: for a dry run, and for batches."""

from collections import Counter

from llmrec.errors import RecordingMissing
from llmrec.llm.chat import ChatModel, ChatReply, ChatRequest


class Plan:
    """Stands where a live chat model would, takes down what it is asked, and answers nothing.

    To whoever asks, it is a recording that is missing: a run over many users goes on to the next
    one, and what a reply would lead to is not planned.

    Args:
        address: of the server that would be called; empty where that is not known.

    Attributes:
        requests: what was asked, by id, each once, in order.
        recorded: number of answers that are there already, by stage and model.
    """

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.requests: dict[str, ChatRequest] = {}
        self.recorded: Counter[tuple[str, str]] = Counter()

    def is_recorded(self, request: ChatRequest) -> bool:
        """Return False: nothing is answered here."""
        return False

    async def reply(self, request: ChatRequest) -> ChatReply:
        """Take the request down.

        Raises:
            RecordingMissing: always.
        """
        self.requests.setdefault(request.custom_id, request)
        raise RecordingMissing([request.label or request.custom_id], "planned, not called")


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

    async def reply(self, request: ChatRequest) -> ChatReply:
        """Answer; see ``ChatModel``."""
        reply = await self._chat.reply(request)
        self._plan.recorded[request.stage, request.model] += 1
        return reply
