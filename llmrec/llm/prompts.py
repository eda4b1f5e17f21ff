"""Prompts: a pair of text files, system and user message, placeholders checked at load."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from string import Template

from llmrec.digests import digest
from llmrec.errors import PromptError
from llmrec.llm.chat import Message
from llmrec.resources import resource_dir


@dataclass(frozen=True, slots=True)
class Prompt:
    """A system message and a template for the user message.

    Attributes:
        name: of the pair of files, ``NAME.system.md`` and ``NAME.user.md``.
        system: text, as it is.
        user: text with ``$placeholders`` (``string.Template``); ``$$`` is a dollar sign.
    """

    name: str
    system: str
    user: str

    @property
    def digest(self) -> str:
        """24 hex digits that identify both texts."""
        return digest([self.system, self.user])

    def messages(self, **values: str) -> tuple[Message, Message]:
        """Fill in the placeholders; values are data and are never looked into."""
        return (
            Message("system", self.system),
            Message("user", Template(self.user).substitute(values)),
        )


def load_prompt(
    name: str, placeholders: Collection[str], directory: str | Path | None = None
) -> Prompt:
    """Load a prompt.

    Args:
        name: of the pair of files.
        placeholders: that the user message must have, all of them and no other.
        directory: a folder of one's own prompts; None for those of the package.

    Raises:
        PromptError: a file is missing, or its placeholders are not these.
    """
    folder = resource_dir("prompts") if directory is None else Path(directory)
    system, user = (_text(folder / f"{name}.{part}.md") for part in ("system", "user"))
    template = Template(user)
    if not template.is_valid():
        raise PromptError(f"{folder / f'{name}.user.md'}: a '$' that begins no name: write '$$'")
    found = set(template.get_identifiers())
    if found != set(placeholders):
        raise PromptError(
            f"{folder / f'{name}.user.md'}: expected the placeholders "
            f"{_dollars(placeholders)}, came {_dollars(found)}"
        )
    return Prompt(name, system, user)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{path}: the prompt cannot be read: {error}") from None


def _dollars(names: Collection[str]) -> str:
    return ", ".join(f"${name}" for name in sorted(names)) or "none"
