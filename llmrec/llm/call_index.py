"""Where in a call log the newest line of each request begins."""

from dataclasses import dataclass, field
from pathlib import Path

from llmrec.errors import InputError
from llmrec.llm.call_lines import LoggedLine, logged_lines


@dataclass(slots=True)
class CallIndex:
    """The newest line of each request, as far as the log was looked at.

    Attributes:
        places: where the lines begin, in bytes, by the 12 bytes of the request's id.
        end: the byte up to which every line is whole and counted.
        n_lines: number of lines before it.
    """

    places: dict[bytes, int] = field(default_factory=dict)
    end: int = 0
    n_lines: int = 0

    def read_on(self, path: Path, end: int | None = None) -> None:
        """Take in the lines of the log that follow, as far as the byte ``end``.

        A last line without its end is taken in, but read again the next time: another process may
        just be writing it.

        Raises:
            InputError: it is not a call log, or cannot be read.
        """
        for line in logged_lines(path, offset=self.end, number=self.n_lines, end=end):
            self.places[_key(line, path)] = line.offset
            if line.raw.endswith(b"\n"):
                self.end, self.n_lines = line.offset + len(line.raw), line.number + 1


def _key(line: LoggedLine, path: Path) -> bytes:
    try:
        return bytes.fromhex(line.custom_id)
    except ValueError:
        raise InputError(
            f"expected a custom_id of 24 hex digits, came {line.custom_id[:40]!r}",
            path=path,
            line=line.number,
        ) from None
