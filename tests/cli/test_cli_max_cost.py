"""``--max-cost``: a ceiling, what it needs, and what is left behind where it is reached."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_runs import PROFILE, Done, arguments, impatient, logged, run, write_reviews
from serving import faults
from serving.openai_server import Answer, OpenAIServer, completion

from llmrec.cli import progress

Run = Callable[..., Done]

PRICED = ("--price", "0,1000", "--max-output-tokens", "10")
"""A tenth of a cent a token out: a reply of 10 tokens costs a cent."""

USERS = tuple("abcdefgh")


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(chat=lambda body: PROFILE) as serving:
        yield serving


@pytest.fixture
def extract(
    capsys: pytest.CaptureFixture[str], server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run an extraction of eight users, without waiting between attempts."""
    monkeypatch.setattr("llmrec.llm.openai_client.Server", impatient)
    write_reviews(*USERS)
    return lambda *more, url=server.url: run(capsys, arguments(url, *more))


def test_at_the_ceiling_all_that_was_paid_for_is_kept(server: OpenAIServer, extract: Run) -> None:
    done = extract(*PRICED, "--max-cost", "0.055")
    assert done.code == 3
    assert "the next call may cost $0.0100, and of --max-cost $0.0550 this run" in done.err
    assert "cost: $0.0500; 5 calls, 500 tokens in (0 of them cached), 50 out" in done.err
    assert len(logged()) == len(server.requests) == 5
    assert not Path("p.jsonl").exists()
    done = extract(*PRICED, "--max-cost", "0.055", "--concurrency", "8")
    assert (done.code, done.json["calls"], done.json["replayed"]) == (0, 3, 5)
    direct = Path("p.jsonl").read_bytes()
    Path("calls.jsonl").unlink()
    assert extract(*PRICED).code == 0
    assert Path("p.jsonl").read_bytes() == direct


def test_the_limit_of_replies_is_part_of_the_request(server: OpenAIServer, extract: Run) -> None:
    assert extract("--max-output-tokens", "10").code == 0
    assert {received.body["max_tokens"] for received in server.requests} == {10}
    assert extract().json["calls"] == len(USERS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--price", "1,1"], "--max-output-tokens N limits it, --assume-output-tokens N"),
        (["--max-output-tokens", "9"], "no price of 'tiny' is known: give --price IN,OUT"),
        (["--max-output-tokens", "9", "--sampling", "max_tokens=9"], "both limit replies"),
    ],
)
def test_a_ceiling_needs_a_price_and_a_limit(
    server: OpenAIServer, extract: Run, options: list[str], said: str
) -> None:
    done = extract("--max-cost", "1", *options)
    assert (done.code, said in done.err) == (2, True), done.err
    assert server.requests == []


def test_a_limit_in_the_sampling_fields_will_do(extract: Run) -> None:
    sampling = ("--sampling", "max_completion_tokens=10")
    assert extract("--max-cost", "0.025", "--price", "0,1000", *sampling).code == 3
    assert len(logged()) == 2


def test_an_assumed_limit_is_soft_and_says_so(server: OpenAIServer, extract: Run) -> None:
    soft = ("--price", "0,1000", "--assume-output-tokens", "5", "--max-cost", "0.02")
    done = extract(*soft)
    assert (done.code, len(logged())) == (3, 2)
    assert "passed" not in done.err
    assert "max_tokens" not in server.requests[0].body
    Path("calls.jsonl").unlink()
    server.always(Answer(body=completion(PROFILE, usage=usage(300))))
    done = extract(*soft)
    assert (done.code, len(logged())) == (3, 1)
    assert "--max-cost was passed by $0.2800: 1 answers were longer than assumed" in done.err


def test_what_may_have_been_charged_counts_at_its_worst(server: OpenAIServer, extract: Run) -> None:
    server.script(faults.CUT_WITHIN, faults.BROKEN, faults.PROXY_PAGE, faults.NO_JSON)
    done = extract(*PRICED, "--max-cost", "0.065")
    assert (done.code, len(logged())) == (3, 3)
    assert "$0.0300 of it perhaps" in done.err
    assert "attempts that were sent and not answered: 3; up to $0.0300 more" in done.err


def test_a_server_that_is_not_there_charges_nothing(extract: Run) -> None:
    done = extract(*PRICED, "--max-cost", "0.02", url="http://127.0.0.1:9/v1")
    assert done.code == 5
    assert "perhaps" not in done.err


def test_cached_tokens_have_their_price(server: OpenAIServer, extract: Run) -> None:
    counted = usage(10) | {"prompt_tokens_details": {"cached_tokens": 80}}
    server.always(Answer(body=completion(PROFILE, usage=counted)))
    done = extract("--price", "1000,1000,100")
    assert "cost: $0.3040; 8 calls, 800 tokens in (640 of them cached), 80 out" in done.err


def usage(replied: int) -> dict[str, Any]:
    return {"prompt_tokens": 100, "completion_tokens": replied, "total_tokens": 100 + replied}


def test_vectors_are_paid_from_the_same_budget(
    llmrec: Callable[..., Any], demo: Path, profiles: Path, server: OpenAIServer
) -> None:
    made = ["index", demo / "items.jsonl", "-o", "served", "--embedder", "openai:tiny"]
    assert llmrec(*made, "--base-url", server.url).code == 0
    recommend = ["recommend", profiles, "--index", "served", "--base-url", server.url]
    done = llmrec(*recommend, "--max-cost", "1")
    assert (done.code, "no price of 'tiny' is known: give --embed-price" in done.err) == (2, True)
    ceiling = ["--max-cost", "1", "--embed-price"]
    done = llmrec(*recommend, *ceiling, "1000")
    assert (done.code, "the next call may cost $" in done.err) == (3, True)
    assert llmrec(*recommend, *ceiling, "1").code == 0
    assert llmrec(*recommend, "--max-cost", "0", "--embed-price", "1").code == 0  # recorded


def test_lists_say_how_far_they_are_and_what_was_spent(
    llmrec: Callable[..., Any],
    demo: Path,
    profiles: Path,
    server: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "_PLAIN_EVERY_S", 0)
    rerank = ["rerank", profiles, "--items", demo / "items.jsonl", "--model", "tiny",
              "--reviews", demo / "reviews.jsonl", "--candidates", demo / "candidates.jsonl",
              "--calls", "calls.jsonl", "--base-url", server.url]  # fmt: skip
    done = llmrec(*rerank, "--price", "0,1000")
    assert done.code == 0
    assert re.search(r"12 of 12 users, \d+ calls, 0 under way, .* a second\), \$0\.", done.err)
    assert "users" not in llmrec(*rerank, "--quiet").err
    composed = ["recommend", profiles, "--index", "made", "--explain", "none"]
    assert llmrec("index", demo / "items.jsonl", "-o", "made", "--embedder", "lexical").code == 0
    assert " of 12 users" not in llmrec(*composed).err
