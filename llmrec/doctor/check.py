"""What came of looking at one thing."""

from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """What came of looking at one thing.

    Attributes:
        name: of the thing.
        status: ``failed`` for what cannot be done with these settings, ``warning`` for what can be
            done with less, ``skipped`` for what nobody asked for or what rests on a failure.
        found: what there is.
        advice: what to do, if there is something to do.
    """

    name: str
    status: Status
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the fields by name."""
        return asdict(self)
