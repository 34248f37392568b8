"""Times, sizes and moments as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from txnats.cli.params import Moment, Seconds, Size


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("500ms", 0.5), ("250us", 0.00025), ("2s", 2), ("1.5m", 90), ("3h", 10800), ("7d", 604800), ("4", 4), ("0", 0)],
)
def test_a_time(typed: str, seconds: float) -> None:
    assert Seconds().convert(typed, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize("typed", ["", "s", "soon", "1y", "-1s", "nan", "inf", "1_s"])
def test_no_time(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time"):
        Seconds().convert(typed, None, None)


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        ("512", 512),
        ("64KB", 65536),
        ("64k", 65536),
        ("1MiB", 1 << 20),
        ("1.5m", 3 << 19),
        ("2G", 2 << 30),
        ("1tb", 1 << 40),
        ("7B", 7),
    ],
)
def test_a_size(typed: str, count: int) -> None:
    assert Size().convert(typed, None, None) == count


@pytest.mark.parametrize("typed", ["", "b", "kb", "much", "-1", "1x", "infinity"])
def test_no_size(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size"):
        Size().convert(typed, None, None)


def test_what_is_converted_already() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert (Seconds().convert(2, None, None), Size().convert(3, None, None)) == (2.0, 3)
    assert Moment().convert(moment, None, None) is moment


def test_a_moment() -> None:
    assert Moment().convert("2030-01-02T03:04:05Z", None, None) == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert Moment().convert("2030-01-02T03:04:05+02:00", None, None) == datetime(2030, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert Moment().convert("2030-01-02", None, None).tzinfo is not None


def test_a_moment_from_now() -> None:
    before = datetime.now(UTC)
    found = Moment().convert("10m", None, None)
    assert before + timedelta(minutes=10) <= found <= datetime.now(UTC) + timedelta(minutes=10)


@pytest.mark.parametrize("typed", ["tomorrow", "2030-13-01", "99999999999d"])
def test_no_moment(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="is no moment"):
        Moment().convert(typed, None, None)
