"""``--dry-run``: what it would cost, to the token, before anything is called or written."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from serving.openai_server import Answer, OpenAIServer, completion

from llmrec.llm.chat import ChatRequest
from llmrec.llm.request_tokens import RequestTokens, tokens_of
from llmrec.llm.tokens import count_tokens

Llmrec = Callable[..., Any]

PRICED = ("--price", "1,10", "--format", "json")


@pytest.fixture
def extract(demo: Path) -> list[str]:
    return ["extract", str(demo / "reviews.jsonl"), "--items", str(demo / "items.jsonl"),
            "-o", "p.jsonl", "--calls", "calls.jsonl", "--model", "claude"]  # fmt: skip


@pytest.fixture
def rerank(demo: Path, profiles: Path) -> list[str]:
    return ["rerank", str(profiles), "--items", str(demo / "items.jsonl"),
            "--reviews", str(demo / "reviews.jsonl"), "--calls", "calls.jsonl",
            "--candidates", str(demo / "candidates.jsonl"), "--model", "claude"]  # fmt: skip


@pytest.fixture
def explain(demo: Path, profiles: Path, index: Path, llmrec: Llmrec) -> list[str]:
    lists = llmrec("recommend", profiles, "--index", index, "--explain", "none").out
    Path("lists.jsonl").write_text(lists, "utf-8")
    return ["explain", "lists.jsonl", "--profiles", str(profiles), "--model", "claude",
            "--items", str(demo / "items.jsonl"), "--calls", "calls.jsonl"]  # fmt: skip


@pytest.fixture
def recommend(demo: Path, profiles: Path, index: Path) -> list[str]:
    return ["recommend", str(profiles), "--index", str(index), "--calls", "calls.jsonl",
            "--reviews", str(demo / "reviews.jsonl"), "--rerank", "--explain",
            "--model", "claude"]  # fmt: skip


@pytest.fixture(params=["extract", "rerank", "explain", "recommend"])
def command(request: pytest.FixtureRequest) -> list[str]:
    arguments: list[str] = request.getfixturevalue(request.param)
    return arguments


def asked(server: OpenAIServer) -> list[ChatRequest]:
    """Return what a server was asked first about each user."""
    bodies = [received.body for received in server.requests if received.method == "POST"]
    return [ChatRequest.of_body(body) for body in bodies if len(body["messages"]) == 2]


def files() -> set[Path]:
    """Return what is in the current folder, but for what an index remembers of a bank."""
    return {p for p in Path().rglob("*") if p.is_file() and not p.name.startswith("run_hub_")}


def of_first_stage(requests: Iterable[ChatRequest]) -> list[ChatRequest]:
    listed = list(requests)
    name = (listed[0].response_format or {})["json_schema"]["name"]
    return [one for one in listed if (one.response_format or {})["json_schema"]["name"] == name]


def test_the_tokens_are_those_of_the_requests_then_made(
    llmrec: Llmrec, command: list[str], server: OpenAIServer
) -> None:
    done = llmrec(*command, "--dry-run", *PRICED)
    assert done.code == 0, done.err
    (stage,) = done.json["stages"]
    assert server.requests == []
    assert llmrec(*command, "--base-url", server.url).code in (0, 1)
    requests = of_first_stage(asked(server))
    tokens = sum(map(tokens_of, requests), RequestTokens())
    assert stage["requests"] == len(requests) == 12
    assert stage["messages_tokens"] == tokens.messages
    assert stage["framing_tokens"] == tokens.framing
    assert stage["schema_tokens"] == tokens.schema
    assert stage["output_basis"] == "table"
    assert stage["cost_usd"] == pytest.approx(
        (stage["input_tokens"] + 10 * stage["output_tokens"]) / 1e6
    )


def test_nothing_is_written_called_or_needed(llmrec: Llmrec, command: list[str]) -> None:
    Path("p.jsonl").write_text("as it was", "utf-8")
    before = files()
    unset = ["--api-key-env", "NOT_SET", "--base-url", "http://127.0.0.1:1/v1"]
    assert llmrec(*command, "--dry-run", *unset).code == 0
    assert files() == before
    assert Path("p.jsonl").read_text("utf-8") == "as it was"


def test_what_is_recorded_is_free(llmrec: Llmrec, extract: list[str], demo: Path) -> None:
    lines = (demo / "extract_profile.jsonl").read_text("utf-8").splitlines(keepends=True)
    Path("calls.jsonl").write_text("".join(lines[:5]), "utf-8")
    done = llmrec(*extract, "--dry-run", *PRICED)
    (stage,) = done.json["stages"]
    assert stage["requests"] == 7
    assert stage["output_basis"] == "log"
    recorded = {"stage": "extract_profile", "model": "claude", "answers": 5}
    assert done.json["recorded"] == [recorded]
    assert stage["input_tokens"] == stage["messages_tokens"] + stage["framing_tokens"]
    Path("calls.jsonl").write_text("".join(lines), "utf-8")
    said = llmrec(*extract, "--dry-run", "--format", "table")
    assert said.out == (
        "extract_profile: 12 answers of claude are recorded: free\nnothing is left to call\n"
    )
    assert not Path("p.jsonl").exists()
    fresh = llmrec(*extract, "--dry-run", "--fresh", *PRICED)
    assert fresh.json["stages"][0]["requests"] == 12


def test_a_person_sees_a_table(llmrec: Llmrec, recommend: list[str]) -> None:
    done = llmrec(*recommend, "--dry-run", "--price", "1,10", "--format", "table", "--rpm", "6")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split() == ["rerank", "explain,", "later,", "at", "most"]
    assert lines[2].split() == ["requests", "12", "12"]
    assert next(line for line in lines if line.startswith("minutes")).split()[1:] == ["2.0", "2.0"]
    assert next(line for line in lines if line.startswith("all: $")).count("$") == 2
    assert "with what replies lead to: up to $" in done.out
    assert "at most two more calls each" in done.out


def test_explaining_what_is_not_reranked_yet_is_an_upper_bound(
    llmrec: Llmrec, recommend: list[str]
) -> None:
    done = llmrec(*recommend, "--dry-run", *PRICED)
    (later,) = done.json["later_at_most"]
    assert (later["stage"], later["requests"]) == ("explain", 12)
    total = done.json["cost_usd"] + later["cost_usd"]
    assert done.json["with_later_usd"] == pytest.approx(total)


def test_further_passes_and_windows_cost_as_much_again(llmrec: Llmrec, rerank: list[str]) -> None:
    done = llmrec(*rerank, "--dry-run", *PRICED, "--rerank-passes", "3")
    (stage,), (later,) = done.json["stages"], done.json["later_at_most"]
    assert (later["requests"], later["cost_usd"]) == (24, pytest.approx(2 * stage["cost_usd"]))
    windows = ["--rerank-window", "10", "--rerank-stride", "5"]
    done = llmrec(*rerank, "--dry-run", *PRICED, *windows)
    (stage,), (later,) = done.json["stages"], done.json["later_at_most"]
    assert (stage["requests"], later["requests"]) == (12, 12 * 2)  # lists of 20
    assert later["cost_usd"] == pytest.approx(2 * stage["cost_usd"])


def test_windows_and_passes_are_as_many_as_are_then_asked(
    llmrec: Llmrec, rerank: list[str], demo: Path
) -> None:
    rows = [
        json.loads(line) for line in (demo / "candidates.jsonl").read_text("utf-8").splitlines()
    ]
    for n, row in enumerate(rows):
        row["candidates"] = row["candidates"][: 2 + n]
    Path("some.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    rerank[rerank.index("--candidates") + 1] = "some.jsonl"
    rerank += ["--rerank-window", "6", "--rerank-stride", "2", "--rerank-passes", "2"]
    with OpenAIServer(chat=lambda body: json.dumps({"order": shown(body)[::-1]})) as server:
        for kept in (0, 5, 17):
            log = Path("calls.jsonl")
            lines = log.read_text("utf-8").splitlines(keepends=True) if kept else []
            log.write_text("".join(lines[:kept]), "utf-8")
            plan = llmrec(*rerank, "--dry-run", *PRICED).json
            server.requests.clear()
            assert llmrec(*rerank, "--base-url", server.url, "--concurrency", "1").code == 0
            planned = [*plan["stages"], *plan["later_at_most"]]
            assert sum(row["requests"] for row in planned) == len(server.requests) > 20


def shown(body: Any) -> list[str]:
    """Return the labels of the candidates that a request asks the order of."""
    schema = body["response_format"]["json_schema"]["schema"]
    labels: list[str] = schema["properties"]["order"]["items"]["enum"]
    return labels


@pytest.fixture
def served(llmrec: Llmrec, demo: Path, server: OpenAIServer) -> str:
    """An index whose vectors are a server's; what the server was asked for it is forgotten."""
    made = ["index", str(demo / "items.jsonl"), "-o", "served", "--embedder", "openai:tiny"]
    assert llmrec(*made, "--base-url", server.url).code == 0
    server.requests.clear()
    return "served"


