"""Measure other ways to match: the table of docs/matching.md of what was tried.

    python scripts/measure_matching.py -o FILE --work FOLDER \
        --data NAME DATA_FOLDER RECORDINGS_FOLDER [--data …]

A data folder has reviews.jsonl.gz and items.jsonl.gz, a recordings folder split.jsonl,
extract_profile.jsonl and vectors.npz. No chat model is called; texts that are not recorded are
embedded here, once: their vectors stay in the work folder. Every row is nDCG@10 less that of
`hub`, paired by user, with its 95 % interval.
"""

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llmrec.cli import run
from llmrec.embedder_opening import embedder_of_index
from llmrec.evaluation.intervals import difference_interval
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.placing import place_targets
from llmrec.evaluation.preparing import prepare
from llmrec.evaluation.task import Task
from llmrec.llm.embedder import Embedder, Role, Rows
from llmrec.matching.bank import bank_of_items
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.diversity import SHORTLIST, diverse_order
from llmrec.matching.part import Person
from llmrec.matching.similarity import (
    HUB_TEMPERATURE,
    Float64,
    cosines,
    dislike_penalty,
    hub_statistics,
    soft_maximum,
)
from llmrec.matching.top_k import top_k
from llmrec.records.grouping import read_users
from llmrec.records.profile import Interest, read_profiles
from llmrec.records.reviews import Item
from llmrec.records.splits import read_split

CHAT_MODEL = "claude"
METRIC = Metric.parse("nDCG@10")
K = 10
Values = Float64


@dataclass(frozen=True)
class DataSet:
    """People with profiles, what is to be found for each, and all that is embedded of them.

    Attributes:
        bounds: of each person's interests among all, by user.
        queries: (n_interests, dim), of all interests.
    """

    name: str
    task: Task
    items: Sequence[Item]
    rows: Rows
    embedder: Embedder
    interests: tuple[Interest, ...]
    bounds: dict[str, slice]
    queries: Rows

    @property
    def served(self) -> list[Person]:
        return [one for one in self.task.people if one.user_id in self.bounds]

    def embedded(self, texts: Sequence[str], role: Role) -> Rows:
        return asyncio.run(self.embedder.embed(texts, role))

    def embedded_items(self, text: Callable[[Item], str]) -> Rows:
        return self.embedded([text(item) for item in self.items], "passage")


def prepared(name: str, data: Path, recordings: Path, work: Path) -> DataSet:
    profiles, index = work / f"{name}.jsonl", work / name
    items, split = data / "items.jsonl.gz", recordings / "split.jsonl"
    command(
        "extract", data / "reviews.jsonl.gz", "--items", items, "-o", profiles,
        "--calls", recordings / "extract_profile.jsonl", "--replay", "--model", CHAT_MODEL,
        "--split", split, "-q",
    )  # fmt: skip
    command("index", items, "-o", index, "--vectors", recordings / "vectors.npz", "--replay", "-q")
    catalogue, people = ContentIndex(index), list(read_profiles(profiles))
    opened = embedder_of_index(catalogue, work / f"{name}.npz", "default", None)
    task = asyncio.run(
        prepare(
            list(read_users(data / "reviews.jsonl.gz")),
            read_split(split),
            tuple(catalogue.items),
            profiles=people,
            index=catalogue,
            embedder=opened.embedder,
            systems=["profile-hub"],
            metrics=[METRIC],
        )
    ).task
    interests = tuple(interest for one in people for interest in one.interests)
    ends = np.cumsum([len(one.interests) for one in people]).tolist()
    bounds = {
        one.user_id: slice(end - len(one.interests), end)
        for one, end in zip(people, ends, strict=True)
        if one.interests
    }
    queries = asyncio.run(opened.embedder.embed([one.query for one in interests], "query"))
    return DataSet(
        name, task, tuple(catalogue.items), catalogue.rows, opened.embedder, interests, bounds,
        queries,
    )  # fmt: skip


