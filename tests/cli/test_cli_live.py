"""Commands that call a server: what is reused, which settings count, what a stop leaves behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_runs import PROFILE, Done, arguments, impatient, logged, run, write_reviews
from serving import faults
from serving.openai_server import Answer, OpenAIServer, Script, completion

from llmrec.llm.limits import RateLimiter

KEY = "sk-test-0123456789abcdef"
Run = Callable[..., Done]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(chat=lambda body: PROFILE) as serving:
        yield serving


@pytest.fixture
def extract(capsys: pytest.CaptureFixture[str], server: OpenAIServer) -> Run:
    """Run an extraction in this process; ``url=None`` names no server."""
    return lambda *more, url=server.url: run(capsys, arguments(url, *more))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmrec.llm.openai_client.Server", impatient)


def posts(server: OpenAIServer) -> list[Any]:
    return [received.body for received in server.requests if received.method == "POST"]


def users_asked(server: OpenAIServer) -> list[str]:
    return [
        body["messages"][1]["content"].split("says ")[1].split(".")[0] for body in posts(server)
    ]


# Once called, never again


def test_the_second_run_is_free_and_the_same(server: OpenAIServer, extract: Run) -> None:
    write_reviews("ann", "bo", "cy")
    first = extract()
    assert (first.code, first.json["calls"], first.json["replayed"]) == (0, 3, 0)
    profiles, log = Path("p.jsonl").read_bytes(), Path("calls.jsonl").read_bytes()
    for more in ([], ["--replay"]):
        again = extract(*more)
        assert (again.code, again.json["calls"], again.json["replayed"]) == (0, 0, 3)
        tokens = ("input_tokens", "output_tokens")
        assert [again.json[key] for key in tokens] == [first.json[key] for key in tokens]
        assert (Path("p.jsonl").read_bytes(), Path("calls.jsonl").read_bytes()) == (profiles, log)
    assert len(posts(server)) == 3


def test_a_recorded_run_needs_no_server(server: OpenAIServer, extract: Run) -> None:
    write_reviews("ann")
    extract()
    assert extract(url=None).code == 0
    assert extract("--replay", url=None).code == 0


def test_only_new_users_are_called_for(server: OpenAIServer, extract: Run) -> None:
    write_reviews("ann")
    extract()
    write_reviews("ann", "bo")
    done = extract()
    assert (done.json["calls"], done.json["replayed"]) == (1, 1)
    assert users_asked(server) == ["ann", "bo"]


def test_fresh_calls_for_everybody(server: OpenAIServer, extract: Run) -> None:
    write_reviews("ann", "bo")
    extract()
    assert extract("--fresh").json["calls"] == 2
    assert users_asked(server) == ["ann", "bo"] * 2


def test_sampling_reaches_the_wire_and_the_id(server: OpenAIServer, extract: Run) -> None:
    write_reviews("ann")
    extract()
    extract("--sampling", "temperature=0", "--sampling", "reasoning_effort=low")
    extract("--sampling", "max_completion_tokens=99")
    keys = [body.keys() - {"model", "messages", "response_format"} for body in posts(server)]
    assert keys == [set(), {"temperature", "reasoning_effort"}, {"max_completion_tokens"}]
    assert posts(server)[1]["temperature"] == 0
    assert posts(server)[1]["reasoning_effort"] == "low"
    assert [line["body"] for line in logged()] == posts(server)


@pytest.mark.parametrize("field", ["model", "messages", "response_format", "stream"])
def test_what_is_no_sampling_cannot_be_set_as_if(extract: Run, field: str) -> None:
    write_reviews("ann")
    done = extract("--sampling", f"{field}=true")
    assert done.code == 2
    assert f"such as temperature are expected, came {field}" in done.err


def test_the_wrong_model_is_said_once_and_ends_the_run(server: OpenAIServer, extract: Run) -> None:
    write_reviews("ann", "bo")
    server.always(faults.WRONG_MODEL)
    done = extract()
    assert done.code == 5
    assert "error: " in done.err
    assert "the server offers small, tiny" in done.err
    assert len(posts(server)) == 1
    assert not Path("p.jsonl").exists()


@pytest.mark.usefixtures("at_once")
def test_a_server_that_is_silent_for_three_users_ends_the_run(
    server: OpenAIServer, extract: Run
) -> None:
    write_reviews(*"abcdefgh")
    server.script(*[Answer(body=completion(PROFILE))] * 2)
    server.always(faults.OVERLOADED)
    done = extract()
    assert done.code == 5
    assert users_asked(server) == [*"ab", *["c"] * 6, *["d"] * 6, *["e"] * 6]
    assert "5 users: 2 profiles, 2 failed; 2 calls" in done.err
    server.always(None)
    again = extract()
    assert (again.code, again.json["calls"], again.json["replayed"]) == (0, 6, 2)


@pytest.mark.usefixtures("at_once")
def test_users_who_fail_for_other_reasons_do_not_end_the_run(
    server: OpenAIServer, extract: Run
) -> None:
    write_reviews(*"abcdefgh")
    unavailable = [faults.OVERLOADED] * 6
    server.script(*unavailable, *unavailable, faults.CUT_OFF, *unavailable, *unavailable)
    done = extract()
    assert done.code == 1
    assert list(done.json["failed"]) == [*"abcde"]
    assert done.json["profiles"] == 3


# Several users at once


@pytest.mark.usefixtures("at_once")
def test_several_at_once_write_the_same_file(server: OpenAIServer, extract: Run) -> None:
    users = [f"u{n}" for n in range(30)]
    write_reviews(*users)
    assert extract().code == 0
    alone = Path("p.jsonl").read_bytes()
    Path("calls.jsonl").unlink()
    server.script(faults.busy(), faults.BROKEN, *[faults.OVERLOADED] * 3, faults.CUT_BEFORE)
    done = extract("--concurrency", "7")
    assert (done.code, done.json["calls"], done.json["profiles"]) == (0, 30, 30)
    assert Path("p.jsonl").read_bytes() == alone


def test_limits_reach_the_server_that_is_called(
    server: OpenAIServer, extract: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reviews("ann")
    given: list[tuple[object, ...]] = []

    def limiter(*limits: object) -> RateLimiter:
        given.append(limits)
        return RateLimiter()

    monkeypatch.setattr("llmrec.llm.limits.RateLimiter", limiter)
    assert extract("--rpm", "500", "--tpm", "30000").code == 0
    assert extract().code == 0
    assert given == [(500, 30_000), (None, None)]


def test_a_request_larger_than_the_limit_is_said(server: OpenAIServer, extract: Run) -> None:
    write_reviews(*"abcd")
    done = extract("--tpm", "500", "--concurrency", "4")
    assert done.code == 2
    assert "raise --tpm, or send less" in done.err
    assert server.requests == []


# Settings


@pytest.fixture
def servers() -> Iterator[dict[str, OpenAIServer]]:
    names = ["OPENAI", "file", "LLMREC", "flag"]
    made = {name: OpenAIServer(chat=lambda body: PROFILE).__enter__() for name in names}
    yield made
    for one in made.values():
        one.__exit__()


@pytest.mark.parametrize("n_set", [1, 2, 3, 4])
def test_stronger_settings_win(
    servers: dict[str, OpenAIServer],
    extract: Run,
    monkeypatch: pytest.MonkeyPatch,
    n_set: int,
) -> None:
    write_reviews("ann")
    urls = {name: one.url for name, one in list(servers.items())[:n_set]}
    monkeypatch.setenv("OPENAI_BASE_URL", urls["OPENAI"])
    if "file" in urls:
        Path("llmrec.toml").write_text(f'base_url = "{urls["file"]}"', "utf-8")
    if "LLMREC" in urls:
        monkeypatch.setenv("LLMREC_BASE_URL", urls["LLMREC"])
    assert extract(url=urls.get("flag")).code == 0
    asked = [name for name, one in servers.items() if one.requests]
    assert asked == [list(urls)[-1]]


@pytest.mark.parametrize(
    ("variables", "more", "sent"),
    [
        ({}, [], None),
        ({"OPENAI_API_KEY": "a"}, [], "a"),
        ({"OPENAI_API_KEY": "a", "LLMREC_API_KEY": "b"}, [], "b"),
        ({"OPENAI_API_KEY": "a", "LLMREC_API_KEY": ""}, [], "a"),
        ({"OPENAI_API_KEY": "a", "LLMREC_API_KEY": "b", "MINE": "c"}, ["--api-key-env=MINE"], "c"),
        ({"MINE": "c", "LLMREC_API_KEY_ENV": "MINE"}, [], "c"),
    ],
)
def test_the_key_comes_from_its_variable(
    server: OpenAIServer,
    extract: Run,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    more: list[str],
    sent: str | None,
) -> None:
    write_reviews("ann")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert extract(*more).code == 0
    expected = None if sent is None else f"Bearer {sent}"
    assert server.requests[0].headers.get("authorization") == expected


def test_a_key_with_a_line_end_is_used_without_it(
    server: OpenAIServer, extract: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reviews("ann")
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    assert extract().code == 0
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_variable_that_holds_no_key_is_named(extract: Run) -> None:
    write_reviews("ann")
    done = extract("--api-key-env", "MINE")
    assert done.code == 2
    assert "MINE" in done.err


# Secrets

LEAKS: dict[str, Script] = {
    "it answers": Answer(body=completion(PROFILE)),
    **{
        f"it echoes, {n}": faults.echoing(status=n)
        for n in (200, 302, 400, 401, 403, 404, 429, 500)
    },
    "cut": faults.CUT_WITHIN,
    "no JSON": lambda received: Answer(body=received.headers["authorization"].encode()),
    "no choices": lambda received: Answer(body={"error": received.headers["authorization"]}),
    "no object": lambda received: Answer(body=[received.headers["authorization"]]),
    "in the reply": lambda received: Answer(
        body=completion(PROFILE.replace("counterpoint", received.headers["authorization"]))
    ),
}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("leak", LEAKS)
def test_no_output_and_no_file_holds_the_key(
    server: OpenAIServer, extract: Run, monkeypatch: pytest.MonkeyPatch, leak: str
) -> None:
    write_reviews("ann", "bo")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.always(LEAKS[leak])
    done = extract("--verbose")
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    written = [path.read_bytes() for path in Path().rglob("*") if path.is_file()]
    assert KEY not in done.out + done.err
    assert not any(KEY.encode() in content for content in written)


def started(*command: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "llmrec", *command],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_process_says_the_key_nowhere(server: OpenAIServer) -> None:
    write_reviews("ann")
    server.always(faults.echoing(status=401))
    process = started(*arguments(server.url, "--verbose"), OPENAI_API_KEY=KEY)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "the server refuses the key from OPENAI_API_KEY" in err
    assert KEY not in out + err
    assert "Traceback" not in err


# Ctrl-C


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """Return what a process says on stderr, up to the line with these words."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without saying {words!r}: {said}")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("held", [Answer(body=completion(PROFILE), held=True), None])
def test_ctrl_c_finishes_the_call_under_way_and_makes_no_other(
    server: OpenAIServer, extract: Run, held: Answer | None
) -> None:
    write_reviews("ann", "bo", "cy")
    bad = Answer(body=completion("not yet"), held=True)  # would be followed up
    server.script(Answer(body=completion(PROFILE)), held or bad)
    process = started(*arguments(server.url))
    assert server.held.wait(30)
    process.send_signal(signal.SIGINT)
    said = read_until(process, "stopping after the calls under way")
    server.release()
    out, rest = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "2 calls, 0 replayed" in rest
    assert "interrupted" in rest
    assert "Traceback" not in said + rest
    assert users_asked(server) == ["ann", "bo"]
    assert len(logged()) == 2
    assert sorted(path.name for path in Path().iterdir()) == ["calls.jsonl", "reviews.jsonl"]
    again = extract()
    assert (again.code, again.json["profiles"]) == (0, 3)
    assert users_asked(server)[2:] == (["cy"] if held else ["bo", "cy"])


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_ctrl_c_does_not_wait_for_retry_after(server: OpenAIServer, extract: Run) -> None:
    write_reviews(*"abcdef")
    server.script(*[Answer(body=completion(PROFILE))] * 2)
    server.always(faults.busy(retry_after="200"))
    process = started(*arguments(server.url, "--concurrency", "4", "--verbose"))
    read_until(process, "once more in 200.0 s")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "2 profiles, 0 failed; 2 calls, 0 replayed" in err
    assert "Traceback" not in err
    assert len(logged()) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_ctrl_c_again_stops_at_once(server: OpenAIServer, extract: Run) -> None:
    write_reviews("ann", "bo")
    server.script(Answer(body=completion(PROFILE)), faults.SLOW)
    process = started(*arguments(server.url))
    assert server.held.wait(30)
    process.send_signal(signal.SIGINT)
    read_until(process, "stopping after the calls under way")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert len(logged()) == 1
    assert not Path("p.jsonl").exists()


