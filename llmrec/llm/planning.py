"""What would be asked, without asking it: for a dry run, and for batches."""

from llmrec.errors import RecordingMissing
from llmrec.llm.chat import ChatReply, ChatRequest


class Plan:
    """Stands where a live chat model would, takes down what it is asked, and answers nothing.

    To whoever asks, it is a recording that is missing: a run over many users goes on to the next
    one, and what a reply would lead to is not planned.

    Args:
        address: of the server that would be called; empty where that is not known.

    Attributes:
        requests: what was asked, by id, each once, in order.
    """

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.requests: dict[str, ChatRequest] = {}

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
