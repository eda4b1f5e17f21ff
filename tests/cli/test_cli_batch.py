"""``llmrec batch``: from a command's requests to the same output at half the price."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_runs import PROFILE, Done, arguments, run, write_reviews
from serving.batch_server import BatchServer

from llmrec.llm.batch_folder import BatchFolder, Part

Llmrec = Callable[..., Done]

USERS = ("ann", "bo", "cy", "dee", "eve")


def profile_of(body: Any) -> str:
    """Reply a profile that tells who was asked about."""
    user = body["messages"][1]["content"].split("says ")[1].split(".")[0]
    return PROFILE.replace("counterpoint", f"what {user} says")


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(chat=profile_of) as serving:
        yield serving


@pytest.fixture
def llmrec(capsys: pytest.CaptureFixture[str], server: BatchServer) -> Llmrec:
    """Run a command; those that call a server get its address."""

    def command(*words: str) -> Done:
        called = words[0] == "batch" and words[1] not in ("export", "import")
        return run(capsys, [*words, *(["--base-url", server.url] if called else [])])

    return command


@pytest.fixture
def extract(server: BatchServer) -> list[str]:
    write_reviews(*USERS)
    return arguments(server.url)


@pytest.fixture
def direct(llmrec: Llmrec, extract: list[str]) -> bytes:
    """The output of the command itself."""
    assert llmrec(*extract).code == 0
    output = Path("p.jsonl").read_bytes()
    Path("p.jsonl").unlink()
    Path("calls.jsonl").unlink()
    return output


def files(folder: str = "b") -> list[str]:
    return [str(path) for path in sorted(Path(folder).glob("[oe]*.jsonl"))]


def states(done: Done) -> list[str | None]:
    return [part["status"] for part in done.json["parts"]]


def whole_way(llmrec: Llmrec, extract: list[str], folder: str = "b") -> Done:
    """Take all steps but the command itself, as far as they were not taken; return the import."""
    if not Path(folder, "batch.json").exists():
        assert llmrec("batch", "export", "-o", folder, *extract).code == 0
    for step in (["submit", folder], ["wait", folder, "--every", "0"], ["fetch", folder]):
        done = llmrec("batch", *step)
        assert done.code in (0, 1), done.err
    return llmrec("batch", "import", *files(folder), "--calls", "calls.jsonl")


def test_the_output_is_that_of_the_direct_run(
    llmrec: Llmrec, extract: list[str], direct: bytes, server: BatchServer
) -> None:
    n_direct = len(server.requests)
    exported = llmrec("batch", "export", "-o", "b", *extract)
    (part,) = exported.json["parts"]
    assert (part["requests"], part["status"]) == (5, None)
    assert not Path("p.jsonl").exists()
    assert len(server.requests) == n_direct
    assert states(llmrec("batch", "submit", "b")) == ["validating"]
    assert states(llmrec("batch", "status", "b")) == ["validating"]
    assert states(llmrec("batch", "status", "b")) == ["in_progress"]
    assert states(llmrec("batch", "fetch", "b")) == ["in_progress"]
    assert states(llmrec("batch", "wait", "b", "--every", "0")) == ["completed"]
    assert files() == []
    assert llmrec("batch", "fetch", "b").json["parts"][0]["fetched"] == ["output-001.jsonl"]
    done = llmrec("batch", "import", *files(), "--calls", "calls.jsonl")
    assert (done.code, done.json["answered"]) == (0, 5)
    asked = len(server.requests)
    again = llmrec(*extract)
    assert (again.code, again.json["calls"], again.json["replayed"]) == (0, 0, 5)
    assert Path("p.jsonl").read_bytes() == direct
    assert len(server.requests) == asked
    labels = [json.loads(line)["label"] for line in Path("calls.jsonl").read_text().splitlines()]
    assert sorted(labels) == [f"extract_profile/{user}" for user in USERS]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("nth", range(8))
def test_killed_between_two_steps_and_taken_up_again_it_is_the_same(
    llmrec: Llmrec, extract: list[str], direct: bytes, server: BatchServer,
    monkeypatch: pytest.MonkeyPatch, nth: int, before: bool,
) -> None:  # fmt: skip
    """A kill before or after the n-th time that the folder is written."""
    kept = BatchFolder.keep
    times = iter(range(100))

    def keep(folder: BatchFolder, part: Part) -> Part:
        dies = next(times) == nth
        if dies and before:
            raise Killed
        done = kept(folder, part)
        if dies:
            raise Killed
        return done

    monkeypatch.setattr(BatchFolder, "keep", keep)
    try:
        whole_way(llmrec, extract)
        killed = False
    except Killed:
        killed = True
    assert killed == (nth < 7)
    done = whole_way(llmrec, extract)
    assert (done.code, done.json["answered"] + done.json["known"]) == (0, 5)
    assert llmrec(*extract).json["calls"] == 0
    assert Path("p.jsonl").read_bytes() == direct
    assert set(server.paid.values()) == {1}
    assert len(server.batches) == 1


@pytest.mark.parametrize("ends", ["expired", "cancelled"])
def test_of_a_batch_that_died_half_way_nothing_is_paid_twice(
    llmrec: Llmrec, extract: list[str], direct: bytes, server: BatchServer, ends: str
) -> None:
    server.ends, server.partial = ends, 2
    done = whole_way(llmrec, extract)
    assert llmrec("batch", "wait", "b").code == 1
    assert (done.code, done.json["answered"]) == (1, 2)
    assert len(done.json["expired"]) + len(done.json["failed"]) == 3
    server.ends = "completed"
    assert llmrec("batch", "export", "-o", "b2", *extract).json["parts"][0]["requests"] == 3
    assert whole_way(llmrec, extract, "b2").code == 0
    assert llmrec(*extract).json["calls"] == 0
    assert Path("p.jsonl").read_bytes() == direct
    assert set(server.paid.values()) == {1}
    assert len(server.paid) == 5


def test_lines_that_failed_are_named_and_asked_again(
    llmrec: Llmrec, extract: list[str], direct: bytes, server: BatchServer
) -> None:
    failed = {"response": {"status_code": 500, "body": {"error": "broken"}}, "error": None}
    server.fault = lambda line: failed if "says bo" in json.dumps(line) else None
    done = whole_way(llmrec, extract)
    assert (done.code, done.json["answered"]) == (1, 4)
    assert list(done.json["failed"]) == ["extract_profile/bo"]
    assert "extract_profile/bo: 500" in done.err
    assert files() == ["b/errors-001.jsonl", "b/output-001.jsonl"]
    again = llmrec(*extract)
    assert (again.json["calls"], again.json["replayed"]) == (1, 4)
    assert Path("p.jsonl").read_bytes() == direct


def test_a_file_that_the_server_refuses_is_said(
    llmrec: Llmrec, extract: list[str], server: BatchServer
) -> None:
    server.ends = "failed"
    llmrec("batch", "export", "-o", "b", *extract)
    llmrec("batch", "submit", "b")
    done = llmrec("batch", "wait", "b", "--every", "0")
    assert (done.code, states(done)) == (1, ["failed"])
    assert "input-001.jsonl: the server refuses it: Line 1 is no request." in done.err
    assert llmrec("batch", "fetch", "b").code == 0
    server.ends = "completed"
    assert llmrec("batch", "export", "-o", "b2", *extract).code == 0
    assert whole_way(llmrec, extract, "b2").code == 0
    assert len(server.batches) == 2


def test_a_person_is_told_in_sentences(llmrec: Llmrec, extract: list[str]) -> None:
    table = ["--format", "table"]
    done = llmrec("batch", "export", "-o", "b", *table, *extract)
    assert done.out == "b/input-001.jsonl: 5 requests, not submitted\n"
    whole_way(llmrec, extract)
    done = llmrec("batch", "status", "b", *table)
    assert done.out == "b/input-001.jsonl: 5 requests, completed, output-001.jsonl\n"
    done = llmrec("batch", "import", *files(), "--calls", "calls.jsonl", *table)
    assert done.out.startswith("0 answers imported, 5 known before; 0 failed, 0 expired, 0 missing")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["export", "-o", "b", "show", "p.jsonl"],
            "a command that calls a chat model, came 'show'",
        ),
        (["export", "-o", "b", "nothing"], "came 'nothing'"),
        (["submit", "b"], "no folder of batches"),
        (["import", "b/output-001.jsonl"], "batch import needs --calls LOG"),
    ],
)
def test_what_cannot_be_done_is_said(llmrec: Llmrec, words: list[str], said: str) -> None:
    done = llmrec("batch", *words)
    assert (done.code, said in done.err) == (2, True), done.err


def test_a_server_has_to_be_named(
    llmrec: Llmrec, extract: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    llmrec("batch", "export", "-o", "b", *extract)
    done = run(capsys, ["batch", "submit", "b"])
    assert (done.code, "nothing says which server to call" in done.err) == (2, True)


def test_what_is_recorded_is_not_exported(llmrec: Llmrec, extract: list[str]) -> None:
    llmrec(*extract)
    done = llmrec("batch", "export", "-o", "b", *extract)
    assert (done.code, "nothing is left to ask" in done.err) == (2, True)
