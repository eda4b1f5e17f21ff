"""Headers about limits: what is left, and when there is more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.llm.limit_headers import reset_s


def headers(**named: str) -> dict[str, str]:
    return {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in named.items()}


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("1s", 1),
        ("250ms", 0.25),
        ("1m30s", 90),
        ("6m0s", 360),
        ("2h0m3.5s", 7203.5),
        ("1d2h", 93_600),
        ("7.66s", 7.66),
        ("12", 12),
        ("0.5", 0.5),
        (" 3s ", 3),
    ],
)
def test_a_reset_is_a_duration(reset: str, seconds: float) -> None:
    found = reset_s(headers(remaining_requests="0", reset_requests=reset))
    assert found == pytest.approx(seconds)


@pytest.mark.parametrize("reset", ["", "soon", "s", "1.2.3s", "2026-11-24T12:00:00Z", "-1s", "5x"])
def test_what_is_no_duration_is_left_aside(reset: str) -> None:
    assert reset_s(headers(remaining_requests="0", reset_requests=reset)) is None


def test_only_what_is_used_up_counts_and_the_later_of_two() -> None:
    both = headers(reset_requests="1s", reset_tokens="9s")
    assert reset_s(both) is None
    assert reset_s(both | headers(remaining_requests="3", remaining_tokens="10")) is None
    assert reset_s(both | headers(remaining_requests="0", remaining_tokens="10")) == 1
    assert reset_s(both | headers(remaining_requests="0", remaining_tokens="0")) == 9


@given(st.text(), st.text())
def test_no_header_is_too_strange(remaining: str, reset: str) -> None:
    for left in (remaining, "0"):
        seconds = reset_s(headers(remaining_tokens=left, reset_tokens=reset))
        assert seconds is None or seconds >= 0
