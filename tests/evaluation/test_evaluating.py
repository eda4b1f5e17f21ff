"""An evaluation as a whole: the audit first, then every system, claims and RESULT.json."""

from dataclasses import replace
from pathlib import Path

import pytest
from evaluation_samples import CATALOGUE, evaluated
from leakage_samples import Case, source

from llmrec.errors import IndexMismatch, InputError, LeakageError, SettingsError
from llmrec.evaluation.evaluating import usable_systems
from llmrec.evaluation.metrics import Metric
from llmrec.evaluation.preparing import evaluate, prepare
from llmrec.evaluation.results import Result, read_result
from llmrec.evaluation.runs import Run
from llmrec.matching.content_index import ContentIndex
from llmrec.matching.embedding import LexicalEmbedder
from llmrec.recommender import Recommender
from llmrec.records.profile import InterestProfile
from llmrec.waiting import wait_for

NDCG = [Metric.parse("nDCG@10")]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


@pytest.fixture
def index(tmp_path: Path) -> ContentIndex:
    return Recommender.index(CATALOGUE, tmp_path / "index", embedder="lexical").catalogue


def test_systems_stand_best_first_with_every_users_values(tmp_path: Path) -> None:
    result = evaluated(tmp_path)
    means = [system.scores["nDCG@10"].mean for system in result.systems]
    assert means == sorted(means, reverse=True)
    assert (result.users, result.n_items, result.comparable) == (("ann", "bob"), 24, True)
    for system in result.systems:
        for metric, values in system.values.items():
            assert sum(values) / 2 == pytest.approx(system.scores[metric].mean)
            assert system.scores[metric].low <= system.scores[metric].mean
    assert {system.name for system in result.systems} >= {"popularity", "profile-tfidf"}
    assert any("chat model" in what for what in result.not_checked)


def test_the_claims_are_against_the_best_without_an_llm(tmp_path: Path) -> None:
    result = evaluated(tmp_path)
    without = [system for system in result.systems if system.kind == "without_llm"]
    assert result.baseline == without[0].name
    (claim,) = result.claims
    assert (claim.system, claim.baseline, claim.n) == ("profile-tfidf", result.baseline, 2)
    ours, theirs = (result.by_name[name].scores["nDCG@10"].mean for name in (
        claim.system, claim.baseline))  # fmt: skip
    assert claim.difference == pytest.approx(ours - theirs)


def test_a_result_is_the_same_twice_and_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    result = evaluated(tmp_path)
    result.write(path)
    assert read_result(path) == result
    evaluated(tmp_path).write(tmp_path / "again.json")
    assert path.read_bytes() == (tmp_path / "again.json").read_bytes()
    assert evaluated(tmp_path, seed=1).by_name["random"] != result.by_name["random"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "cannot be read: No such file"),
        ("[]", "not the result of an evaluation"),
        ('{"format": 2}', "written by a later version"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, text: str | None, what: str) -> None:
    path = tmp_path / "result.json"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=what):
        read_result(path)


def test_a_leak_ends_it(case: Case) -> None:
    honest = case.profile()
    held_out = case.reviews_of("ann")[-1]
    leaking = replace(honest, sources=(*honest.sources, source(held_out)))
    with pytest.raises(LeakageError, match="ann-boat"):
        evaluate(case.users(), case.split, CATALOGUE, profiles=[leaking])


def test_warnings_of_the_audit_and_what_nothing_can_find_are_said(case: Case) -> None:
    bare = replace(case.profile(), sources=())
    result = evaluate(case.users(), case.split, CATALOGUE[:3], profiles=[bare])
    said = {warned.kind: warned.users for warned in result.warnings}
    assert said["no_sources"] == ("ann",)
    assert said["not_in_catalogue"] == ("ann", "bob")


def test_users_without_a_profile_or_interests_count_0_for_profile_systems(case: Case) -> None:
    empty = replace(case.profile("bob"), interests=())
    result = evaluate(
        case.users(), case.split, CATALOGUE,
        profiles=[empty], systems=["profile-tfidf", "random"], metrics=["R@24"],
    )  # fmt: skip
    assert result.by_name["profile-tfidf"].missing == ("ann", "bob")
    assert result.by_name["profile-tfidf"].values["R@24"] == (0, 0)
    assert result.by_name["random"].values["R@24"] == (1, 1)


