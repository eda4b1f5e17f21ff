"""Other people's text made harmless for a terminal, and the one way to stderr."""

import unicodedata

import click

from llmrec.records.direction import without_turns


def visible(text: str) -> str:
    """Return a text on one line, without characters that steer a terminal or turn the reading."""
    return _harmless(" ".join(without_turns(text).split()))


def say(message: str) -> None:
    """Say something on stderr, on the lines it has, without characters that steer a terminal."""
    click.echo("\n".join(_harmless(line) for line in message.split("\n")), err=True)


def _harmless(line: str) -> str:
    kept = without_turns(line)
    return "".join(c for c in kept if unicodedata.category(c) not in ("Cc", "Cs"))
