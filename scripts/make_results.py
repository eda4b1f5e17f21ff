"""Make docs/results.md: every system on data sets with recorded profiles.

    python scripts/make_results.py -o docs/results.md \
        --data NAME DATA_FOLDER RECORDINGS_FOLDER [--data …] [--positive-from NAME=R]

A data folder has reviews.jsonl.gz and items.jsonl.gz, a recordings folder split.jsonl,
extract_profile.jsonl and vectors.npz. Nothing is called: what is not recorded is an error.
Of each data set two evaluations are made: all eligible users, for what needs no LLM, and the
users whose profiles are recorded, for everything. More sections are more functions in SECTIONS.
"""

import argparse
import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from llmrec.cli import run
from llmrec.evaluation.claims import claim_line, short
from llmrec.evaluation.results import Result, SystemResult, read_result

CHAT_MODEL = "claude"
METRICS = "nDCG@10,R@10,RR@10"

INTRODUCTION = """# Results

Made by `scripts/make_results.py`; how to read it: [evaluation.md](evaluation.md), the systems:
[baselines.md](baselines.md), the data, and what not to conclude from them: [data.md](data.md). The
newest positive review of each user is to be found among the whole catalogue without the user's
history. Every figure is a mean over users with its 95 % interval (BCa); `!` marks intervals that
rest on few users who differ. **Bold** is the best system without an LLM. The vectors are those of
multilingual-e5-small, the profiles the recorded ones.

Elsewhere: what reranking a shortlist brings, and what it costs ([reranking.md](reranking.md)); each
part of a score, and data where popularity rules ([scoring.md](scoring.md)); what else was tried for
matching ([matching.md](matching.md)).
"""


@dataclass(frozen=True)
class DataSet:
    """Where a data set is, and where the files made of it go."""

    name: str
    data: Path
    recordings: Path
    positive_from: str | None
    work: Path

    @property
    def reviews(self) -> Path:
        return self.data / "reviews.jsonl.gz"

    @property
    def items(self) -> Path:
        return self.data / "items.jsonl.gz"

    @property
    def vectors(self) -> Path:
        return self.recordings / "vectors.npz"

    def llmrec(self, *arguments: object) -> None:
        """Run a command; what it prints is in its files as well."""
        with redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            code = run([*map(str, arguments), "--quiet", "--format", "json"])
        if code:
            raise SystemExit(code)

    def index(self) -> Path:
        folder = self.work / "index"
        if not folder.exists():
            self.llmrec("index", self.items, "-o", folder, "--vectors", self.vectors, "--replay")
        return folder

    def evaluated(self, split: Path, *more: object) -> Result:
        result = self.work / "result.json"
        self.llmrec(
            "evaluate", self.reviews, "--items", self.items, "--split", split,
            "--index", self.index(), "--vectors", self.vectors, "--replay",
            "--metrics", METRICS, "-o", result, *more,
        )  # fmt: skip
        return read_result(result)


def all_eligible(data: DataSet) -> Iterator[str]:
    """All eligible users, for systems that need no LLM."""
    split = data.work / "split.jsonl"
    rule = () if data.positive_from is None else ("--positive-from", data.positive_from)
    data.llmrec("split", data.reviews, "-o", split, *rule)
    result = data.evaluated(split)
    yield f"### All {len(result.users)} eligible users, systems without an LLM"
    yield from table(result)


def recorded_users(data: DataSet) -> Iterator[str]:
    """The users whose profiles are recorded, for everything, and the claims."""
    profiles, split = data.work / "profiles.jsonl", data.recordings / "split.jsonl"
    data.llmrec(
        "extract", data.reviews, "--items", data.items, "--split", split, "-o", profiles,
        "--calls", data.recordings / "extract_profile.jsonl", "--model", CHAT_MODEL, "--replay",
    )  # fmt: skip
    result = data.evaluated(split, "--profiles", profiles)
    yield f"### The {len(result.users)} recorded users, all systems"
    yield from table(result)
    yield ""
    for claim in result.claims:
        reach = f"{claim.n} users would have shown {short(claim.detectable)} in 80 of 100 samples"
        yield f"- {claim_line(claim)} ({reach})."


SECTIONS = (all_eligible, recorded_users)


def table(result: Result) -> Iterator[str]:
    """Yield warnings and a table in Markdown; of users only their number is said."""
    for warned in result.warnings:
        yield ""
        yield f"Warning: {warned.what}{f' ({len(warned.users)} users)' if warned.users else ''}."
    yield ""
    yield f"{result.n_items:,} items."
    yield ""
    yield f"| system | {' | '.join(result.metrics)} | no list |"
    yield f"|---|{'---|' * len(result.metrics)}---|"
    for system in result.systems:
        yield row(system, result.metrics, is_best=system.name == result.baseline)


def row(system: SystemResult, metrics: Sequence[str], *, is_best: bool) -> str:
    cells = [f"**{system.name}**" if is_best else system.name]
    for metric in metrics:
        score = system.scores[metric]
        mark = "" if score.warning is None else "!"
        cells.append(f"{short(score.mean)} [{short(score.low)}, {short(score.high)}]{mark}")
    return f"| {' | '.join([*cells, str(len(system.missing))])} |"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("-o", "--output", required=True, type=Path)
    parser.add_argument(
        "--data", nargs=3, action="append", required=True, metavar=("NAME", "DATA", "RECORDINGS")
    )
    parser.add_argument("--positive-from", action="append", default=[], metavar="NAME=R")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    positive_from = dict(text.split("=") for text in given.positive_from)
    lines = [INTRODUCTION]
    for name, folder, recordings in given.data:
        with tempfile.TemporaryDirectory() as work:
            data = DataSet(
                name, Path(folder), Path(recordings), positive_from.get(name), Path(work)
            )
            lines += [f"## {name}", ""]
            for section in SECTIONS:
                lines += [*section(data), ""]
    given.output.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
