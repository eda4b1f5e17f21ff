"""Counting and cutting by tokens. The vocabulary comes with the package: no download."""

import functools
import hashlib
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llmrec.errors import SettingsError

if TYPE_CHECKING:
    from tiktoken import Encoding

log = logging.getLogger(__name__)

_VOCABULARY = Path(__file__).resolve().parent / "vocabulary"
_FILES = {
    "o200k_base": (
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "cl100k_base": (
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
}
"""Name in tiktoken's cache and SHA-256, as in tiktoken's own source."""

_DEFAULT = "o200k_base"

ENCODINGS = tuple(_FILES)
"""Names of the encodings that come with the package."""

_LOADING = threading.Lock()


def count_tokens(text: str, encoding: str = _DEFAULT) -> int:
    """Return the number of tokens of a text; special tokens in it are text."""
    return len(_encoding(encoding).encode_ordinary(text))


@functools.cache
def encoding_of(model: str) -> str:
    """Return the name of a model's encoding; o200k_base for models that tiktoken does not know."""
    return _known_encoding(model) or _DEFAULT


@functools.cache
def say_if_unknown(model: str) -> None:
    """Say, once, that a model's tokens are counted with another's encoding."""
    if _known_encoding(model) is None:
        log.info("tokens of %s are counted with %s: its own are not known here", model, _DEFAULT)


def _known_encoding(model: str) -> str | None:
    from tiktoken.model import encoding_name_for_model

    try:
        name = encoding_name_for_model(model)
    except KeyError:
        return None
    return name if name in _FILES else None


def cut_to_tokens(text: str, max_tokens: int) -> str:
    """Return the text if it has at most ``max_tokens`` tokens, else its beginning.

    The beginning ends in no half character and in no space, and may be a few characters shorter
    than the limit allows. Tokens are o200k_base's.
    """
    encoding = _encoding(_DEFAULT)
    ids = encoding.encode_ordinary(text)
    if len(ids) <= max_tokens:
        return text
    return encoding.decode(ids[:max_tokens]).rstrip("\ufffd ").rstrip()


@functools.cache
def _encoding(name: str) -> "Encoding":
    import tiktoken

    with _LOADING, _vocabulary_of_package(name):
        return tiktoken.get_encoding(name)


@contextmanager
def _vocabulary_of_package(name: str) -> Iterator[None]:
    """Point tiktoken at the package's file, checked first: it deletes one with a wrong hash."""
    file, sha256 = _FILES[name]
    path = _VOCABULARY / file
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise SettingsError(f"{path}: the token vocabulary is damaged: install llmrec again")
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(_VOCABULARY)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TIKTOKEN_CACHE_DIR"]
        else:
            os.environ["TIKTOKEN_CACHE_DIR"] = before
