"""Seconds and nanoseconds, times and their text."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats import InvalidArgument
from txnats.jetstream.units import Timestamp, format_time, from_ns, parse_time, to_ns

NANOSECONDS = st.integers(-60_000_000_000 * 10**9, 200_000_000_000 * 10**9)


@pytest.mark.parametrize(
    ("seconds", "nanoseconds"),
    [(0, 0), (1, 10**9), (0.1, 10**8), (1e-9, 1), (30.0, 30 * 10**9), (-1.5, -15 * 10**8), (0.3, 3 * 10**8)],
)
def test_seconds_become_whole_nanoseconds(seconds: float, nanoseconds: int) -> None:
    assert to_ns(seconds) == nanoseconds
    assert from_ns(nanoseconds) == pytest.approx(seconds)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), True, "1", None, 10**10, 1e300, [1]])
def test_what_is_no_span_of_time_is_refused(seconds: object) -> None:
    with pytest.raises(InvalidArgument):
        to_ns(seconds)  # type: ignore[arg-type]


@given(st.integers(-(10**12), 10**12))
def test_milliseconds_survive_the_way_there_and_back(milliseconds: int) -> None:
    assert to_ns(from_ns(milliseconds * 10**6)) == pytest.approx(milliseconds * 10**6, rel=1e-15, abs=1)


def test_a_time_keeps_its_nanoseconds() -> None:
    moment = parse_time("2026-11-24T20:24:29.123456789Z")
    assert moment == datetime(2026, 11, 24, 20, 24, 29, 123456, UTC)
    assert moment is not None
    assert (moment.nanosecond, moment.to_ns()) == (789, 1_795_551_869_123_456_789)
    assert format_time(moment) == "2026-11-24T20:24:29.123456789Z"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-24T20:24:29Z", "2026-11-24T20:24:29Z"),
        ("2026-11-24t20:24:29.5z", "2026-11-24T20:24:29.5Z"),
        ("2026-11-24T20:24:29.120+02:00", "2026-11-24T18:24:29.12Z"),
        ("2026-11-24 20:24:29-01:30", "2026-11-24T21:54:29Z"),
        ("2026-11-24T20:24:29.1234567891Z", "2026-11-24T20:24:29.123456789Z"),
        ("0999-01-01T00:00:00.000000001Z", "0999-01-01T00:00:00.000000001Z"),
        ("0001-01-01T00:00:00.000000001Z", "0001-01-01T00:00:00.000000001Z"),
    ],
)
def test_forms_of_one_time(text: str, same: str) -> None:
    moment = parse_time(text)
    assert moment is not None
    assert moment.to_text() == same


def test_the_zero_time_is_none() -> None:
    assert parse_time("0001-01-01T00:00:00Z") is None


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-24", "2026-13-01T00:00:00Z", "2026-11-24T20:24:29", "٢٠٢٦-11-24T20:24:29Z"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_time(text)


@given(NANOSECONDS)
def test_every_moment_survives_text_and_pickle(nanoseconds: int) -> None:
    moment = Timestamp.from_ns(nanoseconds)
    again = parse_time(moment.to_text())
    assert again is not None
    for other in (again, pickle.loads(pickle.dumps(moment)), copy.deepcopy(moment)):
        assert (other, other.to_ns(), other.nanosecond) == (moment, nanoseconds, moment.nanosecond)


def test_a_time_needs_a_zone() -> None:
    with pytest.raises(InvalidArgument, match="time zone"):
        format_time(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidArgument, match="datetime"):
        Timestamp.of("now")  # type: ignore[arg-type]


def test_any_zone_is_told_in_utc() -> None:
    here = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert format_time(here) == "2026-01-01T10:00:00Z"


def test_it_computes_as_a_datetime_does() -> None:
    moment = Timestamp.from_ns(1_795_551_869_123_456_789)
    assert moment + timedelta(days=1) - moment == timedelta(days=1)
    assert moment.replace(microsecond=0).microsecond == 0
    assert moment.astimezone(UTC) == moment


def test_a_number_that_cannot_be_printed_is_refused_too() -> None:
    with pytest.raises(InvalidArgument, match="huge"):
        to_ns(10**5000)
