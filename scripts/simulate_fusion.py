"""Measure how weights are chosen, in made-up worlds whose law is known: a table of docs/scoring.md.

    python scripts/simulate_fusion.py -o FILE [--worlds 20] [--negatives 200]

2,000 items of 30 kinds, as points near the centre of their kind; three kinds please a person, and
the likeness of an item is that of the nearest. People choose by a law, each item once:

    log chance = a · log(1 / rank) + b · likeness (standardised) - age · log 2

rank is the item's in a drawn order (Zipf), age in years (up to 4, and only in the world of games,
where a crowd chose while items were young and the people to be served choose now). 1,000 people of
8 items each are the crowd. The people served chose 5 items, and a sixth is held out. The profile
knows the likeness with noise, its words more noisily; the other parts are the real ones, or stand
on the mean of the 5 items, with noise. Weights are fitted on some people, measured on 600 others.
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from llmrec.evaluation.cross_validation import METRIC, cross_validate
from llmrec.evaluation.examples import NEGATIVES
from llmrec.evaluation.fitting import choose, path
from llmrec.evaluation.intervals import mean_interval
from llmrec.evaluation.labels import Labels
from llmrec.evaluation.target_places import TargetPlaces
from llmrec.matching.history import Ease
from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Part, Person
from llmrec.matching.popularity import HALF_LIFE_DAYS, Popularity
from llmrec.matching.score_parts import PARTS, PartName, default_weights
from llmrec.matching.scoring import standardised_parts
from llmrec.matching.similarity import Float64

ITEMS, KINDS, DIM, CROWD, OF_EACH, HISTORY, OTHERS = 2_000, 30, 16, 1_000, 8, 5, 600
USERS = (20, 75, 300)
DEFAULTS = np.array(list(default_weights(PARTS).values()))


@dataclass(frozen=True)
class Law:
    """How much popularity and likeness count, whether items age, who looks at one of them only."""

    popularity: float
    likeness: float
    ages: bool = False
    parted: bool = False


LAWS: Final = {
    "popularity only": Law(1, 0),
    "taste only": Law(0, 3),
    "both": Law(1, 2),
    "games (old items fade)": Law(1.3, 1, ages=True),
    "nothing to learn": Law(0, 0),
    "half by each alone": Law(1, 3, parted=True),
}


class Table:
    """A part whose scores are written down, a row for each person by number."""

    def __init__(self, rows: Float64) -> None:
        self._rows = rows

    def scores(self, person: Person) -> Float64:
        return self._rows[int(person.user_id)].copy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--negatives", type=int, default=NEGATIVES)
    given = parser.parse_args()
    with Path(given.output).open("w") as file:
        for line in table(given.worlds, given.negatives):
            print(line, file=file, flush=True)


def table(n_worlds: int, n_negatives: int) -> Iterable[str]:
    yield (
        "| law | users | defaults left | fitted | defaults | best part alone | fitted − it "
        "| − one error of the best | − with each part alone as a candidate |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, law in LAWS.items():
        for n_users in USERS:
            worlds = [measured(law, n_users, seed, n_negatives) for seed in range(n_worlds)]
            left, fitted, timid, bold, alone = (np.array(one) for one in zip(*worlds, strict=True))
            best = int(alone.mean(axis=0).argmax())
            differences = [fitted - other for other in (alone[:, best], timid, bold)]
            yield (
                f"| {name} | {n_users} | {left.mean():.2f} | {fitted.mean():.3f} | "
                f"{alone[:, 0].mean():.3f} | {[*PARTS][best]} {alone[:, best].mean():.3f} | "
                f"{' | '.join(map(number, differences))} |"
            )


def number(values: Float64) -> str:
    found = mean_interval(values)
    return f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def measured(
    law: Law, n_users: int, seed: int, n_negatives: int
) -> tuple[bool, float, float, float, Float64]:
    """Return, of one world, whether the defaults are left and nDCG@10 of other people.

    Of the fitted weights, of those within one standard error of the best, of those with each part
    alone as a candidate too, and of each part alone.
    """
    labels, parts = world(law, n_users + OTHERS, np.random.default_rng(seed))
    fitted_on = Labels(labels.people[:n_users], labels.targets)
    found = cross_validate(parts, fitted_on, default_weights(PARTS), n_negatives)
    weights = np.concatenate([path(found.examples, DEFAULTS), np.eye(len(PARTS))])
    places = TargetPlaces(len(weights))
    for one in labels.people[n_users:]:
        z = standardised_parts(parts.values(), one)
        places.add(one.user_id, weights, z, labels.of(one), one.positions)
    values = places.values(METRIC).mean(axis=1)
    along, alone = values[: -len(PARTS)], values[-len(PARTS) :]
    chosen, timid = choose(found.of_paths), within_one_error(found.of_paths)
    bold = choose(np.concatenate([found.of_paths, found.of_parts]))
    return chosen > 0, along[chosen], along[timid], values[bold], alone


def within_one_error(values: Float64) -> int:
    """Return the first that is within one standard error of the best (Breiman et al. 1984)."""
    behind = values[values.mean(axis=1).argmax()] - values
    error = behind.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    return int(np.argmax(behind.mean(axis=1) <= error))


def world(law: Law, n: int, draw: np.random.Generator) -> tuple[Labels, Mapping[PartName, Part]]:
    """Return n people with what is held out, and the parts."""
    kinds = draw.normal(size=(KINDS, DIM))
    items = kinds[draw.integers(KINDS, size=ITEMS)] + 0.6 * draw.normal(size=(ITEMS, DIM))
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    popular = -np.log(draw.permutation(np.arange(1.0, ITEMS + 1)))
    age = draw.uniform(0, 4, ITEMS) if law.ages else np.zeros(ITEMS)

    def likeness(n: int) -> Float64:
        liked = kinds[draw.integers(KINDS, size=(n, 3))]
        liked /= np.linalg.norm(liked, axis=2, keepdims=True)
        return scaled((liked @ items.T).max(axis=1))

    def chosen(n_items: int, liked: Float64, popular: Float64) -> np.ndarray:
        chance = law.popularity * popular + law.likeness * liked
        if law.parted:
            by_crowd = draw.random((len(liked), 1)) < 0.5
            chance = np.where(by_crowd, law.popularity * popular, law.likeness * liked)
        return np.argsort(-(chance + draw.gumbel(size=liked.shape)), axis=1)[:, :n_items]

    liked = likeness(n)
    own = chosen(HISTORY + 1, liked, popular - age * np.log(2))
    crowd = chosen(OF_EACH, likeness(CROWD), popular)
    users = np.concatenate(
        [np.repeat(np.arange(n), HISTORY), n + np.repeat(np.arange(CROWD), OF_EACH)]
    )
    reviewed = np.concatenate([own[:, 1:].ravel(), crowd.ravel()])
    days = -365 * draw.uniform(0, np.maximum(age[reviewed], 0.05))
    interactions = Interactions(n + CROWD, ITEMS, users, reviewed, days)
    people = [Person(user_id=str(u), reviews=(), positions=own[u, 1:]) for u in range(n)]
    labels = Labels(tuple(people), {str(u): own[u, :1] for u in range(n)})
    near = scaled(items[own[:, 1:]].mean(axis=1) @ items.T)

    def noisy(scores: Float64, noise: float) -> Float64:
        return scores + noise * draw.normal(size=(n, ITEMS))

    disliked = -np.maximum(noisy(np.zeros(ITEMS), 1), 0)
    disliked[draw.random(n) < 0.5] = 0
    return labels, {
        "profile-hub": Table(noisy(liked, 0.5)),
        "dislikes": Table(disliked),
        "profile-tfidf": Table(np.maximum(noisy(liked, 1) - 1, 0)),
        "item-mean-hub": Table(noisy(near, 0.3)),
        "tfidf-items": Table(np.maximum(noisy(near, 1) - 1, 0)),
        "popularity": Popularity(interactions),
        "popularity-decayed": Popularity(interactions, HALF_LIFE_DAYS),
        "ease": Ease(interactions),
    }


def scaled(rows: Float64) -> Float64:
    return (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)


if __name__ == "__main__":
    main()
