"""When something was written."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.records.timestamps import checked_timestamp, moment_of

# From where a count of seconds has nine digits to where it has more than ten.
PLAIN = st.integers(10**8, 10**10 - 1)


@given(PLAIN, st.integers(0, 999))
def test_seconds_and_milliseconds_are_told_apart(seconds: int, milliseconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert moment_of(str(seconds)) == moment_of(f"{seconds}.0") == moment
    assert moment_of(f"{seconds}{milliseconds:03}") == moment + timedelta(milliseconds=milliseconds)


@given(st.datetimes(timezones=st.none() | st.just(UTC)))
def test_iso_8601_is_read_as_it_is_written(moment: datetime) -> None:
    assert moment_of(moment.isoformat()) == moment


def test_eight_digits_are_a_date() -> None:
    assert moment_of("20240131") == datetime.fromisoformat("2024-01-31")


@pytest.mark.parametrize(
    "timestamp",
    [
        "0",
        "-1706659200",
        "99999999",
        "17066592000",
        "16120115120",  # fromisoformat takes it for a day of 1612 at 20 o'clock
        "0706659200",
        "17066592000000",
        "1706659200000000",
        "1706659200.5",
        "1.7e9",
        "１７０６６５９２００",
        " 1706659200",
        "1706659200\n",
    ],
)
def test_what_could_be_another_moment_is_refused(timestamp: str) -> None:
    with pytest.raises(ValueError, match=r"or Unix time in seconds \(9 or 10 digits\) or milli"):
        checked_timestamp(timestamp)


def test_a_good_timestamp_stays_as_it_is() -> None:
    assert checked_timestamp("1706659200") == "1706659200"
