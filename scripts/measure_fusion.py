"""Measure what fitted weights are worth: the tables of docs/scoring.md.

    python scripts/measure_fusion.py --data NAME DATA_FOLDER RECORDINGS_FOLDER [--data …] -o FILE

A data folder has reviews.jsonl.gz and items.jsonl.gz, a recordings folder split.jsonl,
extract_profile.jsonl and vectors.npz. Nothing is called. Markdown is written:

1. each part alone, the defaults and the fitted score, cross-validated, with paired intervals;
2. the score fitted on ten users and used for all others, many times;
3. a simulation of popularity: a Zipf law over the items, a made-up crowd that follows it, and
   instead of each held-out item one of those nearest to it, drawn by the same law. The more it
   is drawn from, the more popularity rules: its weight should grow, and the score should be
   better than interests alone and than popularity alone.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from llmrec.cli import run
from llmrec.embedder_opening import embedder_of_index
from llmrec.evaluation.cross_validation import METRIC, CrossValidation, cross_validate
from llmrec.evaluation.intervals import mean_interval
from llmrec.evaluation.labels import Labels
from llmrec.evaluation.material import Material
from llmrec.evaluation.preparing import prepare
from llmrec.evaluation.significance import compare
from llmrec.evaluation.target_places import TargetPlaces
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Part, Person
from llmrec.matching.score_parts import CROWD_PARTS, PARTS, WITHOUT_LLM, PartName, default_weights
from llmrec.matching.scoring import standardised_parts
from llmrec.matching.similarity import Float64
from llmrec.records.grouping import read_users
from llmrec.records.profile import read_profiles
from llmrec.records.splits import read_split

CHAT_MODEL = "claude"
FEW, DRAWS_OF_FEW = 10, 100
NEAREST = (1, 10, 100, 1_000)
EXPONENT, CROWD, OF_EACH, WORLDS = 1.0, 1_000, 5, 5


class Remembered:
    """A part that is asked for each person once."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._scores: dict[str, Float64] = {}

    def scores(self, person: Person) -> Float64:
        if person.user_id not in self._scores:
            self._scores[person.user_id] = self._part.scores(person)
        return self._scores[person.user_id]


@dataclass(frozen=True)
class DataSet:
    """People with profiles and what is to be found for each, and all parts."""

    name: str
    material: Material
    parts: Mapping[PartName, Part]

    def cross_validated(self, names: Sequence[PartName]) -> CrossValidation:
        parts = {name: self.parts[name] for name in names}
        return cross_validate(parts, self.material.known_labels, default_weights(names))


def prepared(name: str, data: Path, recordings: Path, work: Path) -> DataSet:
    profiles, index = work / f"{name}.jsonl", work / name
    items, split = data / "items.jsonl.gz", recordings / "split.jsonl"
    calls = recordings / "extract_profile.jsonl"
    command(
        "extract", data / "reviews.jsonl.gz", "--items", items, "-o", profiles, "--calls", calls,
        "--replay", "--model", CHAT_MODEL, "--split", split, "-q",
    )  # fmt: skip
    vectors = recordings / "vectors.npz"
    command("index", items, "-o", index, "--vectors", vectors, "--replay", "-q")
    catalogue = ContentIndex(index)
    ready = asyncio.run(
        prepare(
            list(read_users(data / "reviews.jsonl.gz")),
            read_split(split),
            catalogue.items,
            profiles=list(read_profiles(profiles)),
            index=catalogue,
            embedder=embedder_of_index(catalogue, None, "replay", None).embedder,
            systems=["fused"],
            metrics=[METRIC],
        )
    )
    parts = {part: Remembered(build(ready.material)) for part, build in PARTS.items()}
    return DataSet(name, ready.material, parts)


def command(*arguments: object) -> None:
    if run([str(argument) for argument in arguments]):
        raise SystemExit(f"failed: llmrec {' '.join(map(str, arguments))}")


def cross_validation(given: DataSet) -> Iterable[str]:
    yield f"| {given.name} | nDCG@10 | fused − it | fused without an LLM − it |"
    yield "|---|---|---|---|"
    fused, without = given.cross_validated(tuple(PARTS)), given.cross_validated(WITHOUT_LLM)
    for name, values in zip(PARTS, fused.of_parts, strict=True):
        yield row(name, values, fused.values, without.values)
    yield row("fused without an LLM", without.values, fused.values)
    yield row("fused", fused.values)
    for what, one, names in (("fused", fused, PARTS), ("without an LLM", without, WITHOUT_LLM)):
        yield f"\n{what}, fitted on all: pull {one.pull()}, {weights(names, one.fitted())}"
        yield "; of the folds: " + " · ".join(weights(names, each) for each in one.weights)


def row(name: str, values: Float64, *others: Float64) -> str:
    cells = [name, number(mean_interval(values), "")]
    cells += [number(compare(other, values).difference, "+") for other in others]
    return f"| {' | '.join(cells)} |"


