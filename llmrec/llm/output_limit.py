"""The field of a request that limits its reply."""

import re
from collections.abc import Mapping
from typing import Any

from llmrec.errors import SettingsError

_FIELDS = ("max_tokens", "max_completion_tokens")

_REASONS = re.compile(r"(?:^|/)(?:o\d(?!\d)|gpt-[5-9])")
"""OpenAI's models that refuse max_tokens: their limit holds for thoughts and reply together."""


def output_limit(model: str, max_tokens: int) -> dict[str, int]:
    """Return the field that limits a model's reply: by its name alone, the same at every server."""
    name = "max_completion_tokens" if _REASONS.search(model) else "max_tokens"
    return {name: max_tokens}


def limited_output(sampling: Mapping[str, Any]) -> int | None:
    """Return how many tokens all replies to a request have together at most, None if any number.

    Raises:
        SettingsError: a limit is no number of tokens.
    """
    limits = [sampling[name] for name in _FIELDS if name in sampling]
    replies = sampling.get("n", 1)
    if not all(isinstance(number, int) and number > 0 for number in [*limits, replies]):
        raise SettingsError(f"n and {' and '.join(_FIELDS)} of --sampling: expected numbers from 1")
    return min(limits) * replies if limits else None
