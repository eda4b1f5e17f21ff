"""The store in a real PostgreSQL: the same lists as the folder, and nothing in between."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psycopg
import pytest

from llmrec.llm.embedder import Embedder, Role, Rows
from llmrec.matching.bank import Bank
from llmrec.matching.bank_choice import ChosenBank
from llmrec.matching.best_matches import match
from llmrec.matching.building import build_index
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.postgres.building import build_store
from llmrec.matching.postgres.store import PostgresIndex
from llmrec.matching.profile_match import Taste
from llmrec.records.ranking import ScoredItem
from llmrec.records.reviews import Item

DIM = 16
CHOICE = EmbedderChoice("openai:m")
STORED = Bank("stored", ("gulls", "boats", "nets"), "interests", ("d1",))
HOSTILE = "'; DROP SCHEMA llmrec CASCADE; --\"\\ %s {0} $1 😀"


class RandomRows:
    """A random unit row for each text, the same each time."""

    def __init__(self, dim: int = DIM, model: str = CHOICE.key_model) -> None:
        self.model = model
        self.asked: list[str] = []
        self._dim = dim

    async def embed(self, texts: Sequence[str], role: Role) -> Rows:
        self.asked += texts
        made = [
            np.random.default_rng([len(role), *text.encode()]).standard_normal(self._dim)
            for text in texts
        ]
        rows: Rows = np.array([row / np.linalg.norm(row) for row in made], np.float32)
        return rows


ITEMS = [
    Item(f"i{n}", f"Story {n}", "x" * (n % 7), ("film", f"of {n % 5}") if n % 2 else ())
    for n in range(400)
]


@pytest.fixture
def place(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A store of one's own."""
    schema = f"s{abs(hash(request.node.nodeid))}"
    yield f"{postgres_url}#{schema}"
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def build(
    place: str,
    items: Sequence[Item] = ITEMS,
    embedder: Embedder | None = None,
    stored: Bank | None = None,
) -> PostgresIndex:
    return asyncio.run(
        build_store(items, place, embedder or RandomRows(), choice=CHOICE, stored=stored)
    )


def folder_index(
    folder: Path, items: Sequence[Item] = ITEMS, stored: Bank | None = None
) -> ContentIndex:
    return asyncio.run(build_index(items, folder, RandomRows(), choice=CHOICE, stored=stored))


def taste(*interests: tuple[str, float, bool]) -> Taste:
    names, weights, likes = zip(*interests, strict=True)
    queries = asyncio.run(RandomRows().embed(names, "query"))
    return Taste(names, np.array(weights), np.array(likes), queries)


TASTE = taste(("sea", 1.0, True), ("night", 0.4, True), ("war", 0.8, False))


def assert_same(ours: Sequence[ScoredItem], theirs: Sequence[ScoredItem]) -> None:
    assert [item.item_id for item in ours] == [item.item_id for item in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-9)
        assert one.penalty == pytest.approx(other.penalty, abs=1e-9)
        assert (one.title, one.rank) == (other.title, other.rank)
        assert [because.interest for because in one.because] == [
            because.interest for because in other.because
        ]


@pytest.mark.parametrize("stored", [None, STORED], ids=["index bank", "stored bank"])
@pytest.mark.parametrize("exactly", [True, False])
def test_lists_are_those_of_the_folder(
    place: str, tmp_path: Path, stored: Bank | None, exactly: bool
) -> None:
    store, index = build(place, stored=stored), folder_index(tmp_path / "i", stored=stored)
    bank = store.bank("auto")
    assert bank.kind == ("stored" if stored else "index")
    chosen = ChosenBank(bank.kind, index.hub(bank.kind))
    seen = {"i3", "i77", "no such item"}
    for wanted in (TASTE, taste(("sea", 1.0, True)), taste(("war", 0.5, False))):
        ours = store.match(wanted, bank, 10, seen, exactly=exactly)
        assert_same(ours, match(wanted, index, chosen, 10, seen))
    assert_same(store.match(TASTE, None, 10), match(TASTE, index, None, 10))
    assert len(store.match(TASTE, bank, 1000, seen)) == 398


def test_the_bank_that_is_not_in_use_is_looked_at_exactly(place: str, tmp_path: Path) -> None:
    store, index = build(place, stored=STORED), folder_index(tmp_path / "i", stored=STORED)
    ours = store.match(TASTE, store.bank("index"), 10)
    assert_same(ours, match(TASTE, index, ChosenBank("index", index.hub("index")), 10))


def test_filters_hold_in_every_search(place: str, tmp_path: Path) -> None:
    store, index = build(place), folder_index(tmp_path / "i")
    bank, chosen = store.bank("auto"), ChosenBank("index", index.hub("index"))
    few = [f"i{n}" for n in range(0, 60, 3)]
    ours = store.match(TASTE, bank, 5, only=few)
    assert_same(ours, match(TASTE, index, chosen, 5, only=np.array(index.positions(few))))
    category = np.array([n for n, item in enumerate(ITEMS) if "of 3" in item.categories])
    ours = store.match(TASTE, bank, 5, category="of 3")
    assert_same(ours, match(TASTE, index, chosen, 5, only=category))
    assert store.match(TASTE, bank, 5, only=[]) == ()
    assert store.match(TASTE, bank, 5, category="no such category") == ()
