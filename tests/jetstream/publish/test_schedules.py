"""When a schedule is due, as text and headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from txnats.errors import InvalidArgument
from txnats.jetstream.publish.schedules import OFTEN_LEVEL, ONCE_LEVEL, needed_level, schedule_headers, when_text

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (NOON, "@at 2030-05-01T12:00:00Z"),
        (datetime(2030, 5, 1, 14, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=2))), "@at 2030-05-01T12:00:00.25Z"),
        (timedelta(seconds=1), "@every 1000000us"),
        (timedelta(minutes=5, milliseconds=1), "@every 300001000us"),
        ("@hourly", "@hourly"),
        ("0  0 5 * *   mon-fri", "0 0 5 * * mon-fri"),
        ("*/10 1,2 0-23/2 ? jan *", "*/10 1,2 0-23/2 ? jan *"),
    ],
)
def test_when(when: Any, text: str) -> None:
    assert when_text(when) == text


@pytest.mark.parametrize(
    "when",
    [
        datetime(2030, 5, 1),  # noqa: DTZ001
        timedelta(0),
        timedelta(milliseconds=999),
        "",
        "@never",
        "* * * * *",
        "0 0 5 * * a\r\nb",
        5,
        None,
    ],
    ids=repr,
)
def test_no_time(when: Any) -> None:
    with pytest.raises(InvalidArgument):
        when_text(when)


def headers(**options: Any) -> list[tuple[str, str]]:
    return schedule_headers(
        **{"target": "t", "when": "@daily", "ttl": None, "source": None, "time_zone": None, "rollup": False, **options}
    )


def test_the_headers() -> None:
    assert headers() == [("Nats-Schedule", "@daily"), ("Nats-Schedule-Target", "t")]
    assert headers(ttl=60, source="s", time_zone="Europe/Rome", rollup=True)[2:] == [
        ("Nats-Schedule-TTL", "60"),
        ("Nats-Schedule-Source", "s"),
        ("Nats-Schedule-Time-Zone", "Europe/Rome"),
        ("Nats-Schedule-Rollup", "sub"),
    ]


@pytest.mark.parametrize(
    "wrong", [{"target": "t.*"}, {"source": "s.>"}, {"ttl": 0}, {"when": NOON, "time_zone": "UTC"}], ids=repr
)
def test_headers_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        headers(**wrong)


def test_what_it_needs() -> None:
    plain: dict[str, Any] = {"source": None, "time_zone": None, "rollup": False}
    assert needed_level(NOON, **plain) == ONCE_LEVEL
    assert needed_level(timedelta(seconds=1), **plain) == OFTEN_LEVEL
    assert needed_level(NOON, **{**plain, "rollup": True}) == OFTEN_LEVEL