def command(*arguments: object) -> None:
    if run([str(argument) for argument in arguments]):
        raise SystemExit(f"failed: llmrec {' '.join(map(str, arguments))}")


class OfInterests:
    """People's scores, made of the similarity of every interest to every item."""

    def __init__(
        self,
        given: DataSet,
        similarities: Float64,
        temperature: float = HUB_TEMPERATURE,
        *,
        dislikes: bool = True,
    ) -> None:
        self._given = given
        self._similarities = similarities
        self._temperature = temperature
        self._dislikes = dislikes

    def likes(self, person: Person) -> tuple[Float64, Float64]:
        """Return the similarities of the likes, (n_likes, n_items), and their weights."""
        return self._of(person, "like")

    def scores(self, person: Person) -> Float64:
        similarities, weights = self.likes(person)
        scores = np.zeros(similarities.shape[1])
        if len(weights):
            scores = soft_maximum(similarities, weights, self._temperature)
        disliked, weights = self._of(person, "dislike")
        if self._dislikes and len(weights):
            scores = scores - dislike_penalty(disliked, weights)
        return scores

    def _of(self, person: Person, polarity: str) -> tuple[Float64, Float64]:
        own = self._given.bounds[person.user_id]
        interests = self._given.interests[own]
        chosen = [n for n, one in enumerate(interests) if one.polarity == polarity]
        weights = np.array([interests[n].weight for n in chosen])
        return self._similarities[own][chosen], weights


class Listed:
    """People's lists of ten, as scores: the first has the highest, what is not listed none."""

    def __init__(self, given: DataSet, plain: OfInterests, choose: "Choice") -> None:
        self._given = given
        self._plain = plain
        self._choose = choose

    def scores(self, person: Person) -> Float64:
        allowed = self._given.task.ranked_rows(person)
        scores = np.zeros(len(self._given.items))
        listed = self._choose(self._plain, person, allowed)
        scores[listed] = np.arange(len(listed), 0, -1)
        return scores


Choice = Callable[[OfInterests, Person, np.ndarray], Sequence[int]]


def diverse(given: DataSet, diversity: float) -> Choice:
    def choose(plain: OfInterests, person: Person, allowed: np.ndarray) -> Sequence[int]:
        scores = plain.scores(person)
        best = allowed[top_k(scores[allowed], SHORTLIST)]
        return best[diverse_order(scores[best], given.rows[best], K, diversity)].tolist()

    return choose


def allotted(plain: OfInterests, person: Person, allowed: np.ndarray) -> Sequence[int]:
    """Give each like places by its weight, the next to the one furthest behind its due."""
    similarities, weights = plain.likes(person)
    left = weights / weights.sum() * K
    lists = [allowed[top_k(own[allowed], K)].tolist() for own in similarities]
    listed: list[int] = []
    while len(listed) < K:
        like = int(left.argmax())
        left[like] -= 1
        listed.append(next(item for item in lists[like] if item not in listed))
    return listed


def hub(queries: Rows, bank: Rows, rows: Rows) -> Float64:
    return hub_statistics(rows, bank).standardise(cosines(queries, rows))


def csls(similarities: Float64, k: int) -> Float64:
    """Cross-domain similarity local scaling (Conneau et al. 2018)."""
    of_items = np.sort(similarities, axis=0)[-k:].mean(axis=0)
    of_queries = np.sort(similarities, axis=1)[:, -k:].mean(axis=1)
    scaled = 2 * similarities - of_items - of_queries[:, None]
    return scaled / scaled.std()


def inverted_softmax(similarities: Float64, beta: float) -> Float64:
    """Smith et al. 2017, as a logarithm."""
    scaled = beta * similarities - np.log(np.exp(beta * similarities).mean(axis=0))
    return scaled / scaled.std()


