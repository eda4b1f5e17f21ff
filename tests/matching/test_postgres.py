"""The store in a real PostgreSQL: the same lists as the folder, and nothing in between."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import psycopg.sql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrec.errors import IndexMismatch, InputError, RecordingMissing, SettingsError
from llmrec.llm.embedder import Embedder, Role, Rows
from llmrec.matching.bank import Bank
from llmrec.matching.bank_choice import ChosenBank
from llmrec.matching.best_matches import match
from llmrec.matching.building import build_index
from llmrec.matching.catalogue import allowed_of, best_items_of, folder_index
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import EmbedderChoice
from llmrec.matching.postgres import entries
from llmrec.matching.postgres import store as store_module
from llmrec.matching.postgres.address import parse_address
from llmrec.matching.postgres.building import build_store, measured_recall
from llmrec.matching.postgres.loading import load
from llmrec.matching.postgres.store import PostgresIndex
from llmrec.matching.profile_match import Taste
from llmrec.recommender import Recommender
from llmrec.records.ranking import ScoredItem
from llmrec.records.reviews import Item

DIM = 16
CHOICE = EmbedderChoice("openai:m")
STORED = Bank("stored", ("gulls", "boats", "nets"), "interests", ("d1",))
HOSTILE = "'; DROP TABLE items; --\"\\ {0} $1 😀 %s"


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


@pytest.fixture(scope="module")
def both(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PostgresIndex, ContentIndex]:
    """The same index in a database and in a folder; not to be written to."""
    index = index_in(tmp_path_factory.mktemp("both") / "i")
    load(index, parse_address(f"{postgres_url}#both"))
    return PostgresIndex(f"{postgres_url}#both"), index


def build(
    place: str,
    items: Sequence[Item] = ITEMS,
    embedder: Embedder | None = None,
    stored: Bank | None = None,
) -> PostgresIndex:
    return asyncio.run(
        build_store(items, place, embedder or RandomRows(), choice=CHOICE, stored=stored)
    )


def index_in(
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
    store, index = build(place, stored=stored), index_in(tmp_path / "i", stored=stored)
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
    store, index = build(place, stored=STORED), index_in(tmp_path / "i", stored=STORED)
    ours = store.match(TASTE, store.bank("index"), 10)
    assert_same(ours, match(TASTE, index, ChosenBank("index", index.hub("index")), 10))


def test_filters_hold_in_every_search(place: str, tmp_path: Path) -> None:
    store, index = build(place), index_in(tmp_path / "i")
    bank, chosen = store.bank("auto"), ChosenBank("index", index.hub("index"))
    few = [f"i{n}" for n in range(0, 60, 3)]
    ours = store.match(TASTE, bank, 5, only=few)
    assert_same(ours, match(TASTE, index, chosen, 5, only=np.array(index.positions(few))))
    assert store.match(TASTE, bank, 5, only=[]) == ()
    many = [f"i{n}" for n in range(0, 400, 2)]
    ours = store.match(TASTE, bank, 5, ["i4", "i5"], only=many)
    assert_same(ours, match(TASTE, index, chosen, 5, ["i4"], np.array(index.positions(many))))


@pytest.mark.parametrize(
    "wish",
    [
        {"categories": ["of 3"]},
        {"categories": ["of 3", "of 1"], "exclude": ["i3", "nobody", "\0"]},
        {"only": ["i1", "i2", "i3", "\ud800"], "categories": ["film"]},
        {"exclude": [f"i{n}" for n in range(390)]},
    ],
)
def test_what_is_allowed_is_what_the_folder_allows(
    both: tuple[PostgresIndex, ContentIndex], caplog: pytest.LogCaptureFixture, wish: Any
) -> None:
    store, index = both
    assert allowed_of(store, **wish) == allowed_of(index, **wish)
    said = [record.args[1:] for record in caplog.records if isinstance(record.args, tuple)]
    assert len(set(said)) <= 1


def test_a_wish_that_nothing_fulfils_is_refused(both: tuple[PostgresIndex, ContentIndex]) -> None:
    for catalogue in both:
        with pytest.raises(InputError, match="no item of the catalogue has the category 'gull'"):
            allowed_of(catalogue, categories=["film", "gull"])
        with pytest.raises(InputError, match="no item is left to recommend"):
            allowed_of(catalogue, only=["i1"], exclude=["i1"])


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    weights=st.lists(st.tuples(st.floats(0.05, 1), st.booleans()), min_size=1, max_size=4),
    k=st.integers(1, 30),
    left_out=st.sets(st.sampled_from([item.item_id for item in ITEMS]), max_size=50),
    corrected=st.booleans(),
)
def test_any_taste_gets_the_list_of_the_folder(
    both: tuple[PostgresIndex, ContentIndex],
    weights: list[tuple[float, bool]],
    k: int,
    left_out: set[str],
    corrected: bool,
) -> None:
    store, index = both
    wanted = taste(*((f"taste {n}", *interest) for n, interest in enumerate(weights)))
    bank = store.bank("auto") if corrected else None
    if not corrected and not wanted.is_like.any():
        return  # refused before: plain cosine goes by likes
    chosen = ChosenBank("index", index.hub("index")) if corrected else None
    assert_same(
        store.match(wanted, bank, k, left_out, exactly=True),
        match(wanted, index, chosen, k, left_out),
    )


def test_a_store_grows(place: str, tmp_path: Path) -> None:
    build(place, ITEMS[:300], stored=STORED)
    embedder = RandomRows()
    store = build(place, ITEMS[100:], embedder)
    assert {text for text in embedder.asked if text.startswith("gulls")} == set()
    assert (store.manifest.growth.reused, store.manifest.growth.removed) == (200, 100)
    index = index_in(tmp_path / "i", ITEMS[100:], STORED)
    chosen = ChosenBank("stored", index.hub("stored"))
    assert_same(store.match(TASTE, store.bank("auto"), 10), match(TASTE, index, chosen, 10))
    assert dict(store.titles) == {item.item_id: item.title for item in ITEMS[100:]}


def test_titles_are_looked_up(place: str) -> None:
    store = build(place, ITEMS[:3])
    assert store.titles["i2"] == "Story 2"
    assert len(store.titles) == 3
    assert list(store.titles) == ["i0", "i1", "i2"]
    assert store.titles.get("nobody") is None
    assert store.titles.get("\0") is None


def test_a_bank_that_is_not_there_is_refused(place: str) -> None:
    store = build(place, ITEMS[:3])
    for name in ("stored", "run"):
        with pytest.raises(SettingsError, match=f"has no {name} bank: there is index"):
            store.bank(name)  # type: ignore[arg-type]


def test_a_bank_of_another_catalogue_is_refused(
    both: tuple[PostgresIndex, ContentIndex],
) -> None:
    store, index = both
    for catalogue, bank in (
        (store, ChosenBank("index", index.hub("index"))),
        (index, store.bank("index")),
    ):
        with pytest.raises(SettingsError, match="not one of this catalogue"):
            best_items_of(catalogue, [TASTE], bank, 3, [()])


def test_a_score_of_several_parts_needs_a_folder(
    both: tuple[PostgresIndex, ContentIndex],
) -> None:
    store, index = both
    assert folder_index(index) is index
    with pytest.raises(SettingsError, match="weights and diversity need the index of a folder"):
        folder_index(store)


def test_entries_are_asked_for_once_until_there_are_many(
    both: tuple[PostgresIndex, ContentIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresIndex(f"{both[0].address.url}#both")
    assert store.entries["i1"] == ITEMS[1]
    with monkeypatch.context() as patch:
        patch.setattr(entries, "reading", None)  # nobody is asked
        assert store.entries["i1"] == ITEMS[1]
    monkeypatch.setattr(entries, "_MAX_KEPT", 1)
    assert [store.entries[f"i{n}"] for n in range(4)] == ITEMS[:4]


def test_flat_items_are_counted(place: str) -> None:
    assert build(place, ITEMS[:1]).bank("auto").n_flat == 1


def test_the_index_finds_what_there_is(place: str) -> None:
    assert measured_recall(build(place)) > 0.95


def test_rows_of_too_many_dims_have_no_index(
    place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        store = build(place, ITEMS[:50], RandomRows(4096))
    assert "too many dims for an index" in caplog.text
    queries = asyncio.run(RandomRows(4096).embed(["sea"], "query"))
    wanted = Taste(("sea",), np.ones(1), np.ones(1, bool), queries)
    assert len(store.match(wanted, store.bank("auto"), 10)) == 10


def test_more_than_the_index_gives_is_looked_for_exactly(
    both: tuple[PostgresIndex, ContentIndex],
) -> None:
    store, index = both
    chosen = ChosenBank("index", index.hub("index"))
    assert_same(store.match(TASTE, store.bank("auto"), 300), match(TASTE, index, chosen, 300))


@pytest.mark.parametrize("schema", [HOSTILE[:-3], "select", 'a"b', "Größe", "a.b", "$1"])
def test_hostile_words_are_words(postgres_url: str, schema: str) -> None:
    place = f"{postgres_url}#{schema}"
    items = [
        Item(HOSTILE, HOSTILE, HOSTILE, (HOSTILE, "film")),
        Item("NUL\\u0000 in words", "a\0b", "c\0d", ("e\0f",)),
        *ITEMS[:20],
    ]
    store = build(place, items)
    assert store.titles[HOSTILE] == HOSTILE
    assert store.titles["NUL\\u0000 in words"] == "a\0b"
    bank = store.bank("auto")
    ids = {item.item_id for item in items}
    found = store.match(TASTE, bank, 50, [HOSTILE, "\0", "\ud800"])
    assert {item.item_id for item in found} == ids - {HOSTILE}
    assert [i.item_id for i in store.match(TASTE, bank, 5, only=[HOSTILE])] == [HOSTILE]
    assert allowed_of(store, categories=[HOSTILE]) == {HOSTILE}
    with psycopg.connect(postgres_url) as connection:
        connection.execute(psycopg.sql.SQL("DROP SCHEMA {} CASCADE").format(
            psycopg.sql.Identifier(schema)
        ))  # fmt: skip


@pytest.mark.parametrize("schema", ["a%00b", "a%25b", "x" * 64])
def test_a_name_that_cannot_be_one_is_refused(postgres_url: str, schema: str) -> None:
    with pytest.raises(InputError, match="the name of a schema is expected after #"):
        PostgresIndex(f"{postgres_url}#{schema}")


def test_an_id_with_a_nul_character_is_refused(place: str) -> None:
    with pytest.raises(InputError, match="NUL"):
        build(place, [Item("a\0b", "Story")])


def test_other_tables_are_left_alone(postgres_url: str, place: str) -> None:
    schema = parse_address(place).schema
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"CREATE TABLE {schema}.items (mine text)")
    with pytest.raises(InputError, match="this schema has other tables called items"):
        build(place, ITEMS[:3])
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(f"SELECT * FROM {schema}.items").fetchall() == []


def test_where_nothing_is_there_is_no_index(place: str) -> None:
    with pytest.raises(InputError, match="no index here: make one with llmrec index"):
        PostgresIndex(place)


def test_a_database_that_does_not_answer_is_named_without_the_password() -> None:
    place = "postgres://me:secret@127.0.0.1:1/db?password=secret#films"
    with pytest.raises(InputError, match="the database: ") as caught:
        PostgresIndex(place)
    assert caught.value.path == "postgres://127.0.0.1:1/db#films"
    assert "secret" not in str(caught.value)


def run_at_the_end_of_loading(postgres_url: str, statement: str) -> Callable[[], None]:
    """Have the server do something when the new table gets its index; returns what undoes it."""
    name = "at_the_end"
    with psycopg.connect(postgres_url) as connection:
        connection.execute(
            f"CREATE FUNCTION {name}() RETURNS event_trigger LANGUAGE plpgsql AS "
            f"$$BEGIN {statement}; END$$"
        )
        connection.execute(
            f"CREATE EVENT TRIGGER {name} ON ddl_command_end WHEN TAG IN ('CREATE INDEX') "
            f"EXECUTE FUNCTION {name}()"
        )

    def undo() -> None:
        with psycopg.connect(postgres_url) as connection:
            connection.execute(f"DROP EVENT TRIGGER {name}")
            connection.execute(f"DROP FUNCTION {name}")

    return undo


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("PERFORM pg_terminate_backend(pg_backend_pid())", "terminating connection"),
        (
            "RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'",
            "No space left on device",
        ),
    ],
    ids=["a dropped connection", "a full disk"],
)
def test_a_load_that_fails_leaves_the_store_as_it_was(
    postgres_url: str, place: str, statement: str, what: str
) -> None:
    store = build(place, ITEMS[:50])
    before = store.match(TASTE, store.bank("auto"), 10)
    undo = run_at_the_end_of_loading(postgres_url, statement)
    try:
        with pytest.raises(InputError, match=what):
            build(place, ITEMS[50:])
    finally:
        undo()
    assert store.match(TASTE, store.bank("auto"), 10) == before
    assert len(build(place, ITEMS[50:]).titles) == 350


def test_a_connection_that_is_lost_is_one_error_and_the_next_request_goes_on(
    postgres_url: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = build(place, ITEMS[:50])
    know_vectors = store_module.know_vectors

    def cut(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        know_vectors(connection)
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "know_vectors", cut)
        with pytest.raises(InputError, match="the database: ") as caught:
            store.match(TASTE, None, 3)
    assert str(caught.value.path).endswith(store.address.schema)
    assert len(store.match(TASTE, None, 3)) == 3


def test_a_second_writer_is_refused(place: str, tmp_path: Path) -> None:
    store = build(place, ITEMS[:50])
    index = index_in(tmp_path / "i", ITEMS[:3])
    items = index.items
    refused: list[str] = []

    class Meanwhile(ContentIndex):
        def __init__(self) -> None:
            super().__init__(index.folder)

        def hub(self, kind):  # type: ignore[no-untyped-def]
            if not refused:
                with pytest.raises(InputError, match="another process is writing") as caught:
                    load(index, store.address)
                refused.append(str(caught.value))
            return super().hub(kind)

    load(Meanwhile(), store.address)
    assert len(refused) == 1
    assert list(PostgresIndex(place).titles) == [item.item_id for item in items]


def test_readers_never_see_half_a_store(place: str, tmp_path: Path) -> None:
    halves = [index_in(tmp_path / str(n), ITEMS[n::2]) for n in (0, 1)]
    load(halves[0], parse_address(place))
    store = PostgresIndex(place)

    async def both() -> list[set[int]]:
        seen: list[set[int]] = []
        done = False

        def read() -> None:
            while not done:
                found = store.match(TASTE, store.bank("auto"), 100)
                assert len(found) == 100
                seen.append({int(item.item_id[1:]) % 2 for item in found})

        reading = asyncio.create_task(asyncio.to_thread(read))
        for half in itertools.islice(itertools.cycle(halves), 1, 6):
            await asyncio.to_thread(load, half, store.address)
        done = True
        await reading
        return seen

    seen = asyncio.run(both())
    assert all(len(parities) == 1 for parities in seen)
    assert {0} in seen
    assert {1} in seen


def test_a_store_replaced_by_another_embedders_is_noticed(place: str) -> None:
    store = build(place, ITEMS[:20])
    other = EmbedderChoice("openai:another")
    asyncio.run(build_store(ITEMS[:20], place, RandomRows(8, "another"), choice=other))
    with pytest.raises(IndexMismatch, match=r"replaced by an index of 'another' \(8 dims\)"):
        store.match(TASTE, None, 3)


@pytest.mark.slow
def test_a_large_store_finds_nearly_all(postgres_url: str) -> None:
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "postgres.py"
    done = subprocess.run(
        [sys.executable, script, "--url", postgres_url, "--items", "200000"],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["recall_10"] > 0.97
    assert result["recall_50"] >= result["recall_1"]


def test_an_embedder_of_ones_own_is_given_again(place: str) -> None:
    own = RandomRows(model="mine")
    made = Recommender.index(ITEMS[:60], place, embedder=own)
    found = made.recommend_for("gulls", 5)
    assert Recommender.open(place, embedder=own).recommend_for("gulls", 5) == found
    own.asked.clear()
    Recommender.index(ITEMS[:61], place, embedder=own)
    assert set(own.asked) == {"Story 60. xxxx"}
    with pytest.raises(IndexMismatch, match="made with 'mine'"):
        Recommender.open(place, embedder=RandomRows(model="other"))
    with pytest.raises(RecordingMissing, match="embedder="):
        Recommender.open(place).recommend_for("gulls")
