"""Every kind of leak that is planted is found; honest profiles have none."""

import asyncio
import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest
from leakage_samples import (
    BOAT,
    KETTLE,
    TITLES,
    Case,
    evidence,
    interest,
    rows_of,
    source,
    with_interest,
    with_words,
)

from llmrec.chat_opening import open_chat
from llmrec.errors import InputError, LeakageError
from llmrec.evaluation.findings import Audit, Caution, Leak
from llmrec.evaluation.fitted_users import read_fitted_users
from llmrec.evaluation.leakage import audit
from llmrec.llm.prompts import load_prompt
from llmrec.matching.bank import bank_of_profiles, bank_of_reviews
from llmrec.matching.index_folder import BankEntry
from llmrec.profiling.extraction import PLACEHOLDERS, PROMPT_NAME, Extractor
from llmrec.profiling.run import ExtractionRun
from llmrec.records.grouping import read_users
from llmrec.records.profile import InterestProfile
from llmrec.records.reading import read_items


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def kinds(found: Audit) -> list[str]:
    return [leak.kind for leak in found.leaks]


def cautions(found: Audit) -> list[str]:
    return [caution.kind for caution in found.cautions]


def test_honest_profiles_have_nothing_to_hide(case: Case) -> None:
    found = case.audited(case.profile("ann"), case.profile("bob"))
    assert (found.leaks, found.cautions) == ((), ())
    assert (found.users, found.profiles, found.held_out) == (2, 2, 2)
    assert found.remedies == ()
    found.require_no_leaks()


def test_what_cannot_be_seen_is_always_said(case: Case) -> None:
    (only,) = case.audited(case.profile()).not_checked
    assert "chat model" in only


def test_a_held_out_review_among_the_sources_by_digest(case: Case) -> None:
    held_out = case.reviews_of("ann")[-1]
    profile = case.profile()
    leaking = dataclasses.replace(
        profile, sources=(*profile.sources, source(held_out, review_id="renamed"))
    )
    (leak,) = case.audited(leaking).leaks
    assert leak == Leak("source", "ann", "ann-boat", "the profile was made from it (same digest)")


def test_a_held_out_review_among_the_sources_by_id(case: Case) -> None:
    held_out = case.reviews_of("ann")[-1]
    profile = dataclasses.replace(case.profile(), sources=(source(held_out, digest="0" * 24),))
    (leak,) = case.audited(profile).leaks
    assert (leak.kind, leak.review_id) == ("source", "ann-boat")
    assert "same id" in leak.evidence


def test_a_digest_of_the_history_counts_more_than_an_id(case: Case) -> None:
    history = case.reviews_of("ann")[0]
    profile = dataclasses.replace(
        case.profile(), sources=(source(history, review_id="ann-boat"),), interests=()
    )
    assert not case.audited(profile).leaks


def test_evidence_that_names_a_held_out_review(case: Case) -> None:
    made = interest("Mornings", "Early.", evidence("ann-boat", "a joy on every cold morning"))
    bare = dataclasses.replace(case.profile(), sources=(), interests=(made,))
    (leak,) = case.audited(bare).leaks
    assert leak.kind == "source"
    assert "interest 'Mornings' rests on it" in leak.evidence


def test_sources_of_another_file_are_said(case: Case) -> None:
    elsewhere = source(case.reviews_of("ann")[0], digest="f" * 24)
    found = case.audited(dataclasses.replace(case.profile(), sources=(elsewhere,)))
    assert cautions(found) == ["unknown_sources"]
    assert found.cautions[0].users == ("ann",)


@pytest.mark.parametrize("has_sources", [True, False])
def test_a_quote_of_a_held_out_review_only(case: Case, has_sources: bool) -> None:
    made = interest("Canoes", "Boats.", evidence("elsewhere", "crossed the whole lake"))
    profile = with_interest(case.profile(), made)
    if not has_sources:
        profile = dataclasses.replace(profile, sources=())
    (leak,) = case.audited(profile).leaks
    assert (leak.kind, leak.user_id, leak.review_id) == ("quote", "ann", "ann-boat")
    assert "'crossed the whole lake'" in leak.evidence


