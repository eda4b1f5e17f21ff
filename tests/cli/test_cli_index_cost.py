"""What the vectors of an index cost: to the token before, never above a ceiling, nothing twice."""

import errno
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from live_runs import impatient
from serving import faults
from serving.openai_server import Answer, OpenAIServer, Received, embeddings

from llmrec.errors import BudgetExceeded
from llmrec.llm import embedding_requests
from llmrec.llm import vectors as llmrec_vectors
from llmrec.llm.billing import Billing
from llmrec.llm.budget import Budget
from llmrec.llm.pricing import Price
from llmrec.llm.tokens import count_tokens
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.item_text import item_text
from llmrec.opening import ServerChoice, open_server
from llmrec.recommender import Recommender
from llmrec.records.reading import read_items

Llmrec = Callable[..., Any]

BYTE_USD = 1e-4
"""What a token costs in these tests, and a byte at most."""

PRICED = ("--embed-price", str(BYTE_USD * 1e6), "--format", "json")


class Billed(OpenAIServer):
    """Counts as many tokens as an embedding has characters, and keeps the bill."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: Counter[str] = Counter()
        self.bill_usd = 0.0
        self.fails_every = 0

    @property
    def received(self) -> list[list[str]]:
        return [one.body["input"] for one in self.requests]

    def proper(self, request: Received) -> Answer:
        number = len(self.requests)
        if self.fails_every and number % self.fails_every == 0:
            return faults.BROKEN
        texts = request.body["input"]
        tokens = sum(map(len, texts))
        self.bill_usd += tokens * BYTE_USD
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        answer = Answer(body=embeddings(request) | {"usage": usage})
        if self.fails_every and number % self.fails_every == 1:
            return replace(answer, cut="within")  # charged all the same
        self.texts.update(texts)
        return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Billed]:
    monkeypatch.setattr("llmrec.llm.openai_client.Server", impatient)
    monkeypatch.setattr(embedding_requests, "MAX_BATCH_TEXTS", 20)
    with Billed() as serving:
        yield serving


@pytest.fixture
def catalogue(demo: Path) -> Path:
    """The demo's items, and one more that reads like the first."""
    lines = (demo / "items.jsonl").read_text("utf-8").splitlines()
    twin = json.loads(lines[0]) | {"item_id": "twin"}
    path = Path("items.jsonl")
    path.write_text("\n".join([*lines, json.dumps(twin)]) + "\n", "utf-8")
    return path


@pytest.fixture
def index(catalogue: Path, server: Billed) -> list[str]:
    return ["index", str(catalogue), "-o", "made", "--embedder", "openai:tiny",
            "--base-url", server.url]  # fmt: skip


def contents(folder: str = "made") -> dict[str, bytes]:
    root = Path(folder)
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_the_tokens_are_those_of_the_texts_then_sent(
    llmrec: Llmrec, index: list[str], server: Billed, profiles: Path
) -> None:
    index += ["--bank", str(profiles)]
    done = llmrec(*index, "--dry-run", *PRICED, "--rpm", "2")
    assert (done.code, server.requests) == (0, []), done.err
    (stage,) = done.json["stages"]
    assert llmrec(*index).code == 0
    texts = [text for batch in server.received for text in batch]
    assert stage["requests"] == len(server.received) > 4
    assert stage["texts"] == len(texts)
    assert stage["input_tokens"] == sum(map(count_tokens, texts))
    assert stage["output_tokens"] == 0
    assert stage["cost_usd"] == pytest.approx(stage["input_tokens"] * BYTE_USD)
    assert stage["minutes"] == stage["requests"] / 2
    assert max(server.texts.values()) <= 2  # as an item, and in the bank of items