def test_lists_that_rest_on_vectors_to_be_made_are_said(
    llmrec: Llmrec, recommend: list[str], served: str, server: OpenAIServer
) -> None:
    recommend[recommend.index("--index") + 1] = served
    done = llmrec(*recommend, "--dry-run", *PRICED, "--base-url", server.url)
    assert [stage["stage"] for stage in done.json["stages"]] == ["embed"]
    assert "no query vector of tiny" in done.json["notes"][0]
    assert server.requests == []
    Path("b").mkdir()
    exported = llmrec("batch", "export", "-o", "b/1", *recommend, "--base-url", server.url)
    assert (exported.code, "no query vector of tiny" in exported.err) == (2, True)
    plain = [word for word in recommend if word not in ("--rerank", "--explain")]
    assert llmrec(*plain, "--dry-run", *PRICED).json["notes"] == []


@pytest.mark.parametrize(
    "more",
    [[], ["--bank", "index"], ["--matching", "cosine"], ["--user", "{user}"], ["--together", "5"]],
    ids=["of the run", "of the index", "cosine", "one user", "five at once"],
)
def test_the_vectors_of_interests_are_those_then_made(
    llmrec: Llmrec,
    recommend: list[str],
    profiles: Path,
    served: str,
    server: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
) -> None:
    if more[:1] == ["--together"]:
        monkeypatch.setattr("llmrec.cli.matched_lists._TOGETHER", int(more[1]))
        more = ["--bank", "index"]
    user = json.loads(profiles.read_text("utf-8").splitlines()[0])["user_id"]
    plain = ["recommend", profiles, "--index", served, "--base-url", server.url]
    plain += [word.format(user=user) for word in more]
    (stage,) = llmrec(*plain, "--dry-run", *PRICED, "--embed-price", "3").json["stages"]
    assert server.requests == []
    assert llmrec(*plain).code == 0
    sent = [received.body["input"] for received in server.requests]
    texts = [text for batch in sent for text in batch]
    assert (stage["requests"], stage["texts"]) == (len(sent), len(texts))
    assert stage["input_tokens"] == sum(map(count_tokens, texts))
    assert stage["cost_usd"] == pytest.approx(3e-6 * stage["input_tokens"])
    planned = llmrec(*plain, "--dry-run", *PRICED).json
    assert planned["stages"] == []
    assert planned["recorded"][0]["stage"] == "embed"


