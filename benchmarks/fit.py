"""What fitting weights costs, as a multiple of scoring the same people once.

    python benchmarks/fit.py [--quick]

Made-up people and items: 10,000 × 100,000, 100 sampled negatives beside each held-out item
(--quick: 200 × 20,000). Scored is with every part of the score. The last line is a JSON object:
``of_scoring`` (fit / score once) and ``peak_mib`` of the whole process.
"""

import argparse
import json
import resource
from time import perf_counter

import numpy as np

from llmrec.evaluation.cross_validation import cross_validate
from llmrec.evaluation.labels import Labels
from llmrec.evaluation.learned_weights import REFITS
from llmrec.matching.history import catalogue_hub
from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Person
from llmrec.matching.part_material import PartMaterial
from llmrec.matching.profile_match import Taste
from llmrec.matching.score_parts import PARTS, default_weights
from llmrec.matching.scoring import Score
from llmrec.records.profile import Evidence, Interest, InterestProfile
from llmrec.records.reviews import Item

DIM, WORDS, REVIEWED, INTERESTS, NEGATIVES = 384, 5_000, 10, 6, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--users", type=int)
    parser.add_argument("--items", type=int)
    given = parser.parse_args()
    n_users = given.users or (200 if given.quick else 10_000)
    n_items = given.items or (20_000 if given.quick else 100_000)
    draw = np.random.default_rng(0)
    people, targets, material = made_up(n_users, n_items, draw)
    parts = {name: build(material) for name, build in PARTS.items()}

    begin = perf_counter()
    score = Score(parts, dict.fromkeys(PARTS, 1.0), n_items)
    for person in people:
        score.scores(person)
    scoring_s = perf_counter() - begin
    print(f"scoring {n_users} users × {n_items} items once: {scoring_s:.1f} s")

    begin = perf_counter()
    found = cross_validate(parts, Labels(people, targets), default_weights(PARTS), NEGATIVES)
    crossed_s = perf_counter() - begin
    n_labelled = len(found.user_ids)
    for _ in range(REFITS):
        found.fitted(draw.integers(n_labelled, size=n_labelled))
    fitting_s = perf_counter() - begin
    print(f"cross-validation {crossed_s:.1f} s, {REFITS} refits {fitting_s - crossed_s:.1f} s")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "users": n_users,
                "items": n_items,
                "negatives": NEGATIVES,
                "of_scoring": round(fitting_s / scoring_s, 2),
                "peak_mib": round(peak_mib),
            }
        )
    )


def made_up(
    n_users: int, n_items: int, draw: np.random.Generator
) -> tuple[tuple[Person, ...], dict[str, np.ndarray], PartMaterial]:
    """Return people, what each looks for, and a catalogue in which some items are popular."""
    rows = draw.normal(size=(n_items, DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    words = draw.integers(WORDS, size=(n_items, 20))
    items = [Item(str(n), " ".join(f"w{word}" for word in own)) for n, own in enumerate(words)]
    law = 1 / np.arange(1, n_items + 1) ** 0.8
    chosen = draw.choice(n_items, size=(n_users, REVIEWED + 1), p=law / law.sum())
    people, targets = [], {}
    for number, own in enumerate(chosen):
        near = own[draw.integers(len(own), size=INTERESTS)]
        people.append(person(f"u{number}", own[:-1], near, items, rows))
        targets[f"u{number}"] = own[-1:]
    users = np.repeat(np.arange(n_users), REVIEWED)
    pairs = np.unique(np.stack([users, chosen[:, :-1].ravel()]), axis=1)
    material = PartMaterial(
        items=items,
        interactions=Interactions(n_users, n_items, *pairs, np.full(pairs.shape[1], np.nan)),
        vectors=rows,
        hub=catalogue_hub(rows),
    )
    return tuple(people), targets, material


def person(
    user_id: str, reviewed: np.ndarray, near: np.ndarray, items: list[Item], rows: np.ndarray
) -> Person:
    """Return somebody with five likes and a dislike, each of the words of an item."""
    quote = (Evidence("r", "text", "w"),)
    polarity = ["like"] * (INTERESTS - 1) + ["dislike"]
    interests = tuple(
        Interest(f"i{n}", polarity[n], 0.5, items[place].title, quote)
        for n, place in enumerate(near)
    )
    return Person(
        user_id=user_id,
        reviews=(),
        positions=reviewed,
        profile=InterestProfile(user_id=user_id, language="en", summary="", interests=interests),
        taste=Taste(
            names=tuple(one.name for one in interests),
            weights=np.full(INTERESTS, 0.5),
            is_like=np.arange(INTERESTS) < INTERESTS - 1,
            queries=rows[near],
        ),
    )


if __name__ == "__main__":
    main()
