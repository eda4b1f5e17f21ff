"""A ranked list, and the parts of a score that it rests on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmrec.records.ranking import ScoredItem

if TYPE_CHECKING:
    from llmrec.matching.score_parts import PartName


@dataclass(frozen=True, slots=True)
class FusedList:
    """A ranked list, and what it rests on.

    Attributes:
        items: best first.
        parts: those that knew something of the person; without any there are no items.
    """

    items: tuple[ScoredItem, ...]
    parts: "tuple[PartName, ...]"
