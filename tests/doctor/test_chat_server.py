"""Servers that answer, and servers that do not."""

import threading

import pytest
from doctor_runs import GOOD, Answer, Body, Doctor, FakeServer, completion

from llmrec.doctor import servers

KEY = "sk-not-to-be-said"


def test_a_model_that_is_not_listed_may_answer_all_the_same(
    doctor: Doctor, server: FakeServer
) -> None:
    models = [f"m{n}" for n in range(10)]
    server.models = lambda: (200, {"data": [{"id": name} for name in models]})
    done = doctor("--base-url", server.url, "--model", "m10")
    assert done.code == 0
    assert done["model"]["status"] == "warning"
    assert done["model"]["found"].startswith("'m10' is not listed; the server offers m")
    assert done["model"]["found"].endswith(" and 5 more")
    assert done["structured output"]["status"] == "ok"
    assert done["structured output"]["found"].startswith("json_schema (about ")
    assert done["prices"]["status"] == "warning"


def test_without_a_model_the_servers_models_are_named(doctor: Doctor, server: FakeServer) -> None:
    done = doctor("--base-url", server.url)
    assert done.code == 0
    assert done["model"]["status"] == "skipped"
    assert done["model"]["advice"] == "--model NAME; the server offers big, tiny"
    assert done["structured output"]["status"] == "skipped"
    assert [path for path, _ in server.asked] == ["/v1/models"]


@pytest.mark.parametrize(
    ("refused", "level", "calls"),
    [({"json_schema"}, "json_object", 2), ({"json_schema", "json_object"}, "text", 3)],
)
def test_the_level_of_structured_output_is_found(
    doctor: Doctor, server: FakeServer, refused: set[str], level: str, calls: int
) -> None:
    def chat(body: Body) -> Answer:
        if body.get("response_format", {}).get("type") in refused:
            return 400, {"error": {"message": "response_format is not supported"}}
        return completion(f"Here it is: {GOOD}")

    server.chat = chat
    done = doctor("--base-url", server.url, "--model", "tiny")
    assert done.code == 0
    assert done["structured output"]["status"] == "warning"
    assert done["structured output"]["found"].startswith(f"{level} (about ")
    assert [path for path, _ in server.asked].count("/v1/chat/completions") == calls


def test_a_model_that_must_be_asked_again_is_a_warning(doctor: Doctor, server: FakeServer) -> None:
    replies = ["Red.", '{"colour": "green", "fruit": true}', GOOD]
    server.chat = lambda body: completion(replies.pop(0))
    done = doctor("--base-url", server.url, "--model", "tiny")
    assert done.code == 0
    assert done["structured output"]["status"] == "warning"
    assert "json_schema" in done["structured output"]["found"]
    assert done["structured output"]["found"].endswith(", not at once")


def test_a_model_that_never_gives_what_is_asked_has_failed(
    doctor: Doctor, server: FakeServer
) -> None:
    server.chat = lambda body: completion("I would rather not.")
    done = doctor("--base-url", server.url, "--model", "tiny")
    assert (done.code, done.failed) == (1, ["structured output"])
    assert "no whole JSON object in the reply" in done["structured output"]["found"]
    assert done["structured output"]["advice"] == "try another model"


def test_a_model_that_is_not_there_has_failed(doctor: Doctor, server: FakeServer) -> None:
    server.chat = lambda body: (404, {"error": {"message": "no such model"}})
    done = doctor("--base-url", server.url, "--model", "huge")
    assert (done.code, done.failed) == (1, ["structured output"])
    assert done["model"]["status"] == "warning"
    assert "no such model; the server offers big, tiny" in done["structured output"]["found"]


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ((401, {"error": {"message": f"bad key {KEY}"}}), "refuses the key from OPENAI_API_KEY"),
        ((500, {"error": {"message": "on fire"}}), "500: on fire"),
        ((307, {}), "redirected to https://example.org/v1/models, not followed"),
        ((200, ["tiny"]), "no JSON object"),
    ],
)
def test_a_server_that_fails_is_one_line_and_the_other_checks_go_on(
    doctor: Doctor,
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    what: str,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.models = lambda: answer
    done = doctor("--base-url", server.url, "--model", "tiny", "--calls", "calls.jsonl")
    assert (done.code, done.failed) == (1, ["server"])
    assert what in done["server"]["found"]
    assert done["structured output"] == {
        "name": "structured output", "status": "skipped", "found": "rests on the server",
        "advice": "",
    }  # fmt: skip
    assert done["call log"]["status"] == "ok"
    assert KEY not in done.out + done.err
    assert len(server.asked) == 1


def test_a_server_may_list_no_models(doctor: Doctor, server: FakeServer) -> None:
    server.models = lambda: (404, {"error": {"message": "unknown route"}})
    done = doctor("--base-url", server.url, "--model", "tiny")
    assert done.code == 0
    assert done["server"]["status"] == "warning"
    assert "404: unknown route" in done["server"]["found"]
    assert done["model"]["found"] == "tiny: the server does not say what it has"
    assert done["structured output"]["status"] == "ok"


def test_nobody_there_and_nobody_answering(
    doctor: Doctor, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as gone:
        pass
    done = doctor("--base-url", gone.url, "--model", "tiny")
    assert (done.code, done.failed) == (1, ["server"])
    assert "the connection failed" in done["server"]["found"]
    monkeypatch.setattr(servers, "_REACH_S", 0.05)
    answered = threading.Event()
    server.models = lambda: (200, answered.wait(10))
    done = doctor("--base-url", server.url, "--model", "tiny")
    answered.set()
    assert (done.code, done.failed) == (1, ["server"])
    assert done["server"]["found"] == f"{server.url}: no answer within 0.05 s"


def test_a_call_that_fails_is_tried_twice(doctor: Doctor, server: FakeServer) -> None:
    server.chat = lambda body: (503, {"error": {"message": "busy"}})
    done = doctor("--base-url", server.url, "--model", "tiny")
    assert (done.code, done.failed) == (1, ["structured output"])
    assert (
        done["structured output"]["found"] == f"{server.url}: 503: busy (given up after 2 attempts)"
    )
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--api-key-env", "MY_KEY"], "the variable MY_KEY should hold a key and is not set"),
        (["--base-url", "localhost:8080"], "base URL: expected http(s)://host/path"),
    ],
)
def test_settings_that_cannot_be_have_failed(doctor: Doctor, options: list[str], what: str) -> None:
    done = doctor(*options, "--model", "tiny")
    assert (done.code, done.failed) == (1, ["server settings"])
    assert what in done["server settings"]["found"]
    assert done["server"]["found"] == "no server to call"


def test_a_server_may_list_nothing(doctor: Doctor, server: FakeServer) -> None:
    server.models = lambda: (200, {"data": []})
    done = doctor("--base-url", server.url)
    assert (done.code, done["model"]["advice"]) == (0, "--model NAME")