def test_quotes_are_sought_as_cleaned_and_as_written(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.rows[3]["text"] = "Crossed &quot;the whole<br />lake&quot; without a leak."
    case = Case(tmp_path, case.rows)
    for quote in ('"the whole lake"', "&quot;the whole<br />lake&quot;", "the whole\n lake"):
        made = interest("Canoes", "Boats.", evidence("elsewhere", quote))
        assert kinds(case.audited(with_interest(case.profile(), made))) == ["quote"]


def test_a_quote_that_the_history_has_too_is_none(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.rows[3]["text"] = f"{BOAT} As I said of the kettle: a joy on every cold morning."
    case = Case(tmp_path, case.rows)
    assert not case.audited(case.profile()).leaks


def test_a_quote_of_the_held_out_title(case: Case) -> None:
    titled = interest("Boats", "On lakes.", evidence("elsewhere", "Paddle Star", "title"))
    profile = with_interest(case.profile(), titled)
    assert kinds(case.audited(profile)) == ["quote"]
    unchecked = case.audited(profile, titles=None)
    assert not unchecked.leaks
    assert any("no catalogue" in what for what in unchecked.not_checked)


@pytest.mark.parametrize("mark", ['"', "'"])
def test_quotation_marks_in_titles_hide_nothing(case: Case, mark: str) -> None:
    titles = {**TITLES, "boat": 'The 12" Star'}
    title = f"The 12{mark} Star"
    quoting = with_interest(case.profile(), interest("A", "B.", evidence("x", title, "title")))
    assert kinds(case.audited(quoting, titles=titles)) == ["quote"]
    assert cautions(case.audited(with_words(quoting, title), titles=titles)) == ["title"]


def test_a_quote_of_a_title_of_the_history_is_honest(case: Case) -> None:
    titled = interest("Pots", "Hot.", evidence("ann-kettle", "Gooseneck", "title"))
    assert not case.audited(with_interest(case.profile(), titled)).leaks


def test_a_quote_of_nothing_is_no_leak(case: Case) -> None:
    made = interest("Pots", "Hot.", evidence("ann-kettle", " "), evidence("ann-kettle", "unsaid"))
    assert not case.audited(with_interest(case.profile(), made)).leaks


@pytest.mark.parametrize(
    "copy",
    [
        f"Likes water. {BOAT}",
        BOAT.upper().replace(" ", "  "),
        "The inflatable canoe crossed the whole lake without losing any breath of air.",
        "Somebody whose canoe crossed the whole lake.",
    ],
)
def test_a_held_out_text_near_copied_in_the_words(case: Case, copy: str) -> None:
    for profile in (
        with_words(case.profile(), copy),
        with_interest(
            case.profile(), interest("Canoes", copy, evidence("ann-kettle", "pours where I aim"))
        ),
    ):
        (leak,) = case.audited(profile).leaks
        assert (leak.kind, leak.user_id, leak.review_id) == ("near_copy", "ann", "ann-boat")
        assert "runs of 8 characters" in leak.evidence


def test_the_part_that_copies_is_named(case: Case) -> None:
    (leak,) = case.audited(with_words(case.profile(), "Canoe crossed the whole lake.")).leaks
    assert leak.evidence == "100% of the runs of 8 characters in the summary are its"


def test_a_text_that_repeats_the_history_is_no_leak(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.rows[3]["text"] = KETTLE
    case = Case(tmp_path, case.rows)
    assert not case.audited(with_words(case.profile(), f"Says: {KETTLE}")).leaks


def test_texts_too_short_for_a_near_copy_are_said(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.rows[3]["text"] = "Just great."
    case = Case(tmp_path, case.rows)
    found = case.audited(with_words(case.profile(), "Just great."))
    assert not found.leaks
    assert any("1 held-out texts that are shorter than 27" in what for what in found.not_checked)


def test_weights_fitted_on_an_evaluated_user(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text('{"format": 1, "users": ["bob", "carol", 7], "hub": 0.5}')
    users = read_fitted_users(path)
    assert users == {"bob", "carol", "7"}
    (leak,) = case.audited(fitted_on=users).leaks
    assert leak == Leak("weights", "bob", "bob-boat", "the weights were fitted on this user")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{}", "users: expected, but not there"),
        ('{"format": 2, "users": []}', "later version"),
        ("[", "Invalid JSON"),
        (None, "cannot be read"),
    ],
)
def test_a_file_of_weights_names_its_users(tmp_path: Path, content: str | None, what: str) -> None:
    path = tmp_path / "weights.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=what):
        read_fitted_users(path)


def entry(source: str, reviews: tuple[str, ...]) -> BankEntry:
    return BankEntry(digest="0", source=source, n=1, reviews=reviews)


def test_a_bank_made_from_held_out_text(case: Case) -> None:
    everything = [review for user in case.users() for review in user.reviews]
    bank = bank_of_reviews(everything)
    leaks = case.audited(bank=entry(bank.source, bank.reviews)).leaks
    assert [(leak.kind, leak.review_id) for leak in leaks] == [
        ("bank", "ann-boat"),
        ("bank", "bob-boat"),
    ]


def test_a_bank_of_honest_profiles_is_honest(case: Case) -> None:
    bank = bank_of_profiles([case.profile()])
    found = case.audited(bank=entry(bank.source, bank.reviews))
    assert not found.leaks
    assert len(found.not_checked) == 1
    bare = case.audited(bank=entry("interests", ()))
    assert any("stored bank" in what for what in bare.not_checked)


def test_a_title_that_gives_the_answer(case: Case) -> None:
    named = with_words(case.profile(), "Would love a Paddle Star.")
    (caution,) = case.audited(named).cautions
    assert (caution.kind, caution.users) == ("title", ("ann",))
    assert "'Paddle Star'" in caution.what
    in_a_word = with_words(case.profile(), "Would love a Paddle Starship.")
    assert not case.audited(in_a_word).cautions


def test_a_title_inside_a_word_of_the_history_is_not_named_there(case: Case) -> None:
    assert "where" in KETTLE
    found = case.audited(with_words(case.profile(), "Would see Her again."), titles={"boat": "Her"})
    assert cautions(found) == ["title"]


def test_a_title_without_spaces_around_it(case: Case) -> None:
    found = case.audited(with_words(case.profile(), "想要桨之星那样的"), titles={"boat": "桨之星"})
    assert cautions(found) == ["title"]


@pytest.mark.parametrize("said_in", ["text", "title"])
def test_a_title_that_the_history_has_is_honest(tmp_path: Path, said_in: str) -> None:
    case = Case(tmp_path)
    titles = dict(TITLES)
    if said_in == "text":
        case.rows[0]["text"] = f"{KETTLE} Next I want a &quot;paddle star&quot;."
        case = Case(tmp_path, case.rows)
    else:
        titles["lamp"] = "Paddle Star"
    named = with_words(case.profile(), "Would love a Paddle Star.")
    assert not case.audited(named, titles=titles).cautions


def own_items(n_users: int) -> list[dict[str, object]]:
    """Users who have each reviewed four items that nobody else has."""
    rows = [row for n in range(n_users) for row in rows_of(f"u{n}")]
    return [{**row, "item_id": f"{row['user_id']}{row['item_id']}", "text": f"{n} {row['text']}"}
            for n, row in enumerate(rows)]  # fmt: skip


def test_a_catalogue_that_gives_the_answer_away(tmp_path: Path) -> None:
    case = Case(tmp_path, own_items(9))
    catalogue = {str(row["item_id"]): "Something" for row in case.rows}
    (caution,) = case.audited(titles=catalogue).cautions
    assert (caution.kind, caution.users) == ("catalogue", ())
    assert "gives the answer away" in caution.what
    assert "p = 0.001" in caution.what


def test_users_outside_the_split_count_for_popularity(tmp_path: Path) -> None:
    rows = own_items(9)
    catalogue = {str(row["item_id"]): "Something" for row in rows}
    others = [{**row, "user_id": "other", "review_id": f"{n}"} for n, row in enumerate(rows[3::4])]
    case = Case(tmp_path, [*rows, *others])
    lines = case.split_path.read_text().splitlines(keepends=True)
    case.split_path.write_text("".join(lines[:-1]))
    assert not case.audited(titles=catalogue).cautions  # "other" has reviewed what is held out


def test_profiles_without_sources_and_of_another_split_are_said(case: Case) -> None:
    found = case.audited(
        dataclasses.replace(case.profile("ann"), sources=()),
        dataclasses.replace(case.profile("bob"), split="0" * 24),
    )
    assert {c.kind: c.users for c in found.cautions} == {
        "no_sources": ("ann",),
        "other_split": ("bob",),
    }
    made_without = dataclasses.replace(case.profile(), split=None)
    assert not case.audited(made_without).cautions


def test_users_evaluated_twice_are_said(case: Case, tmp_path: Path) -> None:
    found = case.audited(case.profile(), case.profile())
    assert (cautions(found), found.cautions[0].users) == (["twice"], ("ann",))
    same = [{**row, "timestamp": f"2024-01-0{n % 4 + 1}"} for n, row in enumerate(case.rows)]
    found = Case(tmp_path, same).audited()
    assert (cautions(found), found.cautions[0].users) == (["twice"], ("ann", "bob"))


def test_a_history_that_is_not_older_is_said(case: Case, tmp_path: Path) -> None:
    case.rows[0]["timestamp"] = case.rows[3]["timestamp"]
    del case.rows[5]["timestamp"]
    found = Case(tmp_path, case.rows).audited()
    assert (cautions(found), found.cautions[0].users) == (["not_older"], ("ann", "bob"))


def test_profiles_of_other_users_are_left_out(case: Case) -> None:
    other = dataclasses.replace(case.profile(), user_id="carol", summary=BOAT)
    found = case.audited(other)
    assert (found.profiles, found.leaks) == (0, ())


def test_a_split_of_another_file_is_an_error(case: Case, tmp_path: Path) -> None:
    split = case.split
    case = Case(tmp_path, case.rows[:4])
    with pytest.raises(InputError, match="'bob': the reviews have none"):
        audit([], case.users(), split)


def test_a_split_that_holds_out_its_history_is_an_error(case: Case) -> None:
    text = case.split_path.read_text().replace("[0, 1, 2]", "[0, 1, 2, 3]")
    case.split_path.write_text(text)
    with pytest.raises(InputError, match=r"line 0 .*'ann': line 3 is both history and held out"):
        case.audited()


def test_a_split_without_target_lines_is_understood(case: Case) -> None:
    case.split_path.write_text(
        '{"user_id": "ann", "target_item": "tent", "history_lines": [0, 1]}\n'
        '{"user_id": "bob", "target_item": "unknown", "history_lines": [4, 5]}\n'
    )
    leaks = case.audited(fitted_on=["ann", "bob"]).leaks
    assert [(leak.user_id, leak.review_id) for leak in leaks] == [
        ("ann", "ann-tent"),
        ("bob", None),
    ]


def test_of_many_leaks_the_first_stand_in_the_error(case: Case) -> None:
    audited = case.audited(fitted_on=["ann"])
    found = replace(audited, leaks=audited.leaks * 12)
    with pytest.raises(LeakageError) as caught:
        found.require_no_leaks()
    said = str(caught.value).splitlines()
    assert len([line for line in said if line.startswith("weights: user 'ann'")]) == 10
    assert said[11:] == ["and 2 more: llmrec audit lists all", *found.remedies]


def test_all_leaks_stand_in_the_error(case: Case) -> None:
    profile = with_words(case.profile(), BOAT)
    found = case.audited(profile, fitted_on=["ann", "bob"])
    with pytest.raises(LeakageError) as caught:
        found.require_no_leaks()
    said = str(caught.value).splitlines()
    assert said[0] == (
        "leaks: 3 (2 users), warnings: 0; audited: 1 profiles, 2 users, 2 held-out reviews"
    )
    assert said[1].startswith("weights: user 'ann', review 'ann-boat': ")
    assert said[2].startswith("near_copy: user 'ann', review 'ann-boat': ")
    assert said[3].startswith("weights: user 'bob', review 'bob-boat': ")
    assert said[4:] == list(found.remedies)
    assert len(found.remedies) == 2


def test_a_caution_names_some_users() -> None:
    assert str(Caution("twice", "seen twice")) == "seen twice"
    assert str(Caution("twice", "seen twice", ("a", "b"))) == "seen twice ('a', 'b')"
    five = Caution("twice", "seen twice", tuple("abcde"))
    assert str(five) == "seen twice ('a', 'b', 'c' and 2 more)"


def test_the_demo_made_without_a_split_leaks_for_everybody(demo: Path, tmp_path: Path) -> None:
    users = list(read_users(demo / "reviews.jsonl"))
    rows = [
        {"user_id": u.user_id, "target_item": u.reviews[-1].item_id, "target_line": u.lines[-1],
         "history_lines": u.lines[:-1]}
        for u in users
    ]  # fmt: skip
    case = Case(tmp_path)
    case.write_split(rows)
    titles = {item.item_id: item.title for item in read_items(demo / "items.jsonl")}
    chat = open_chat(demo / "extract_profile.jsonl", "replay")
    prompt = load_prompt(PROMPT_NAME, PLACEHOLDERS)
    run = ExtractionRun(Extractor(chat=chat, model="claude", prompt=prompt, titles=titles))

    async def made() -> list[InterestProfile]:
        return [profile async for profile in run.profiles(users)]

    found = case.audited(*asyncio.run(made()), users=users, titles=titles)
    for kind in ("source", "quote"):
        assert {leak.user_id for leak in found.leaks if leak.kind == kind} == {
            user.user_id for user in users
        }
    assert "catalogue" not in cautions(found)
