"""Make the last part of docs/cost.md: where tokens go, what users cost, how good estimates are.

    python scripts/measure_cost.py -o docs/cost.md \
        --data NAME DATA_FOLDER RECORDINGS_FOLDER [--data …]

A data folder has reviews.jsonl.gz and items.jsonl.gz, a recordings folder split.jsonl,
extract_profile.jsonl, rerank.jsonl and rerank_candidates.jsonl. All that follows the heading
"Measured" in the output file is replaced. Nothing is called: requests are those that the commands
plan.
"""

import argparse
import io
import random
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from llmrec.cli import llmrec, run
from llmrec.llm.call_lines import logged_lines
from llmrec.llm.chat import ChatReply, ChatRequest, Usage
from llmrec.llm.estimating import OUTPUT_TOKENS
from llmrec.llm.planning import Plan
from llmrec.llm.pricing import BATCH_SHARE, known_price
from llmrec.llm.prompts import load_prompt
from llmrec.llm.request_tokens import RequestTokens, tokens_of
from llmrec.llm.tokens import count_tokens
from llmrec.profiling import extraction
from llmrec.reranking import explanations, reranking

RECORDED_MODEL = "claude"
MODELS = ("gpt-5.6-luna", "gemini-3.8-flash", "claude-opus-5-5")
HEADING = "## Measured"
SAMPLES = 1_000
SIZES = (5, 20, 50)

PROMPTS = {
    module.PROMPT_NAME: load_prompt(module.PROMPT_NAME, module.PLACEHOLDERS)
    for module in (extraction, reranking, explanations)
}
PLACEHOLDERS = {
    module.PROMPT_NAME: module.PLACEHOLDERS for module in (extraction, reranking, explanations)
}


@dataclass(frozen=True)
class Stage:
    """Requests of one stage, and the tokens of one reply on average."""

    name: str
    requests: Sequence[ChatRequest]
    output_tokens: float

    @property
    def parts(self) -> Mapping[str, float]:
        """Mean tokens by what they are for."""
        n = len(self.requests)
        tokens = sum(map(tokens_of, self.requests), RequestTokens())
        empty = PROMPTS[self.name].messages(**dict.fromkeys(PLACEHOLDERS[self.name], ""))
        instructions = sum(count_tokens(message.content) for message in empty)
        return {
            "instructions": instructions,
            "texts shown": tokens.messages / n - instructions,
            "framing": tokens.framing / n,
            "schema": tokens.schema / n,
            "reply": self.output_tokens,
        }


@dataclass(frozen=True)
class DataSet:
    """Where a data set is, and where the files made of it go."""

    name: str
    data: Path
    recordings: Path
    work: Path

    def command(self, name: str, *arguments: object) -> list[str]:
        own = {
            "extract": [self.data / "reviews.jsonl.gz"],
            "rerank": [
                self.work / "profiles.jsonl", "--reviews", self.data / "reviews.jsonl.gz",
                "--candidates", self.recordings / "rerank_candidates.jsonl",
                "--split", self.recordings / "split.jsonl",
            ],
            "explain": [self.work / "lists.jsonl", "--profiles", self.work / "profiles.jsonl"],
        }  # fmt: skip
        shared = ["--items", self.data / "items.jsonl.gz", "--model", RECORDED_MODEL, "--quiet"]
        return [name, *map(str, [*own[name], *shared, *arguments])]

    def planned(self, name: str, *arguments: object) -> list[ChatRequest]:
        """Return what a command would ask, with nothing recorded."""
        plan = Plan()
        words = self.command(name, "--calls", self.work / "none.jsonl", *arguments)
        llmrec.main(words, standalone_mode=False, obj=plan)
        return list(plan.requests.values())

    def replay(self) -> None:
        """Make the recorded profiles and lists."""
        log = self.recordings / "extract_profile.jsonl"
        profiles = self.work / "profiles.jsonl"
        split = ("--split", self.recordings / "split.jsonl")
        printed(self.command("extract", "--calls", log, "--replay", "-o", profiles, *split))
        log = self.recordings / "rerank.jsonl"
        lists = printed(self.command("rerank", "--calls", log, "--replay", "--format", "json"))
        (self.work / "lists.jsonl").write_bytes(lists)

    def usages(self, name: str) -> list[Usage]:
        """Return the tokens of the recorded calls."""
        replies = (
            ChatReply(line.exchange["response"]["body"])
            for line in logged_lines(self.recordings / f"{name}.jsonl")
        )
        return [usage for reply in replies if (usage := reply.usage) is not None]


def printed(words: Sequence[str]) -> bytes:
    """Return what a command prints."""
    out = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(out)):
        code = run(words)
    if code:
        raise SystemExit(code)
    return out.getvalue()


def stages(data: DataSet) -> list[Stage]:
    data.replay()
    output = data.work / "planned.jsonl"
    outputs = {name: data.usages(name) for name in ("extract_profile", "rerank")}
    means = {
        name: statistics.fmean(usage.output_tokens for usage in usages)
        for name, usages in outputs.items()
    }
    return [
        Stage("extract_profile", data.planned("extract", "-o", output), means["extract_profile"]),
        Stage("rerank", data.planned("rerank"), means["rerank"]),
        Stage("explain", data.planned("explain"), OUTPUT_TOKENS["explain"]),
    ]


