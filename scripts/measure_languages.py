"""Measure how much language outweighs taste: the table of docs/matching.md on two languages.

    python scripts/measure_languages.py --data DEMO_FOLDER --work FOLDER -o FILE

The folder is the one that `llmrec demo FOLDER` writes: people and items in two languages, what
fits whom in expected.jsonl, everything recorded. Nothing is called. All figures are means over
people, who are also what is resampled for the 95 % intervals.
"""

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llmrec.cli import run
from llmrec.embedder_opening import embedder_of_index
from llmrec.evaluation.intervals import difference_interval
from llmrec.matching.bank_choice import BankName, choose_bank
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.language_hubs import item_languages
from llmrec.matching.profile_match import Taste, embedded_tastes, score_taste
from llmrec.matching.similarity import Float64, HubStatistics, cosines
from llmrec.records.profile import read_profiles

CHAT_MODEL = "claude"
K = 10
ROWS = {
    "above": "an item of the other language is above one of the same",
    "other": "rank of what fits, in the other language",
    "same": "rank of what fits, in the same language",
    "ndcg": "nDCG@10 of what fits",
    "share": "share of the other language in the first ten of an interest",
}


class People:
    """People with profiles, what fits them, and the items in two languages."""

    def __init__(self, data: Path, work: Path) -> None:
        index, profiles = work / "index", work / "profiles.jsonl"
        items, vectors = data / "items.jsonl", data / "vectors.npz"
        command("index", items, "-o", index, "--vectors", vectors, "--replay", "-q")
        command(
            "extract", data / "reviews.jsonl", "--items", items, "-o", profiles, "--calls",
            data / "extract_profile.jsonl", "--replay", "--model", CHAT_MODEL, "-q",
        )  # fmt: skip
        self.index, self.profiles = ContentIndex(index), list(read_profiles(profiles))
        self.embedder = embedder_of_index(self.index, None, "replay").embedder
        interests = [one.interests for one in self.profiles]
        self.tastes = asyncio.run(embedded_tastes(interests, self.embedder))
        found = item_languages(self.index)
        self.languages = np.array(found.names)[found.of_items]
        lines = (data / "expected.jsonl").read_text(encoding="utf-8").splitlines()
        expected = {line["user_id"]: line["fits"] for line in map(json.loads, lines)}
        self.fits = [self.index.positions(expected[one.user_id]) for one in self.profiles]
        self.reviewed = [self.index.positions(one.reviewed) for one in self.profiles]

    def hub(self, bank: BankName, *, by_language: bool) -> HubStatistics:
        made = choose_bank(bank, self.index, self.embedder, self.profiles, by_language=by_language)
        return asyncio.run(made).hub

    def values(self, hub: HubStatistics) -> dict[str, Float64]:
        """Return each figure of each person; what somebody has none of is NaN."""
        found = [self._of_person(n, hub) for n in range(len(self.profiles))]
        return {name: np.array([one[name] for one in found]) for name in ROWS}

    def _of_person(self, number: int, hub: HubStatistics) -> dict[str, float]:
        taste = self.tastes[number]
        z = hub.standardise(cosines(taste.queries, self.index.rows), taste.languages)
        scores = score_taste(taste, self.index.rows, hub).scores
        scores[self.reviewed[number]] = -np.inf
        ranks = {int(item): rank for rank, item in enumerate(np.argsort(-scores), 1)}
        own = max(taste.languages, key=taste.languages.count)
        fits = self.fits[number]
        return {
            **self._of_interests(taste, z),
            "other": mean([ranks[item] for item in fits if self.languages[item] != own]),
            "same": mean([ranks[item] for item in fits if self.languages[item] == own]),
            "ndcg": ndcg([ranks[item] for item in fits]),
        }

    def _of_interests(self, taste: Taste, z: Float64) -> dict[str, float]:
        above, share = [], []
        for own, similarities in zip(taste.languages, z, strict=True):
            is_same = self.languages == own
            same, other = similarities[is_same], similarities[~is_same]
            above.append(float((other[:, None] > same).mean()))
            share.append(float((~is_same)[np.argsort(-similarities)[:K]].mean()))
        return {"above": mean(above), "share": mean(share)}


def command(*arguments: object) -> None:
    if run([str(argument) for argument in arguments]):
        raise SystemExit(f"failed: llmrec {' '.join(map(str, arguments))}")


def mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def ndcg(ranks: Sequence[int]) -> float:
    ideal = sum(1 / np.log2(rank + 1) for rank in range(1, min(K, len(ranks)) + 1))
    return float(sum(1 / np.log2(rank + 1) for rank in ranks if rank <= K) / ideal)


def table(people: People) -> Iterator[str]:
    banks: tuple[BankName, ...] = ("run", "index")
    heads = [f"{bank}'s bank: hub | by language | by language − hub" for bank in banks]
    yield f"| | {' | '.join(heads)} |"
    yield "|---" * (1 + 3 * len(banks)) + "|"
    found = [
        (people.values(people.hub(bank, by_language=False)),
         people.values(people.hub(bank, by_language=True)))
        for bank in banks
    ]  # fmt: skip
    for name, what in ROWS.items():
        cells = [cell for plain, corrected in found for cell in row(plain[name], corrected[name])]
        yield f"| {what} | {' | '.join(cells)} |"


def row(plain: Float64, corrected: Float64) -> Iterator[str]:
    known = ~np.isnan(plain)
    digits = 1 if plain[known].max() > 1 else 2
    interval: Any = difference_interval((corrected - plain)[known])
    yield f"{plain[known].mean():.{digits}f}"
    yield f"{corrected[known].mean():.{digits}f}"
    yield (
        f"{interval.mean:+z.{digits}f} [{interval.low:+z.{digits}f}, {interval.high:+z.{digits}f}]"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    lines = table(People(given.data, given.work))
    given.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