def tried(given: DataSet) -> Iterator[tuple[str, Values]]:
    rows, queries = given.rows, given.queries

    def of(similarities: Float64, temperature: float = HUB_TEMPERATURE, **more: bool) -> Values:
        return values(given, OfInterests(given, similarities, temperature, **more))

    z = hub(queries, queries, rows)
    yield "hub: the run's bank", of(z)
    of_index = given.embedded(bank_of_items(given.items).texts, "query")
    yield "the index's bank", of(hub(queries, of_index, rows))
    yield "both banks pooled", of(hub(queries, np.concatenate([queries, of_index]), rows))
    names = given.embedded([one.name for one in given.interests], "query")
    texts = given.embedded([one.description or one.name for one in given.interests], "query")
    of_names, of_texts = hub(names, names, rows), hub(texts, texts, rows)
    yield "interests by name only", of(of_names)
    yield "interests by description only", of(of_texts)
    yield "name and description apart, mean of z", of((of_names + of_texts) / 2)
    yield "name, description, both: mean of z", of((of_names + of_texts + z) / 3)
    plain = cosines(queries, rows)
    for k in (5, 10, 20):
        yield f"CSLS, k = {k}", of(csls(plain, k))
    for beta in (20, 50, 100):
        yield f"inverted softmax, β = {beta}", of(inverted_softmax(plain, beta))
    by_query = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True)
    yield "z standardised again for each interest", of(by_query)
    for temperature in (0.25, 1.0):
        yield f"t = {temperature:g} in place of .5", of(z, temperature)
    yield "no dislikes", of(z, dislikes=False)
    yield from by_item_text(given, z, of)
    base = OfInterests(given, z)
    for diversity in (0.1, 0.2, 0.3, 0.5):
        chosen = Listed(given, base, diverse(given, diversity))
        yield f"MMR, λ = {diversity:g}", values(given, chosen)
    yield "places allotted by weight", values(given, Listed(given, base, allotted))


def by_item_text(
    given: DataSet, z: Float64, of: Callable[[Float64], Values]
) -> Iterator[tuple[str, Values]]:
    def of_items(text: Callable[[Item], str]) -> Float64:
        return hub(given.queries, given.queries, given.embedded_items(text))

    title = of_items(lambda item: item.title)
    description = of_items(lambda item: item.description[:400] or item.title)
    yield "items by title only", of(title)
    yield "title and categories", of(of_items(lambda item: joined(item, 0)))
    yield "description, title where there is none", of(description)
    yield "1,200 characters of the description", of(of_items(lambda item: joined(item, 1_200)))
    yield "title, and the whole: mean of z", of((title + z) / 2)
    yield "title, description, the whole: mean of z", of((title + description + z) / 3)


def joined(item: Item, characters: int) -> str:
    parts = (item.title, ", ".join(item.categories[:12]), item.description[:characters])
    return ". ".join(part for part in parts if part)


def values(given: DataSet, part: OfInterests | Listed) -> Values:
    return METRIC.values(place_targets(part, given.task, given.served))


def table(sets: Sequence[DataSet]) -> Iterator[str]:
    yield "| | " + " | ".join(given.name for given in sets) + " |"
    yield "|---" * (len(sets) + 1) + "|"
    base: list[Values] = []
    for row in zip(*map(tried, sets), strict=True):
        if not base:
            base = [own for _, own in row]
            cells = [f"{own.mean():.3f}" for own in base]
        else:
            cells = [difference(own - plain) for (_, own), plain in zip(row, base, strict=True)]
        yield f"| {row[0][0]} | {' | '.join(cells)} |"


def difference(differences: Values) -> str:
    found = difference_interval(differences)
    return f"{found.mean:+z.3f} [{found.low:+z.3f}, {found.high:+z.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", nargs=3, action="append", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    sets = [
        prepared(name, Path(data), Path(recordings), given.work)
        for name, data, recordings in given.data
    ]
    given.output.write_text("\n".join(table(sets)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
