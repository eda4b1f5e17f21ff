"""Every system by its name, and none that counts what is held out."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llmrec.errors import SettingsError
from llmrec.evaluation.baselines import SYSTEMS, System, named_systems
from llmrec.evaluation.baselines_naive import Random, RecentCategory, TieBreak
from llmrec.evaluation.labels import Labels
from llmrec.evaluation.material import Material, visible_reviews
from llmrec.matching.interactions import Interactions
from llmrec.matching.part import Part, Person
from llmrec.matching.profile_match import Taste
from llmrec.matching.similarity import Float64, hub_statistics
from llmrec.records.grouping import read_users
from llmrec.records.profile import Evidence, Interest, InterestProfile
from llmrec.records.reviews import Item
from llmrec.records.splits import Split, read_split

ITEMS = (
    Item("tea", "Green tea", categories=("Drinks", "Hot", "Leaves")),
    Item("coffee", "Black coffee", categories=("Drinks", "Hot")),
    Item("juice", "Apple juice", categories=("Drinks",)),
    Item("chair", "Green chair"),
    Item("table", "Black table", categories=("Home",)),
)
POSITIONS = {item.item_id: place for place, item in enumerate(ITEMS)}
ROWS = np.array(
    [[0.6, 0.8, 0], [0.8, 0.6, 0], [1, 0, 0], [0, 0.6, 0.8], [0, 0, 1]], dtype=np.float32
)
REVIEWS = [
    ("u", "table", "so very black"),
    ("u", "tea", "I drink it on my green chair"),
    ("u", "juice", "held out"),
    ("v", "coffee", "hot"),
    ("v", "tea", "hot, too"),
]
WITHOUT_LLM = [
    "random",
    "popularity",
    "popularity-decayed",
    "recent-category",
    "item-neighbours",
    "ease",
    "tfidf-reviews",
    "tfidf-items",
    "bm25-reviews",
    "bm25-items",
    "item-mean",
    "item-mean-hub",
    "fused-without-llm",
]
WITH_LLM = [
    "profile-cosine",
    "profile-hub",
    "profile-hub-by-language",
    "profile-tfidf",
    "fused",
    "weighted",
]


class Fixed:
    """A part that scores alike for everybody."""

    def __init__(self, *scores: float) -> None:
        self._scores = np.array(scores, np.float64)

    def scores(self, person: Person) -> Float64:
        return self._scores


@pytest.fixture
def write_reviews(tmp_path: Path) -> Callable[[str], Path]:
    """Write the reviews, and a split that holds out u's of the juice, which says what is given."""

    def write(held_out_text: str) -> Path:
        lines = [
            {
                "user_id": user,
                "item_id": item,
                "text": text.replace("held out", held_out_text),
                "timestamp": f"{2024 if user == 'u' else 2023}-01-0{day + 1}",
            }
            for day, (user, item, text) in enumerate(REVIEWS)
        ]
        split = {"user_id": "u", "target_item": "juice", "target_line": 2, "history_lines": [0, 1]}
        (tmp_path / "split.jsonl").write_text(json.dumps(split), "utf-8")
        path = tmp_path / "reviews.jsonl"
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
        return path

    return write


def material_and_person(reviews: Path) -> tuple[Material, Person]:
    """What is built from the reviews under their split, and u as the evaluation sees it."""
    split: Split = read_split(reviews.with_name("split.jsonl"))
    visible = {user.user_id: user for user in visible_reviews(list(read_users(reviews)), split)}
    interest = Interest("chair", "like", 1.0, "green", (Evidence("L0", "text", "my"),))
    profile = InterestProfile(user_id="u", language="en", summary="", interests=(interest,))
    taste = Taste(("chair",), np.ones(1), np.ones(1, np.bool_), ROWS[[3]])
    person = Person.of(visible["u"], POSITIONS, profile, taste)
    material = Material(
        items=ITEMS,
        interactions=Interactions.of(visible.values(), POSITIONS),
        vectors=ROWS,
        hub=hub_statistics(ROWS, ROWS),
        language_hub=hub_statistics(ROWS, ROWS),
        weights={"profile-hub": 0.5, "popularity": 0.5, "ease": 0.0},
        labels=Labels((person,), {"u": np.array([POSITIONS["juice"]])}),
    )
    return material, person


def ranked(part: Part, person: Person) -> list[str]:
    order = np.argsort(-part.scores(person), kind="stable")
    return [ITEMS[place].item_id for place in order]


def test_the_registry_knows_which_systems_need_a_chat_model() -> None:
    assert [name for name, system in SYSTEMS.items() if not system.needs_llm] == WITHOUT_LLM
    assert [name for name, system in SYSTEMS.items() if system.needs_llm] == WITH_LLM


