"""What ``llmrec extract`` makes of every fault of a server: the tables in docs/live.md."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_runs import PROFILE, Done, arguments, impatient, run, write_reviews
from serving import faults
from serving.openai_server import Answer, OpenAIServer, Script, completion

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs" / "live.md"

FAULTS: dict[str, Script] = {
    "no answer within the timeout": faults.SLOW,
    "connection cut before the answer": faults.CUT_BEFORE,
    "connection cut in the middle of it": faults.CUT_WITHIN,
    "429, no Retry-After": faults.busy(),
    "429, Retry-After: 20": faults.busy(retry_after="20"),
    "429, Retry-After: 3600": faults.busy(retry_after="3600"),
    "429, retry-after-ms: 250": faults.busy(retry_after_ms="250"),
    "429, quota used up": faults.NO_QUOTA,
    "500": faults.BROKEN,
    "502, a page of HTML": faults.PROXY_PAGE,
    "503": faults.OVERLOADED,
    "200, but no JSON": faults.NO_JSON,
    "200, but no JSON object": faults.NO_OBJECT,
    "200, but no choices": faults.NO_CHOICES,
    "200, but an error in it": faults.ERROR_IN_200,
    "400": faults.TOO_LONG,
    "401, wrong key": faults.WRONG_KEY,
    "402, no money": faults.NO_MONEY,
    "403": faults.FORBIDDEN,
    "404, wrong model": faults.WRONG_MODEL,
    "404, wrong path": faults.WRONG_PATH,
    "redirect": faults.redirect("http://elsewhere.test/v1"),
    "no json_schema": faults.refusing_formats("json_schema", answered=PROFILE),
    "no json_object either": faults.refusing_formats(
        "json_schema", "json_object", answered=PROFILE
    ),
    "no format at all": faults.refusing_formats("json_schema", "json_object", "text"),
    "usage: null": faults.without_usage(PROFILE),
    "reply cut off at the output limit": faults.CUT_OFF,
    "reply withheld by a content filter": faults.FILTERED,
    "reply refused by the model": faults.REFUSED,
    "reply without text": faults.EMPTY,
    "reply that is no JSON": faults.PROSE,
    "reply that is no profile": Answer(body=completion('{"language": "en"}')),
}

EMBEDDING_FAULTS: dict[str, Script] = {
    "503": faults.OVERLOADED,
    "401, wrong key": faults.WRONG_KEY,
    "200, but no data": faults.NO_CHOICES,
    "vectors in another order": faults.BACKWARDS,
    "a vector too few": faults.FEWER,
    "the same index for all": faults.ONE_INDEX,
    "no index": faults.NO_INDEX,
    "a vector of other dims": faults.SHORTER_FIRST,
    "a vector of zeros": faults.ZERO_FIRST,
    "NaN in a vector": faults.NAN_FIRST,
    "null in a vector": faults.NULL_FIRST,
    "text for a vector": faults.TEXT_FIRST,
    "vectors of no dims": faults.EMPTY_ROWS,
    "usage: null": faults.altered(lambda data: data, usage=None),
}


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a person with a key, but at once."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    monkeypatch.setattr("llmrec.llm.openai_client.Server", impatient)


@pytest.fixture
def serve() -> Iterator[Callable[[], OpenAIServer]]:
    servers: list[OpenAIServer] = []

    def start() -> OpenAIServer:
        servers.append(OpenAIServer(chat=lambda body: PROFILE).__enter__())
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


def outcome(server: OpenAIServer, done: Done, made: str) -> list[str]:
    """Return three cells: number of requests, how it ended, and what was said."""
    asked = sum(received.method == "POST" for received in server.requests)
    failed = [line for line in done.err.splitlines() if re.match("error: |user ann: ", line)]
    said = re.sub("^(error: |user ann: no profile: )", "", failed[0]) if failed else ""
    said = re.sub(r"\b127\.0\.0\.1:\d+", "server.test", said).replace("|", "/")
    ended = {0: made, 1: "1: the user fails", 5: "5: the run ends"}[done.code]
    if done.code == 0 and done.json.get("tokens_estimated"):
        ended += ", tokens estimated"
    return [str(asked), ended, said]


def table(
    all_faults: dict[str, Script],
    made: str,
    serve: Callable[[], OpenAIServer],
    run_against: Callable[..., Done],
) -> str:
    """Run a command against each fault: once before proper answers, and all the time."""
    rows = [["the server's fault", "once: requests", "ends", "always: requests", "ends", "said"]]
    rows.append(["---"] * len(rows[0]))
    for name, fault in all_faults.items():
        once, always = serve(), serve()
        once.script(fault)
        always.always(fault)
        patient, hasty = ("2", "0.2") if fault is faults.SLOW else ("30", "30")
        first = outcome(once, run_against(once.url, "--timeout", patient), made)
        later = outcome(always, run_against(always.url, "--timeout", hasty), made)
        rows.append([name, *first[:2], *later])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def check_docs(name: str, made: str) -> None:
    """Compare a table with the one in the docs; where they differ write it there, and fail."""
    begin, end = f"<!-- {name}: made by tests/cli/test_live_faults.py -->\n", "\n<!-- end -->"
    before, _, rest = DOCS.read_text("utf-8").partition(begin)
    there, _, after = rest.partition(end)
    if there != made:
        DOCS.write_text(before + begin + made + end + after, "utf-8")
        pytest.fail(f"the table in {DOCS.name} was out of date and is now as the test made it")


@pytest.mark.usefixtures("no_waiting")
def test_the_table_of_chat_faults_is_what_happens(
    serve: Callable[[], OpenAIServer], capsys: pytest.CaptureFixture[str]
) -> None:
    write_reviews("ann")

    def extract(url: str, *more: str) -> Done:
        Path("calls.jsonl").unlink(missing_ok=True)
        return run(capsys, arguments(url, *more))

    check_docs("chat", table(FAULTS, "a profile", serve, extract))


@pytest.mark.usefixtures("no_waiting")
def test_the_table_of_embedding_faults_is_what_happens(
    serve: Callable[[], OpenAIServer], capsys: pytest.CaptureFixture[str]
) -> None:
    items = [{"item_id": f"i{n}", "title": f"Fugue {n}"} for n in range(3)]
    Path("items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")

    def index(url: str, *more: str) -> Done:
        shutil.rmtree("index", ignore_errors=True)  # nothing is asked for what an older one holds
        wanted = ["items.jsonl", "-o", "index", "--embedder", "openai:tiny", "--base-url", url]
        return run(capsys, ["index", *wanted, *more, "--format", "json"])

    check_docs("embeddings", table(EMBEDDING_FAULTS, "an index", serve, index))
