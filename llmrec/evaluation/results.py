"""RESULT.json: what an evaluation found, with the values of every user."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from llmrec.errors import InputError
from llmrec.records.messages import first_problem
from llmrec.records.profile import FORMAT, Format
from llmrec.records.replacing import replaced
from llmrec.records.reviews import RECORD, Id

SystemKind = Literal["without_llm", "with_llm", "run"]
Verdict = Literal["better", "not distinguishable", "worse"]

_NOT_STRICT = Field(strict=False)
NOT_COMPARABLE = (
    "NOT COMPARABLE: only some candidates were ranked, so these figures stand beside no figure of "
    "a whole catalogue, and beside none of other candidates"
)


@dataclass(frozen=True, slots=True, config=RECORD)
class Score:
    """A metric of a system over all users.

    Attributes:
        mean: over all users.
        low, high: ends of its 95 % interval.
        warning: why the interval may hold the true mean less often, or None.
    """

    mean: float
    low: float
    high: float
    warning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class SystemResult:
    """What one system found.

    Attributes:
        name: of the system, or as ``--run`` names it.
        kind: ``without_llm``, ``with_llm``, or a ``run`` that came in a file.
        missing: the users it has no list for; they count 0.
        scores: by metric.
        values: by metric, one for each of the result's users, in their order.
    """

    name: str
    kind: SystemKind
    missing: Annotated[tuple[Id, ...], _NOT_STRICT]
    scores: dict[str, Score]
    values: dict[str, Annotated[tuple[float, ...], _NOT_STRICT]]


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class Claim:
    """A system against a baseline, on the same users.

    Attributes:
        system, baseline: their names.
        metric: what they are compared by.
        difference: mean of system minus baseline.
        low, high: ends of its 95 % interval (Hall's symmetric bootstrap).
        p: of the paired sign-flip test, adjusted by Holm for all claims made together.
        n: number of users.
        verdict: better or worse where p is below .05 and the interval without 0.
        detectable: the smallest difference that as many users would have shown 80 times in 100.
        warning: why the interval may hold the true difference less often, or None.
    """

    system: str
    baseline: str
    metric: str
    difference: float
    low: float
    high: float
    p: float
    n: int
    verdict: Verdict
    detectable: float
    warning: str | None = None


@dataclass(frozen=True, slots=True, config=RECORD)
class Warned:
    """What has to be said above the result.

    Attributes:
        kind: what it is about.
        what: in a sentence.
        users: whom it concerns; empty where it concerns all.
    """

    kind: str
    what: str
    users: Annotated[tuple[Id, ...], _NOT_STRICT] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=RECORD)
class Result:
    """An evaluation.

    Attributes:
        format: version of the file format.
        versions: of llmrec and of the packages behind the figures.
        inputs: digests of what was evaluated, by name.
        settings: what was asked for, seeds included.
        comparable: whether whole catalogues were ranked.
        users: everybody evaluated, in the order of the split.
        lines: digest of each user's line of the split.
        n_items: size of the catalogue.
        warnings: to be said above every figure.
        not_checked: what the audit could not see.
        systems: best first, by the first metric.
        baseline: name of the best system without an LLM, or None.
        claims: each other system against it.
    """

    format: Format = FORMAT
    versions: dict[str, str]
    inputs: dict[str, str]
    settings: dict[str, Any]
    comparable: bool
    users: Annotated[tuple[Id, ...], _NOT_STRICT]
    lines: Annotated[tuple[str, ...], _NOT_STRICT]
    n_items: int
    warnings: Annotated[tuple[Warned, ...], _NOT_STRICT]
    not_checked: Annotated[tuple[str, ...], _NOT_STRICT]
    systems: Annotated[tuple[SystemResult, ...], _NOT_STRICT]
    baseline: str | None
    claims: Annotated[tuple[Claim, ...], _NOT_STRICT]

    @property
    def metrics(self) -> Sequence[str]:
        """Names of the metrics, the main one first."""
        names: Sequence[str] = self.settings["metrics"]
        return names

    @property
    def by_name(self) -> Mapping[str, SystemResult]:
        """The systems by name."""
        return {system.name: system for system in self.systems}

    def to_json(self) -> str:
        """Return the result as one JSON object."""
        return _RESULT.dump_json(self, indent=1).decode("utf-8")

    def write(self, path: str | Path) -> None:
        """Write RESULT.json: the same result gives the same bytes.

        Raises:
            InputError: it cannot be written.
        """
        with replaced(path) as file:
            file.write(self.to_json().encode("utf-8") + b"\n")


def read_result(path: str | Path) -> Result:
    """Read RESULT.json.

    Raises:
        InputError: it cannot be read, is not such a file, or a later version wrote it.
    """
    try:
        return _RESULT.validate_json(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None
    except ValidationError as error:
        what = f"not the result of an evaluation: {first_problem(error)}"
        raise InputError(what, path=path) from None


_RESULT = TypeAdapter(Result)