def test_what_the_older_index_and_the_vectors_file_hold_is_free(
    llmrec: Llmrec, index: list[str], server: Billed, catalogue: Path
) -> None:
    lines = catalogue.read_text("utf-8").splitlines(keepends=True)
    catalogue.write_text("".join(lines[:100]), "utf-8")
    assert llmrec(*index, "--vectors", "v.npz").code == 0
    catalogue.write_text("".join(lines), "utf-8")
    older = contents()
    server.requests.clear()
    for place, vectors in (("made", []), ("other", ["--vectors", "v.npz"]), ("made", [])):
        index[3] = place
        (stage,) = llmrec(*index, *vectors, "--dry-run", *PRICED).json["stages"]
        assert contents() == older
        assert not Path("other").exists()
        assert stage["texts"] == 60 * 2  # as an item, and in the bank of items
    assert llmrec(*index).code == 0
    assert stage["texts"] == sum(map(len, server.received))
    again = llmrec(*index, "--dry-run", "--format", "table")
    assert again.out == "nothing is left to call\n"


def test_nothing_is_written_or_needed(llmrec: Llmrec, index: list[str]) -> None:
    unset = ["--api-key-env", "NOT_SET", "--base-url", "http://127.0.0.1:1/v1"]
    assert llmrec(*index, *unset, "--dry-run", "--vectors", "v.npz").code == 0
    assert [path.name for path in Path().iterdir()] == ["items.jsonl"]


def test_a_person_sees_a_table(llmrec: Llmrec, index: list[str]) -> None:
    index[index.index("openai:tiny")] = "openai:text-embedding-3-small"
    done = llmrec(*index[:-2], "--dry-run", "--format", "table")
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["embed"]
    assert ["for", "vectors", "320"] in lines
    assert lines[-1][0] == "all:"
    assert "in batches $" not in done.out
    index[index.index("openai:text-embedding-3-small")] = "openai:tiny"
    said = llmrec(*index, "--dry-run", "--format", "table").out
    assert "the price of a model is not known: --embed-price USD gives it" in said


@pytest.mark.parametrize("embedder", ["local", "lexical"])
def test_what_calls_no_server_says_so(llmrec: Llmrec, catalogue: Path, embedder: str) -> None:
    made = ["index", catalogue, "-o", "made", "--embedder", embedder, "--dry-run"]
    done = llmrec(*made, "--format", "table")
    assert done.out == f"nothing is left to call\n{embedder} calls no server\n"
    assert llmrec(*made, "--format", "json").json["stages"] == []
    assert not Path("made").exists()


def test_what_is_wrong_is_said_as_ever(llmrec: Llmrec, index: list[str], demo: Path) -> None:
    done = llmrec(*index, "--dry-run", "--replay")
    assert (done.code, "--replay calls nothing" in done.err) == (2, True)
    Path("made").mkdir()
    Path("made/else.txt").write_text("mine", "utf-8")
    done = llmrec(*index, "--dry-run")
    assert (done.code, "it holds other files" in done.err) == (2, True)
    lexical = ["index", index[1], "-o", "i", "--embedder", "lexical", "--dry-run"]
    done = llmrec(*lexical, "--vectors", demo / "vectors.npz")
    assert (done.code, "leave --vectors out" in done.err) == (2, True)


@pytest.mark.parametrize("vectors", [[], ["--vectors", "v.npz"]])
def test_what_was_paid_for_at_the_ceiling_is_not_paid_for_again(
    llmrec: Llmrec, index: list[str], server: Billed, vectors: list[str]
) -> None:
    index += vectors
    whole = llmrec(*index, *PRICED)
    direct, texts, all_usd = contents(), server.texts.copy(), server.bill_usd
    assert f"cost: ${all_usd:.4f}" in whole.err
    for path in (Path("v.npz"), *Path("made").rglob("*")):
        if path.is_file():
            path.unlink()
    server.texts.clear()
    server.bill_usd = 0.0
    stopped = llmrec(*index, *PRICED, "--max-cost", str(all_usd * 0.7))
    assert (stopped.code, "what was paid for is kept" in stopped.err) == (3, True)
    assert 0 < server.bill_usd <= all_usd * 0.7
    planned = llmrec(*index, "--dry-run", *PRICED).json
    assert planned["stages"][0]["texts"] == sum(texts.values()) - sum(server.texts.values())
    assert llmrec(*index, *PRICED, "--max-cost", str(all_usd)).code == 0
    assert server.texts == texts
    assert contents() == direct