def where_tokens_go(name: str, measured: Sequence[Stage]) -> Iterator[str]:
    names = list(measured[0].parts)
    yield f"| {name}, tokens a user | users | {' | '.join(names)} |"
    yield f"|---|{'---:|' * (len(names) + 1)}"
    for stage in measured:
        cells = " | ".join(f"{tokens:,.0f}" for tokens in stage.parts.values())
        yield f"| {stage.name} | {len(stage.requests)} | {cells} |"


def costs(name: str, measured: Sequence[Stage]) -> Iterator[str]:
    headings = " | ".join(f"{stage.name}, in batches" for stage in measured)
    yield f"| {name}, 1,000 users | {headings} |"
    yield f"|---|{'---:|' * len(measured)}"
    for model in MODELS:
        cells = []
        for stage in measured:
            plain = cost_usd(model, stage)
            cells.append(f"${plain:,.2f}, ${plain * BATCH_SHARE:,.2f}")
        yield f"| {model} | {' | '.join(cells)} |"


def cost_usd(model: str, stage: Stage) -> float:
    """Return what 1,000 calls cost, the schema counted whole."""
    price = known_price(model)
    if price is None:
        raise SystemExit(f"no price of {model} is known")
    parts = dict(stage.parts)
    reply = parts.pop("reply")
    return price.cost_usd(Usage(round(1_000 * sum(parts.values())), round(1_000 * reply)))


def errors(sets: Sequence[DataSet]) -> Iterator[str]:
    """How far the estimate of all output tokens is off."""
    yield "| output tokens of the recorded calls | calls | table | the other set's mean | " + (
        " | ".join(f"a log of {size}" for size in SIZES) + " |"
    )
    yield f"|---|{'---:|' * (len(SIZES) + 3)}"
    generator = random.Random(0)
    for data in sets:
        for name in ("extract_profile", "rerank"):
            counts = [usage.output_tokens for usage in data.usages(name)]
            others = [u.output_tokens for one in sets if one is not data for u in one.usages(name)]
            asked = statistics.fmean(usage.input_tokens for usage in data.usages(name))
            true = Usage(round(asked), round(statistics.fmean(counts)))
            guesses = (OUTPUT_TOKENS[name], statistics.fmean(others))
            cells = [off_by(true, round(guess)) for guess in guesses]
            cells += [f"{off:.1%}" for off in (sampled(counts, size, generator) for size in SIZES)]
            yield f"| {data.name}, {name} | {len(counts)} | {' | '.join(cells)} |"


def off_by(true: Usage, output_tokens: int) -> str:
    """Return how far a guess is off, in tokens and in money."""
    price = known_price(MODELS[-1])
    assert price is not None
    money = price.cost_usd(Usage(true.input_tokens, output_tokens)) / price.cost_usd(true) - 1
    return f"{output_tokens / true.output_tokens - 1:+.0%} ({money:+.0%})"


def sampled(counts: Sequence[int], size: int, generator: random.Random) -> float:
    """Return the mean absolute error, for the calls that are left, of the mean of some in a log."""
    off = []
    for _ in range(SAMPLES):
        shuffled = generator.sample(counts, len(counts))
        past, rest = shuffled[:size], shuffled[size:]
        off.append(abs(statistics.fmean(past) / statistics.fmean(rest) - 1))
    return statistics.fmean(off)


INTRODUCTION = f"""{HEADING}

By `scripts/measure_cost.py`, on two data sets ([data.md](data.md)): profiles of all users (the
requests exactly, replies as long as the recorded ones on average: 100 and 75 users), given lists of
20 put in order (60 users each, all recorded), the first three of those lists explained (the
requests exactly, replies as long as those to the demo's 20). Tokens are o200k_base's, also for
models that count otherwise, and the recorded model did not think aloud: models that do charge for
their thoughts as output, which can be several times the reply. The schema is counted whole, which
is more than many servers charge.

Most of what goes in are the texts shown: reviews, or a profile and the items of a list. The
instructions are below the 1,024 tokens from which on servers cache what prompts begin with, so that
caching saves nothing. Of the money for a profile about two thirds are the reply's. Equal requests
are asked once, and what is in the call log is free; no request was changed to make it cheaper.
"""

ERRORS = f"""How far estimates are off on the recorded calls: of tokens out, and in brackets of
money at the price of {MODELS[-1]}. Table: the means that estimates without a log
rest on; they come from these very calls, and will do worse elsewhere. The other
set's mean: a log of other people. A log of so many calls of the same data: the
absolute error for all its other calls, on average over {SAMPLES:,} draws. Tokens
in have no error here: they were counted by the formula that the estimate uses.
"""


def figures(sets: Sequence[DataSet]) -> Iterator[str]:
    measured = {}
    for data in sets:
        data.work.mkdir()
        measured[data.name] = stages(data)
    yield INTRODUCTION
    for name, of_set in measured.items():
        yield from [*where_tokens_go(name, of_set), ""]
    for name, of_set in measured.items():
        yield from [*costs(name, of_set), ""]
    for model in MODELS:
        price = known_price(model)
        if price is not None:
            yield f"- {model}: ${price.input_usd:g} a million tokens in, ${price.output_usd:g} out"
    yield from ["", ERRORS, *errors(sets)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("-o", "--output", required=True, type=Path)
    parser.add_argument(
        "--data", nargs=3, action="append", required=True, metavar=("NAME", "DATA", "RECORDINGS")
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        sets = [
            DataSet(name, Path(folder), Path(recordings), Path(work) / name)
            for name, folder, recordings in given.data
        ]
        kept = given.output.read_text(encoding="utf-8").partition(HEADING)[0]
        given.output.write_text(kept + "\n".join(figures(sets)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
