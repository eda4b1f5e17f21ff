"""Gates: what an evaluation has to reach for a build to pass."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llmrec.errors import InputError, SettingsError
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.results import Result

MAIN_SYSTEM = "profile-hub"


@dataclass(frozen=True, slots=True)
class Gate:
    """A mean that must not be missed.

    Attributes:
        system: whose; None for ``profile-hub``, or for the best where that is not evaluated.
        metric: its name.
        least: what the mean has to reach.
    """

    system: str | None
    metric: str
    least: float

    @classmethod
    def parse(cls, text: str) -> "Gate":
        """Read ``nDCG@10=.10`` or ``SYSTEM:nDCG@10=.10``.

        Raises:
            InputError: it is not of this form.
        """
        left, equals, least = text.rpartition("=")
        system, _, metric = left.rpartition(":")
        try:
            value = float(least)
        except ValueError:
            value = math.nan
        if not equals or not math.isfinite(value):
            raise InputError(
                f"--fail-under: [SYSTEM:]METRIC=NUMBER is expected, as nDCG@10=.10, came {text!r}"
            )
        return cls(system or None, str(Metric.parse(metric)), value)


def failures(gates: Iterable[Gate], result: Result) -> Iterator[str]:
    """Yield a sentence for each gate that the result does not pass.

    Raises:
        SettingsError: a gate's system or metric was not evaluated.
    """
    for gate in gates:
        if gate.metric not in result.metrics:
            raise SettingsError(
                f"--fail-under: {gate.metric} was not evaluated: add it to --metrics "
                f"({', '.join(result.metrics)})"
            )
        name = gate.system or (
            MAIN_SYSTEM if MAIN_SYSTEM in result.by_name else result.systems[0].name
        )
        if name not in result.by_name:
            raise SettingsError(
                f"--fail-under: {name} was not evaluated: there are {', '.join(result.by_name)}"
            )
        mean = result.by_name[name].scores[gate.metric].mean
        if mean < gate.least:
            yield f"{name}: {gate.metric} is {mean:.4f}, at least {gate.least:g} is expected"
