"""How a list is shown to the model that puts it in order, and how often."""

from dataclasses import dataclass
from typing import Final

from llmrec.reranking.order import ShownOrder


@dataclass(frozen=True, slots=True)
class RerankOptions:
    """How a list is shown and how often; the defaults make one call a user.

    Attributes:
        order: in which the candidates are shown; see ``shown_order``.
        passes: number of calls, each in another order, whose ranks are fused.
        window: how many candidates one call takes, 2 or more; None for all of them. Windows go
            from the end of the list to its beginning, each over what the one before left there
            (Sun et al. 2023).
        stride: how far a window stands before the one behind it, from 1 to ``window``; None for
            half a window.
        weight: of the model's ranks against those of the first stage, in [0, 1], in reciprocal
            rank fusion; 1 leaves the first stage out.
        facts: whether the model is told which interests brought an item, and how many people
            chose it where that is known; needs the prompt with facts.
    """

    order: ShownOrder = "hash"
    passes: int = 1
    window: int | None = None
    stride: int | None = None
    weight: float = 1.0
    facts: bool = False


DEFAULT_OPTIONS: Final = RerankOptions()
