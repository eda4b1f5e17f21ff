"""Canonical JSON and the digests that identify requests, reviews, splits and vectors."""

import hashlib
import json
from pathlib import Path

from llmrec.errors import InputError


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, characters as they are."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def text_digest(text: str) -> str:
    """Return the first 24 hex digits of the SHA-256 of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:24]


def digest(value: object) -> str:
    """Return the first 24 hex digits of the SHA-256 of a value's canonical JSON."""
    return text_digest(canonical_json(value))


def file_digest(path: str | Path) -> str:
    """Return the first 24 hex digits of the SHA-256 of a file's bytes.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:24]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None