def test_with_an_index_all_systems_are_compared(case: Case, index: ContentIndex) -> None:
    result = evaluate(
        case.users(), case.split, CATALOGUE,
        profiles=[case.profile("ann"), case.profile("bob")],
        index=index, embedder=LexicalEmbedder(),
    )  # fmt: skip
    assert {"item-mean-hub", "profile-cosine", "profile-hub"} <= result.by_name.keys()
    assert {claim.system for claim in result.claims} == {
        "profile-cosine", "profile-hub", "profile-tfidf", "fused",
    }  # fmt: skip
    assert result.settings["bank"] == "index"


def test_without_profiles_an_index_serves_those_without_an_llm(
    case: Case, index: ContentIndex
) -> None:
    result = evaluate(case.users(), case.split, CATALOGUE, index=index)
    assert "item-mean-hub" in result.by_name
    assert {system.kind for system in result.systems} == {"without_llm"}
    assert result.claims == ()


def test_profiles_and_an_index_need_its_embedder(case: Case, index: ContentIndex) -> None:
    with pytest.raises(SettingsError, match="give its embedder"):
        evaluate(case.users(), case.split, CATALOGUE, profiles=[case.profile()], index=index)


@pytest.mark.parametrize("items", [CATALOGUE[:-1], (*CATALOGUE[1:], CATALOGUE[0])])
def test_an_index_of_another_catalogue_is_refused(
    case: Case, index: ContentIndex, items: tuple[object, ...]
) -> None:
    with pytest.raises(IndexMismatch, match="not made from these items: entry"):
        evaluate(case.users(), case.split, items, index=index)  # type: ignore[arg-type]


def runs_of(case: Case, run: Run, name: str = "theirs", profiles: object = ()) -> Result:
    evaluation = wait_for(
        prepare(
            case.users(), case.split, CATALOGUE,
            systems=["popularity"], metrics=NDCG, runs={name: run},
        )
    )  # fmt: skip
    return evaluation.run()


def test_a_run_of_another_program_is_a_system_of_its_own(case: Case) -> None:
    result = runs_of(case, Run.from_lists({"ann": (["boat", "other1"], [2, 1])}))
    theirs = result.by_name["theirs"]
    assert (theirs.kind, theirs.missing) == ("run", ("bob",))
    assert theirs.values["nDCG@10"] == (1, 0)
    assert (result.baseline, result.claims[0].system) == ("popularity", "theirs")


def test_a_run_may_not_have_the_name_of_a_system(case: Case) -> None:
    run = Run.from_lists({"ann": (["boat"], [1])})
    with pytest.raises(SettingsError, match="'popularity' is the name of a system"):
        runs_of(case, run, "popularity")


def test_something_must_be_evaluated(case: Case) -> None:
    with pytest.raises(SettingsError, match="nothing to evaluate"):
        evaluate(case.users(), case.split, CATALOGUE, systems=[])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("profile-hub", "profile-hub needs --index and --profiles"),
        ("item-mean", "item-mean needs --index"),
        ("profil", "no system 'profil'"),
    ],
)
def test_a_system_that_cannot_be_built_is_refused(name: str, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        usable_systems([name], has_index=False, has_profiles=False)


def test_an_option_is_compared_where_it_is_named(case: Case, index: ContentIndex) -> None:
    every = usable_systems(None, has_index=True, has_profiles=True)
    assert "profile-hub-by-language" not in [system.name for system in every]
    result = evaluate(
        case.users(), case.split, CATALOGUE,
        profiles=[case.profile("ann"), case.profile("bob")], index=index,
        embedder=LexicalEmbedder(), systems=["profile-hub", "profile-hub-by-language"],
    )  # fmt: skip
    plain, corrected = (result.by_name[f"profile-hub{more}"] for more in ("", "-by-language"))
    assert corrected.values == plain.values  # one language: nothing is taken away


def test_candidates_are_not_comparable(case: Case) -> None:
    evaluation = wait_for(prepare(case.users(), case.split, CATALOGUE, metrics=NDCG, candidates=3))
    result = evaluation.run()
    assert not result.comparable
    assert result.warnings[0].what.startswith("NOT COMPARABLE")
    given = wait_for(
        prepare(case.users(), case.split, CATALOGUE, metrics=NDCG, candidates={"ann": ["boat"]})
    ).run()
    assert given.inputs["candidates"] != result.inputs["candidates"]
    assert given.by_name["random"].values["nDCG@10"] == (1, 0)


def test_an_empty_profile_file_is_as_none(case: Case) -> None:
    profiles: list[InterestProfile] = []
    result = evaluate(case.users(), case.split, CATALOGUE, profiles=profiles)
    assert "profile-tfidf" not in result.by_name
