"""Running ``llmrec doctor`` inside this process, and a server for it."""

from collections.abc import Iterator

import pytest
from doctor_runs import Doctor, Done, FakeServer

from llmrec import cli


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run the command with an embedder that needs nothing, if no other is named."""

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        embedder = () if "--embedder" in arguments else ("--embedder", "lexical")
        code = cli.run(["doctor", *embedder, *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return run
