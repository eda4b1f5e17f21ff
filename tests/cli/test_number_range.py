"""Numbers of options: those that no comparison refuses are refused all the same."""

from collections.abc import Callable
from typing import Any

import pytest

Llmrec = Callable[..., Any]

SPLIT = ("split", "reviews.jsonl", "-o", "split.jsonl")
EXTRACT = ("extract", "reviews.jsonl", "-o", "profiles.jsonl")
RECOMMEND = ("recommend", "profiles.jsonl", "--index", "index")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    ("command", "option"),
    [
        (SPLIT, "--positive-from"),
        (EXTRACT, "--timeout"),
        (EXTRACT, "--rpm"),
        (EXTRACT, "--tpm"),
        (EXTRACT, "--max-cost"),
        (RECOMMEND, "--embed-price"),
        (RECOMMEND, "--diversity"),
        (RECOMMEND, "--rerank-weight"),
        (("batch", "wait", "folder"), "--every"),
    ],
)
def test_what_is_no_finite_number_is_a_usage_error(
    llmrec: Llmrec, command: tuple[str, ...], option: str, number: str
) -> None:
    done = llmrec(*command, f"{option}={number}")
    assert (done.code, done.out) == (2, "")
    assert f"'{option}'" in done.err


@pytest.mark.parametrize(("top", "code"), [("nan", 2), ("-inf", 2), ("0", 2), ("inf", 0), ("7", 0)])
def test_only_a_rating_scale_may_have_no_top(
    llmrec: Llmrec, demo: Any, top: str, code: int
) -> None:
    done = llmrec("split", demo / "reviews.jsonl", "-o", "split.jsonl", f"--rating-max={top}")
    assert done.code == code, done.err
