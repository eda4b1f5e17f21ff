"""What may be said of two systems, gates, and two results side by side."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_samples import evaluated

from llmrec.errors import InputError, SettingsError
from llmrec.evaluation.claims import claim_line, paired_claims, short, signed
from llmrec.evaluation.comparing import compare_results
from llmrec.evaluation.gates import Gate, failures
from llmrec.evaluation.results import Claim, Result, Score, SystemResult
from llmrec.evaluation.significance import holm, sign_flip_test


def claims(*shifts: float, n: int = 200) -> tuple[Claim, ...]:
    rng = np.random.default_rng(0)
    base = rng.random(n)
    pairs = {
        (f"s{number}", "base"): (base + shift + rng.normal(0, 0.1, n), base)
        for number, shift in enumerate(shifts)
    }
    return paired_claims(pairs, "nDCG@10")  # type: ignore[arg-type]


def test_verdicts() -> None:
    found = claims(0.1, 0.0, -0.1)
    assert [claim.verdict for claim in found] == ["better", "not distinguishable", "worse"]
    assert found[0].low > 0 > found[2].high
    assert 0.01 < found[1].detectable < 0.05


def test_several_claims_are_adjusted_together() -> None:
    rng = np.random.default_rng(1)
    pairs = {(f"s{n}", "base"): (rng.normal(0.02, 0.1, 60), np.zeros(60)) for n in range(3)}
    found = paired_claims(pairs, "nDCG@10")  # type: ignore[arg-type]
    alone = [
        paired_claims({names: pair}, "nDCG@10")[0].p  # type: ignore[dict-item]
        for names, pair in pairs.items()
    ]
    assert [claim.p for claim in found] == pytest.approx(holm(alone).tolist())
    differences = [first - second for first, second in pairs.values()]
    assert alone == pytest.approx([sign_flip_test(own) for own in differences], abs=0.02)


def test_a_p_above_005_is_not_distinguishable_though_the_interval_excludes_0() -> None:
    values = np.array([0.2, 0.3, 0.25, 0.2, 0.3])
    (claim,) = paired_claims({("a", "b"): (values, np.zeros(5))}, "nDCG@10")  # type: ignore[dict-item]
    assert claim.low > 0
    assert claim.p == 2 / 2**5
    assert claim.verdict == "not distinguishable"


def test_the_claim_line() -> None:
    claim = Claim(
        system="profile-hub", baseline="item-mean-hub", metric="nDCG@10", difference=0.0412,
        low=-0.0108, high=0.0932, p=0.13, n=75, verdict="not distinguishable", detectable=0.07,
    )  # fmt: skip
    assert claim_line(claim) == (
        "profile-hub − best without an LLM (item-mean-hub) = +.041 [−.011, +.093], "
        "p = .130, 75 users: not distinguishable"
    )
    assert "p < .001" in claim_line(replace(claim, p=0.0001))


@pytest.mark.parametrize(
    ("value", "text", "with_sign"),
    [
        (0.0714, ".071", "+.071"),
        (1.0, "1.000", "+1.000"),
        (-0.05, "−.050", "−.050"),
        (-0.0001, ".000", "+.000"),
        (0.0, ".000", "+.000"),
    ],
)
def test_numbers(value: float, text: str, with_sign: str) -> None:
    assert (short(value), signed(value)) == (text, with_sign)


def system(name: str, *values: float) -> SystemResult:
    return SystemResult(
        name=name, kind="without_llm", missing=(), values={"nDCG@10": values},
        scores={"nDCG@10": Score(float(np.mean(values)), 0, 1)},
    )  # fmt: skip


def result(users: str, *systems: SystemResult, **inputs: str) -> Result:
    return Result(
        versions={}, inputs=inputs, settings={"metrics": ["nDCG@10"]}, comparable=True,
        users=tuple(users), lines=tuple(f"line of {user}" for user in users), n_items=9,
        warnings=(), not_checked=(), systems=systems, baseline=None, claims=(),
    )  # fmt: skip


def test_two_results_are_paired_by_user() -> None:
    first = result("abcd", system("s", 0.1, 0.2, 0.3, 0.4), system("gone", 1, 1, 1, 1))
    second = result("dxba", system("s", 0.9, 0.0, 0.4, 0.2), system("new", 1, 1, 1, 1))
    compared = compare_results(first, second)
    assert (compared.users, compared.only_first, compared.only_second) == (3, 1, 1)
    (claim,) = compared.claims
    assert (claim.system, claim.n) == ("s", 3)
    assert claim.difference == pytest.approx((0.1 + 0.2 + 0.5) / 3)


def test_what_is_the_same_for_everybody_is_no_further_test() -> None:
    values = [n / 100 for n in range(30)]
    equal = [system(f"same {n}", *values) for n in range(5)]
    users = "abcdefghijklmnopqrstuvwxyzABCD"
    first = result(users, system("s", *values), *equal)
    second = result(users, system("s", *(value + 0.1 for value in values)), *equal)
    compared = compare_results(first, second)
    assert compared.same == ("same 0", "same 1", "same 2", "same 3", "same 4")
    alone = compare_results(first, second, systems=["s"])
    assert compared.claims == alone.claims
    assert alone.claims[0].verdict == "better"


def test_results_of_different_things_are_not_paired() -> None:
    one = result("ab", system("s", 0, 1), reviews="1", items="1")
    with pytest.raises(InputError, match="catalogues differ"):
        compare_results(one, replace(one, inputs={"reviews": "1", "items": "2"}))
    with pytest.raises(InputError, match="reviews differ"):
        compare_results(one, replace(one, inputs={"reviews": "2", "items": "1"}))
    with pytest.raises(InputError, match="candidates differ"):
        compare_results(one, replace(one, inputs={**one.inputs, "candidates": "1"}))
    with pytest.raises(InputError, match="different items are to be found for user 'b'"):
        compare_results(one, replace(one, lines=("line of a", "another")))


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"systems": ["t"]}, "the first result has no system 't': there are s"),
        ({"metric": "R@5"}, "the first result has no metric 'R@5': there are nDCG@10"),
    ],
)
def test_what_one_result_lacks_is_said(asked: dict[str, object], what: str) -> None:
    one = result("ab", system("s", 0, 1))
    with pytest.raises(InputError, match=re.escape(what)):
        compare_results(one, one, **asked)  # type: ignore[arg-type]


def test_results_without_a_common_system_or_users_are_refused() -> None:
    one = result("ab", system("s", 0, 1))
    with pytest.raises(InputError, match="no system in common"):
        compare_results(one, result("ab", system("t", 0, 1)))
    with pytest.raises(InputError, match="at least 2 users"):
        compare_results(one, result("xy", system("s", 0, 1)))


def test_a_gate_holds_or_says_what_was_missed(tmp_path: Path) -> None:
    found = evaluated(tmp_path, "popularity", "random")
    best = found.systems[0]
    mean = best.scores["nDCG@10"].mean
    gates = [Gate.parse(f"nDCG@10={mean}"), Gate.parse("random:NDCG@10=0")]
    assert list(failures(gates, found)) == []
    (said,) = failures([Gate.parse("nDCG@10=1.5")], found)
    assert said == f"{best.name}: nDCG@10 is {mean:.4f}, at least 1.5 is expected"


def test_a_gate_is_about_the_hub_corrected_profile_where_there_is_one() -> None:
    found = result("ab", system("best", 1, 1), system("profile-hub", 0, 0))
    (said,) = failures([Gate.parse("nDCG@10=.5")], found)
    assert said.startswith("profile-hub: nDCG@10 is 0.0000")


@pytest.mark.parametrize("text", ["nDCG@10", "nDCG@10=", "nDCG@10=much", "nDCG@10=nan", "x=.1"])
def test_what_is_no_gate_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Gate.parse(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [("R@7=.1", "R@7 was not evaluated"), ("ease:nDCG@10=.1", "ease was not evaluated")],
)
def test_a_gate_about_what_was_not_evaluated_is_refused(text: str, what: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(what)):
        list(failures([Gate.parse(text)], result("ab", system("s", 0, 1))))
