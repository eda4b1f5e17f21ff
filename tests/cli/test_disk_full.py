"""A run whose call log can no longer be added to: it ends, and says what was paid for and lost."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from live_runs import PROFILE, arguments, logged, run, write_reviews
from serving.openai_server import OpenAIServer


def test_a_full_disk_ends_the_run_and_the_next_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    write_reviews("ann", "bob")
    with OpenAIServer(chat=lambda body: PROFILE) as server:
        one = run(capsys, arguments(server.url))
        assert one.code == 0
        whole = Path("calls.jsonl").read_bytes()
        Path("calls.jsonl").unlink()
        room = len(whole.splitlines(keepends=True)[0]) + 100
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            done = run(capsys, arguments(server.url))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert done.code == 2
        assert "calls.jsonl: cannot be written: File too large: the answer to" in done.err
        assert "extract_profile/bob came, but is not recorded and not used" in done.err
        assert [line["label"] for line in logged()] == ["extract_profile/ann"]
        before = len(server.requests)
        again = run(capsys, arguments(server.url))
        assert again.code == 0
        assert len(server.requests) == before + 1
        assert json.loads(Path("p.jsonl").read_text("utf-8").splitlines()[1])["user_id"] == "bob"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_one_error(demo: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "llmrec",
        "split",
        str(demo / "reviews.jsonl"),
        "-o",
        "s.jsonl",
    ]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert b"error: stdout: cannot be written: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
