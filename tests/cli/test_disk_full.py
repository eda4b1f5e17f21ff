"""A run whose call log can no longer be added to: it ends, and says what was paid for and lost."""

import json
import resource
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