def number(interval: object, sign: str) -> str:
    mean, low, high = interval.mean, interval.low, interval.high
    return f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def weights(names: Iterable[PartName], values: Float64) -> str:
    pairs = zip(names, values.tolist(), strict=True)
    return ", ".join(f"{name} {value:.2f}" for name, value in pairs if value >= 0.005)


def ten_users(given: DataSet) -> Iterable[str]:
    labels, names = given.material.known_labels, tuple(PARTS)
    parts = {name: given.parts[name] for name in names}
    used = list(parts.values())
    z = {one.user_id: standardised_parts(used, one) for one in labels.people}
    kept, inside, behind = 0, 0, []
    for seed in range(DRAWS_OF_FEW):
        order = np.random.default_rng(seed).permutation(len(labels.people))
        few = Labels(tuple(labels.people[n] for n in order[:FEW]), labels.targets)
        fitted = cross_validate(parts, few, default_weights(names))
        kept += fitted.pull() is None
        both = np.stack([fitted.fitted(), fitted.defaults])
        places = TargetPlaces(2)
        for one in (labels.people[n] for n in order[FEW:]):
            places.add(one.user_id, both, z[one.user_id], labels.of(one), one.positions)
        values, defaults = places.values(METRIC)
        interval = mean_interval(defaults)
        inside += interval.low <= values.mean() <= interval.high
        behind.append(values.mean() - defaults.mean())
    yield (
        f"| {given.name} | {kept} | {inside} | {np.mean(behind):+.4f} | {np.min(behind):+.4f} | "
        f"{np.max(behind):+.4f} |"
    )


def skewed(given: DataSet) -> Iterable[str]:
    for nearest in NEAREST:
        found = [simulated(given, nearest, seed) for seed in range(WORLDS)]
        values, profile, popularity = (
            np.mean([of_one[:, n] for of_one, _ in found], axis=0) for n in range(3)
        )
        popular = [fitted[[*PARTS].index("popularity")] for _, fitted in found]
        yield (
            f"| {given.name} | {nearest} | {np.mean(popular):.2f} ({min(popular):.2f} to "
            f"{max(popular):.2f}) | {values.mean():.3f} | "
            f"{profile.mean():.3f} | {popularity.mean():.3f} | "
            f"{number(compare(values, profile).difference, '+')} | "
            f"{number(compare(values, popularity).difference, '+')} |"
        )


def simulated(given: DataSet, nearest: int, seed: int) -> tuple[Float64, Float64]:
    """Return (n_users, 3) nDCG@10 of score, profile and popularity, and the fitted weights."""
    draw = np.random.default_rng([seed, nearest])
    labels, n_items = given.material.known_labels, len(given.material.items)
    law = draw.permutation(1 / np.arange(1, n_items + 1) ** EXPONENT)
    users = np.repeat(np.arange(CROWD), OF_EACH)
    chosen = draw.choice(n_items, size=len(users), p=law / law.sum())
    pairs = np.unique(np.stack([users, chosen]), axis=1)
    crowd = Interactions(CROWD, n_items, pairs[0], pairs[1], np.full(len(pairs[0]), np.nan))
    targets = {}
    for one in labels.people:
        chances = np.zeros(n_items)
        for target in labels.of(one):
            likeness = given.material.rows @ given.material.rows[target]
            likeness[one.positions] = -1
            near = np.argsort(-likeness, kind="stable")[:nearest]
            chances[near] = law[near]
            targets[one.user_id] = draw.choice(n_items, size=1, p=chances / chances.sum())
    made = replace(given.material, interactions=crowd, labels=Labels(labels.people, targets))
    parts = {
        name: build(made) if name in CROWD_PARTS else given.parts[name]
        for name, build in PARTS.items()
    }
    found = DataSet(given.name, made, parts).cross_validated(tuple(PARTS))
    alone = [found.of_parts[[*PARTS].index(name)] for name in ("profile-hub", "popularity")]
    return np.stack([found.values, *alone], axis=1), found.fitted()


def tables(sets: Sequence[DataSet]) -> Iterable[str]:
    for one in sets:
        yield from cross_validation(one)
    yield "\n| fitted on ten users | defaults kept | within their interval | mean | least | most |"
    yield "|---|---|---|---|---|---|"
    for one in sets:
        yield from ten_users(one)
    yield (
        "\n| | drawn from the nearest | weight of popularity | fused | profile | popularity "
        "| fused − profile | fused − popularity |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for one in sets:
        yield from skewed(one)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs=3, action="append", required=True)
    parser.add_argument("-o", "--output", required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, Path(given.output).open("w") as file:
        sets = [prepared(n, Path(data), Path(calls), Path(work)) for n, data, calls in given.data]
        for line in tables(sets):
            file.write(line + "\n")
            file.flush()


if __name__ == "__main__":
    main()