def test_the_vectors_of_a_reranker_s_matches_and_of_a_sentence(
    llmrec: Llmrec, profiles: Path, demo: Path, served: str, server: OpenAIServer
) -> None:
    rerank = ["rerank", profiles, "--index", served, "--reviews", demo / "reviews.jsonl",
              "--calls", "calls.jsonl", "--model", "claude", "--bank", "index"]  # fmt: skip
    like = ["recommend", "--like", "a fugue", "--index", served]
    for command in (rerank, like):
        planned = llmrec(*command, "--dry-run", *PRICED, "--base-url", server.url).json
        server.requests.clear()
        assert llmrec(*command, "--base-url", server.url, "--concurrency", "1").code in (0, 1)
        sent = [one.body["input"] for one in server.requests if "input" in one.body]
        (stage,) = planned["stages"]
        assert (stage["requests"], stage["texts"]) == (len(sent), sum(map(len, sent)))
        again = llmrec(*command, "--dry-run", *PRICED, "--base-url", server.url).json
        assert "embed" not in {one["stage"] for one in again["stages"]}


def test_an_unknown_price_is_said(llmrec: Llmrec, extract: list[str]) -> None:
    extract[-1] = "our own"
    done = llmrec(*extract, "--dry-run", "--format", "table")
    assert "the price of a model is not known: --price IN,OUT gives it" in done.out
    assert llmrec(*extract, "--dry-run", "--format", "json").json["cost_usd"] is None


def test_replaying_leaves_nothing_to_plan(llmrec: Llmrec, extract: list[str], demo: Path) -> None:
    extract[extract.index("calls.jsonl")] = str(demo / "extract_profile.jsonl")
    done = llmrec(*extract, "--dry-run", "--replay")
    assert (done.code, "--replay calls nothing" in done.err) == (2, True)


def test_a_wrong_file_is_said_as_ever(llmrec: Llmrec, extract: list[str]) -> None:
    Path("bad.jsonl").write_text("{}\n", "utf-8")
    done = llmrec("extract", "bad.jsonl", *extract[2:], "--dry-run")
    assert (done.code, "bad.jsonl, line 0" in done.err) == (2, True)


def test_an_unusable_answer_is_planned_to_be_followed_up(
    llmrec: Llmrec, extract: list[str], server: OpenAIServer
) -> None:
    server.script(*[Answer(body=completion("no JSON"))] * 3)
    asking = [*extract, "--base-url", server.url, "--concurrency", "1"]
    assert llmrec(*asking).code == 1
    lines = Path("calls.jsonl").read_text("utf-8").splitlines()
    first = json.loads(lines[0])
    Path("calls.jsonl").write_text(f"{json.dumps(first)}\n", "utf-8")
    done = llmrec(*extract, "--dry-run", *PRICED)
    assert done.json["recorded"][0]["answers"] == 1
    assert done.json["stages"][0]["requests"] == 12