def test_systems_are_named_in_the_order_wanted_each_once() -> None:
    chosen = named_systems(["ease", "random", "ease"])
    assert [system.name for system in chosen] == ["ease", "random"]
    with pytest.raises(SettingsError, match="no system 'easy': there are random, popularity, "):
        named_systems(["random", "easy"])


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_a_system_scores_the_whole_catalogue_whatever_is_held_out(
    system: System, write_reviews: Callable[[str], Path]
) -> None:
    found = []
    for held_out_text in ("Apple juice", "something else"):
        material, person = material_and_person(write_reviews(held_out_text))
        scores = system.build(material).scores(person)
        assert scores.dtype == np.float64
        assert np.isfinite(scores).all()
        found.append(scores.tolist())
    assert found[0] == found[1]
    assert len(found[0]) == len(ITEMS)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("popularity", ["coffee"]),
        ("popularity-decayed", ["coffee"]),
        ("recent-category", ["coffee", "juice", "chair"]),
        ("item-neighbours", ["coffee"]),
        ("ease", ["coffee"]),
        ("tfidf-reviews", ["chair"]),
        ("tfidf-items", ["coffee"]),
        ("bm25-reviews", ["chair"]),
        ("bm25-items", ["coffee"]),
        ("item-mean", ["chair", "coffee", "juice"]),
        ("item-mean-hub", ["chair"]),
        ("profile-cosine", ["chair", "coffee", "juice"]),
        ("profile-hub", ["chair"]),
        ("profile-tfidf", ["chair"]),
    ],
)
def test_what_each_system_ranks_first_of_the_items_not_reviewed(
    name: str, order: list[str], write_reviews: Callable[[str], Path]
) -> None:
    """Tea and table are u's; v shares the tea and has the coffee."""
    material, person = material_and_person(write_reviews("Apple juice"))
    found = ranked(SYSTEMS[name].build(material), person)
    new = [item_id for item_id in found if item_id not in ("tea", "table")]
    assert new[: len(order)] == order


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_a_system_says_what_it_lacks(system: System, write_reviews: Callable[[str], Path]) -> None:
    material, _ = material_and_person(write_reviews("Apple juice"))
    without = replace(material, vectors=None, hub=None, language_hub=None)
    if "index" in system.needs:
        with pytest.raises(SettingsError, match="--index DIR"):
            system.build(without)
    else:
        system.build(without)


def test_the_hub_corrected_profile_needs_a_bank(write_reviews: Callable[[str], Path]) -> None:
    material, _ = material_and_person(write_reviews("Apple juice"))
    with pytest.raises(SettingsError, match="needs the bank"):
        SYSTEMS["profile-hub"].build(replace(material, hub=None))
    with pytest.raises(SettingsError, match="needs the bank"):
        SYSTEMS["profile-hub-by-language"].build(replace(material, language_hub=None))


def test_a_held_out_review_is_no_vote(write_reviews: Callable[[str], Path]) -> None:
    material, _ = material_and_person(write_reviews("Apple juice"))
    assert material.interactions.counts.tolist() == [2, 1, 0, 0, 1]


def person(user_id: str, *item_ids: str) -> Person:
    positions = np.array([POSITIONS[item_id] for item_id in item_ids], np.intp)
    return Person(user_id=user_id, reviews=(), positions=positions)


def test_random_orders_depend_on_the_user_and_the_seed_alone() -> None:
    first, again = Random(200).scores(person("u")), Random(200).scores(person("u", "tea"))
    assert first.tolist() == again.tolist()
    assert first.tolist() != Random(200).scores(person("v")).tolist()
    assert first.tolist() != Random(200, seed=1).scores(person("u")).tolist()
    assert len(set(first)) == 200


@pytest.mark.parametrize(
    ("history", "order"),
    [
        (("table", "tea"), ["tea", "coffee", "juice", "table", "chair"]),
        (("tea", "juice"), ["coffee", "juice", "tea", "table", "chair"]),
        (("tea", "chair"), ["table", "chair", "coffee", "juice", "tea"]),
        ((), ["table", "chair", "coffee", "juice", "tea"]),
    ],
)
def test_recent_categories_then_popularity(history: tuple[str, ...], order: list[str]) -> None:
    part = RecentCategory(ITEMS, Fixed(0, 2, 1, 3, 9))
    assert ranked(part, person("u", *history)) == order


def test_a_tie_break_tells_only_equal_scores_apart() -> None:
    part = TieBreak(Fixed(1, 1, 2, 1 + 1e-5, 0), Fixed(3, 7, 0, 0, 1e6))
    assert ranked(part, person("u")) == ["juice", "chair", "coffee", "tea", "table"]
