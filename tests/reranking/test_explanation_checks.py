"""What a model says of an item: each thing that can be wrong with it, and what is right."""

import pytest
from explaining import ITEMS, PROFILE, explanation
from shortlists import profile_of

from llmrec.errors import ReplyInvalid
from llmrec.records.ranking import Explanation, Quote
from llmrec.reranking.explanation_checks import Checked, Checker, Refusal, parse_explanations

SHOWN = {"I1": ITEMS["i1"], "I2": ITEMS["i2"], "I3": ITEMS["i3"]}
LABELS = {"r1": "R4", "r2": "R7"}


def check(*replied: object, asked: tuple[str, ...] = ("I1",)) -> Checked:
    return Checker(PROFILE, SHOWN, LABELS).check(replied, asked)


def refusal(**fields: object) -> str:
    checked = check(explanation(**fields))  # type: ignore[arg-type]
    assert checked.explanations == {}
    return str(checked.refusals["I1"])


def test_an_explanation_in_which_nothing_is_wrong() -> None:
    checked = check(
        explanation(text=" You could watch\n gulls for hours. ", interests=["P1", "P1"])
    )
    assert checked.refusals == {}
    assert checked.explanations["I1"] == Explanation(
        "You could watch gulls for hours.",
        "model",
        ("slow ferries",),
        (Quote("r1", "I could watch them for hours", 31, 59),),
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"text": None}, "not as asked: text: expected a valid string, came None"),
        ({"text": " \n"}, "not as asked: text: "),
        ({"more": 1}, "not as asked: more: "),
        ({"interests": []}, "not as asked: interests: "),
        ({"quotes": []}, "not as asked: quotes: "),
        ({"quotes": [{"review": "R4", "quote": "gulls"}] * 3}, "not as asked: quotes: "),
        ({"quotes": [{"review": "R4"}]}, "not as asked: "),
        ({"interests": ["P1", "P4"]}, "no such interest: P4"),
        ({"interests": ["slow ferries"]}, "no such interest: slow ferries"),
        ({"quotes": [{"review": "R4", "quote": "Gulls!"}]}, "quote not found: R4 has no 'Gulls!'"),
        ({"quotes": [{"review": "R7", "quote": "gulls"}]}, "quote not found: R7 has no 'gulls'"),
        ({"quotes": [{"review": "r1", "quote": "gulls"}]}, "quote not found: r1 has no 'gulls'"),
        ({"quotes": [{"review": "R4", "quote": "Harbour"}]}, "quote not found: R4 has no 'Harb"),
        ({"text": "gulls " * 45 + "boat"}, "too long: at most 45 words"),
        ({"text": "\x1b[31mgulls"}, "control characters"),
        ({"text": "gulls \u202eboat"}, "control characters"),
        ({"text": "海鸥跟着一条慢船"}, "another language: expected en"),
        ({"text": "1997!"}, "another language: expected en"),
        ({"text": "Gulls follow a boat to Iceland."}, "not in the sources: the name Iceland"),
        ({"text": "Made in 2001."}, "not in the sources: the number 2001"),
        ({"text": "As u_1 knows, gulls."}, "not in the sources: the id "),
        ({"text": "A keeper and a lamp by Ovid"}, "not in the sources: the name Ovid"),
    ],
)
def test_each_thing_that_can_be_wrong(fields: dict[str, object], why: str) -> None:
    assert refusal(**fields).startswith(why)


@pytest.mark.parametrize("raw", [None, 7, "I1", [], {}, {"item": None}, {"item": ["I1"]}])
def test_what_is_no_explanation_of_an_item_asked_about_is_left_out(raw: object) -> None:
    assert check(raw).refusals == {"I1": Refusal("no explanation")}


def test_other_items_are_left_out_and_missing_ones_named() -> None:
    checked = check(explanation("I2"), explanation("I9"), asked=("I1", "I3"))
    assert checked.explanations == {}
    assert list(checked.refusals) == ["I1", "I3"]


def test_of_two_explanations_the_first_that_can_be_used_stands() -> None:
    bad, good = explanation(text="Gulls in Iceland"), explanation(text="Gulls follow a boat.")
    checked = check(bad, good, explanation(text="A slow boat."))
    assert checked.explanations["I1"].text == "Gulls follow a boat."
    assert checked.refusals == {}


def test_names_of_an_item_in_another_script_are_let_pass() -> None:
    text = "An old man drifts off Shandong, and it is slow."
    assert check(explanation("I3", text=text), asked=("I3",)).refusals == {}


def test_a_profile_without_letters_takes_any_script() -> None:
    nobody = profile_of("7", *(PROFILE.interests[:1]), language="zxx")
    checker = Checker(nobody, SHOWN, LABELS)
    assert checker.check([explanation()], ["I1"]).refusals == {}


@pytest.mark.parametrize("text", ["{}", '{"explanations": 1}', '{"explanations": [], "more": 1}'])
def test_a_reply_of_another_shape_is_invalid(text: str) -> None:
    with pytest.raises(ReplyInvalid, match="not explanations"):
        parse_explanations(text)


def test_the_explanations_of_a_reply_are_whatever_they_are() -> None:
    assert parse_explanations('{"explanations": [1, null, {"item": "I1"}]}') == (
        1,
        None,
        {"item": "I1"},
    )