# Embeddings


def index(url: str, *more: str) -> list[str]:
    return [
        "index",
        "items.jsonl",
        "-o",
        "index",
        "--embedder",
        "openai:tiny",
        "--base-url",
        url,
        *more,
    ]


@pytest.fixture
def items() -> None:
    rows = [{"item_id": f"i{n}", "title": f"Fugue {n}"} for n in range(5)]
    Path("items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.mark.usefixtures("items")
def test_an_index_is_made_and_asked_over_the_wire(
    server: OpenAIServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, index(server.url, "--vectors", "v.npz")).code == 0
    made = len(posts(server))
    like = ["recommend", "--like", "a fugue", "--index", "index", "--base-url", server.url]
    first = run(capsys, like)
    assert len(posts(server)) == made + 1
    for command in (like, [*like, "--replay"]):
        assert run(capsys, command).out == first.out
    assert run(capsys, index(server.url, "--vectors", "v.npz", "--replay")).code == 0
    assert len(posts(server)) == made + 1


@pytest.mark.usefixtures("items")
def test_vectors_that_came_before_a_fault_are_kept(
    server: OpenAIServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("llmrec.llm.embedding_requests.MAX_BATCH_TEXTS", 2)
    server.script(*[lambda received: server.proper(received)] * 2)
    server.always(faults.echoing(status=401))
    done = run(capsys, index(server.url, "--vectors", "v.npz"))
    assert done.code == 5
    assert not Path("index").exists()
    server.always(None)
    assert run(capsys, index(server.url, "--vectors", "v.npz")).code == 0
    texts = [text for body in posts(server) for text in body["input"]]
    assert len(texts) == 2 + 2 + 1 + 1 + 5
    content = Path("v.npz").read_bytes()
    assert KEY.encode() not in content
    assert KEY not in done.out + done.err