def test_the_ceiling_is_never_passed(llmrec: Llmrec, index: list[str], server: Billed) -> None:
    server.fails_every = 5
    runs = 0
    while runs < 20:
        before, runs = server.bill_usd, runs + 1
        code = llmrec(*index, *PRICED, "--max-cost", "2").code
        assert server.bill_usd - before <= 2
        if code == 0:
            break
        assert code == 3
    assert 2 < runs < 20
    assert max(server.texts.values()) <= 2


def test_a_ceiling_needs_a_price(llmrec: Llmrec, index: list[str], server: Billed) -> None:
    done = llmrec(*index, "--max-cost", "1")
    assert (done.code, "no price of 'tiny' is known: give --embed-price" in done.err) == (2, True)
    assert server.requests == []
    assert not Path("made").exists()


def test_a_database_keeps_nothing_of_a_build_that_stops(
    llmrec: Llmrec, index: list[str], server: Billed
) -> None:
    index[3] = "postgres://127.0.0.1:1/db#made"
    done = llmrec(*index, *PRICED, "--max-cost", "1")
    assert (done.code, "--max-cost needs --vectors FILE.npz" in done.err) == (2, True)
    assert server.requests == []


def test_what_a_stop_left_is_of_one_embedder(
    llmrec: Llmrec, index: list[str], server: Billed
) -> None:
    assert llmrec(*index, *PRICED, "--max-cost", "5").code == 3
    index[index.index("openai:tiny")] = "openai:small"
    (stage,) = llmrec(*index, "--dry-run", *PRICED).json["stages"]
    assert stage["texts"] == 320
    assert llmrec(*index).code == 0
    assert not list(Path("made").glob("unfinished*"))


def test_a_server_with_a_budget_from_python(catalogue: Path, server: Billed) -> None:
    def opened(ceiling_usd: float) -> Any:
        price = Price("given", BYTE_USD * 1e6, 0, 0)
        billing = Billing(Budget(ceiling_usd), lambda model, address: price)
        return open_server(ServerChoice(base_url=server.url), billing=billing)

    def make(ceiling_usd: float) -> Recommender:
        items = read_items(catalogue)
        return Recommender.index(items, "made", embedder="openai:tiny", server=opened(ceiling_usd))

    with pytest.raises(BudgetExceeded):
        make(5)
    assert make(1_000).catalogue.manifest.n_items == 161
    assert max(server.texts.values()) <= 2


def test_every_call_is_in_the_call_log(
    llmrec: Llmrec, index: list[str], server: Billed, catalogue: Path, profiles: Path, demo: Path
) -> None:
    assert llmrec(*index, "--calls", "calls.jsonl").code == 0
    stats = llmrec("calls", "stats", "calls.jsonl", "--format", "json").json["groups"]
    (group,) = stats
    assert (group["stage"], group["model"]) == ("embed", "tiny")
    assert group["answered"] == len(server.requests)
    assert group["input_tokens"] * BYTE_USD == pytest.approx(server.bill_usd)
    costs = llmrec("calls", "cost", "calls.jsonl", *PRICED).json
    assert costs["total"]["cost_usd"] == pytest.approx(server.bill_usd)
    assert costs["users"] == {}
    said = llmrec("calls", "cost", "calls.jsonl", "--format", "table").out
    assert "without a known price: --embed-price USD gives it" in said
    shown = llmrec("calls", "show", "calls.jsonl", "--format", "table").out
    assert shown.count("answered") == len(server.requests)
    title = json.loads(catalogue.read_text("utf-8").splitlines()[0])["title"]
    assert title not in Path("calls.jsonl").read_text("utf-8")
    n_lines = len(server.requests)
    rerank = ["rerank", profiles, "--index", "made", "--reviews", demo / "reviews.jsonl",
              "--calls", "calls.jsonl", "--model", "claude", "--base-url", server.url,
              "--concurrency", "2"]  # fmt: skip
    server.always(lambda request: OpenAIServer.proper(server, request))
    first = llmrec(*rerank)
    assert first.code == 0, first.err
    assert len(Path("calls.jsonl").read_text("utf-8").splitlines()) == len(server.requests)
    assert len(server.requests) > n_lines
    again = llmrec(*rerank, "--replay")
    assert (again.code, again.out) == (0, first.out)
    mixed = llmrec("calls", "cost", "calls.jsonl", "--format", "table").out
    assert "--embed-price USD" in mixed


