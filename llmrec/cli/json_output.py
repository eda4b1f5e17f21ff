"""What a program reads: lines of JSON."""

import errno
import re
import sys

import click

from llmrec.errors import InputError

_UNESCAPED = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What JSON allows as it is in a string, and a terminal may obey."""


def wants_json(output_format: str | None) -> bool:
    """Say whether output is for programs: asked for, or stdout is no terminal."""
    return output_format == "json" or (output_format is None and not sys.stdout.isatty())


def print_json(line: str) -> None:
    """Print a line of JSON: UTF-8, whatever the terminal's encoding.

    Characters that a terminal may obey are escaped: the same JSON, written differently.

    Raises:
        InputError: stdout cannot be written to, as on a full disk.
    """
    escaped = _UNESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
    try:
        click.echo(escaped.encode("utf-8"))
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader has seen enough, which click knows to end
            raise
        raise InputError(f"stdout: cannot be written: {error.strerror}") from None
