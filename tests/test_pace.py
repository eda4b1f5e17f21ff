"""How far long work is."""

import logging
from itertools import chain, repeat

import pytest

from llmrec.pace import Pace


def test_how_far_it_is_is_said_every_half_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "llmrec")
    times = chain([0.0, 10, 29, 40, 60, 75], repeat(75.0))
    pace = Pace(10_000, "item texts embedded", lambda: next(times))
    for _ in range(5):
        pace.add(1_000)
    assert caplog.messages == [
        "3,000 of 10,000 item texts embedded, about 2 min left",
        "5,000 of 10,000 item texts embedded, about 1 min left",
    ]


def test_short_work_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "llmrec")
    Pace(2, "things done").add(2)
    assert caplog.messages == []


def test_what_went_by_quickly_promises_nothing_of_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "llmrec")
    times = iter([0.0, 1, 31, 61])
    pace = Pace(10_000, "item texts embedded", lambda: next(times))
    for n in (8_900, 100, 100):
        pace.add(n)
    assert caplog.messages[-1] == "9,100 of 10,000 item texts embedded, about 4 min left"


def test_when_all_is_done_nothing_is_left_to_say(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "llmrec")
    times = iter([0.0, 40])
    Pace(2, "things done", lambda: next(times)).add(2)
    assert caplog.messages == []