def test_no_other_file_is_added_to(llmrec: Llmrec, index: list[str], server: Billed) -> None:
    before = Path("items.jsonl").read_bytes()
    done = llmrec(*index, "--calls", "items.jsonl")
    assert (done.code, "not a call log" in done.err) == (2, True)
    assert Path("items.jsonl").read_bytes() == before
    assert server.requests == []


@pytest.mark.parametrize("torn", [0, 3])
def test_after_an_outage_it_goes_on_from_there(
    llmrec: Llmrec, index: list[str], server: Billed, catalogue: Path, torn: int
) -> None:
    lines = catalogue.read_text("utf-8").splitlines(keepends=True)
    catalogue.write_text("".join(lines[:40]), "utf-8")
    assert llmrec(*index).code == 0
    shutil.copytree("made", "direct")
    catalogue.write_text("".join(lines), "utf-8")
    server.texts.clear()
    server.script(*[server.proper] * 3, faults.WRONG_KEY)
    assert llmrec(*index).code == 5
    assert ContentIndex("made").manifest.n_items == 40
    (part,) = Path("made").glob("unfinished-*.npz.part")
    os.truncate(part, part.stat().st_size - torn)
    kept = sum(server.texts.values())
    assert kept == 60
    assert llmrec(*index).code == 0
    assert sum(server.texts.values()) == 120 * 2 + (1 if torn else 0)
    index[3] = "direct"
    assert llmrec(*index).code == 0
    assert contents("made") == contents("direct")


def test_a_text_of_two_banks_is_paid_for_once(
    llmrec: Llmrec, index: list[str], server: Billed, catalogue: Path
) -> None:
    items = list(read_items(catalogue))[:30]
    reviews = [
        {"review_id": f"r{n}", "user_id": "ann", "item_id": item.item_id, "text": item_text(item)}
        for n, item in enumerate(items)
    ]
    bank = Path("bank.jsonl")
    bank.write_text("".join(f"{json.dumps(review)}\n" for review in reviews), "utf-8")
    index += ["--bank", str(bank)]
    (stage,) = llmrec(*index, "--dry-run", *PRICED).json["stages"]
    assert llmrec(*index).code == 0
    assert (stage["requests"], stage["texts"]) == (
        len(server.received),
        sum(server.texts.values()),
    )
    assert max(server.texts.values()) == 2  # as a query and as a passage
    index[3] = "with"
    assert llmrec(*index, "--vectors", "vectors.npz").code == 0
    (queries,) = Path("with").rglob("queries.npz")
    queries.unlink()  # has what the vectors file adds
    assert contents("made") == contents("with")


@pytest.mark.parametrize("vectors", [[], ["--vectors", "vectors.npz"]])
def test_what_cannot_be_kept_ends_the_build_before_more_is_paid_for(
    llmrec: Llmrec,
    index: list[str],
    server: Billed,
    vectors: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(file: Any, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(llmrec_vectors, "write_all", full)
        done = llmrec(*index, *vectors)
    assert done.code == 2
    assert ".npz.part: cannot be written: No space left on device" in done.err
    assert len(server.requests) == 1
    assert llmrec(*index, *vectors).code == 0
