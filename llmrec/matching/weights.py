"""A file of fitted weights, as far as a score needs it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from llmrec.errors import IndexMismatch, InputError
from llmrec.matching.score_parts import PartName
from llmrec.records.messages import first_problem
from llmrec.records.profile import FORMAT, Format
from llmrec.records.reviews import RECORD


@dataclass(frozen=True, slots=True, config=RECORD)
class Weight:
    """How much a part counts.

    Attributes:
        weight: in [0, 1]; those of all parts sum to 1.
        low, high: ends of its 95 % interval.
    """

    weight: Annotated[float, Field(ge=0, le=1)]
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class Weights:
    """What a score reads of a file of weights; how they came about is the evaluation's.

    Attributes:
        format: version of the file format.
        embedder: the model whose vectors they were fitted with.
        weights: of each part.
    """

    format: Format = FORMAT
    embedder: str
    weights: Mapping[PartName, Weight]

    def of(self, embedder: str) -> dict[PartName, float]:
        """Return the weights, for an index of this embedder.

        Raises:
            IndexMismatch: they were fitted with another one.
        """
        if embedder != self.embedder:
            raise IndexMismatch(
                f"the weights were fitted with vectors of {self.embedder!r}, and the index has "
                f"those of {embedder!r}: fit them again (llmrec fit)"
            )
        return {name: one.weight for name, one in self.weights.items()}


_WEIGHTS = TypeAdapter(Weights)


def read_weights(path: str | Path) -> Weights:
    """Read what ``llmrec fit`` wrote.

    Raises:
        InputError: it cannot be read, is no such file, or a later version wrote it.
    """
    try:
        return _WEIGHTS.validate_json(Path(path).read_bytes(), extra="ignore")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None
    except ValidationError as error:
        raise InputError(f"not a file of weights: {first_problem(error)}", path=path) from None
