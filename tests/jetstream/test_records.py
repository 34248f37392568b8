"""Records: what goes out, what comes in, and what is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import pytest

from txnats import InvalidArgument, RemoteProtocolError
from txnats.jetstream.records import Record, Seconds, Time, decode, decode_object, encode, from_wire, to_wire


class Inner(Record, frozen=True):
    src: str = ""
    wait: Seconds = 0.0


class Outer(Record, frozen=True):
    left_out_when: ClassVar[dict[str, Any]] = {"mode": "default"}

    name: str
    age: Seconds | None = None
    backoff: list[Seconds] = msgspec.field(default_factory=list)
    at: Time | None = None
    data: bytes = b""
    inner: Inner | None = None
    inners: list[Inner] = msgspec.field(default_factory=list)
    by_name: dict[str, Inner] = msgspec.field(default_factory=dict)
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    mode: str = "default"
    yes: bool = False
    sequence: int = msgspec.field(default=0, name="seq")


FULL = Outer(
    name="a",
    age=1.5,
    backoff=[0.1, 2],
    at=datetime(2026, 1, 1, tzinfo=UTC),
    data=b"\x00\xff",
    inner=Inner(src="x", wait=3.0),
    inners=[Inner(src="y")],
    by_name={"z": Inner(wait=0.5)},
    counts={"s": 2},
    mode="other",
    yes=True,
    sequence=7,
)
WIRE = {
    "name": "a",
    "age": 1_500_000_000,
    "backoff": [100_000_000, 2_000_000_000],
    "at": "2026-01-01T00:00:00Z",
    "data": "AP8=",
    "inner": {"src": "x", "wait": 3_000_000_000},
    "inners": [{"src": "y"}],
    "by_name": {"z": {"wait": 500_000_000}},
    "counts": {"s": 2},
    "mode": "other",
    "yes": True,
    "seq": 7,
}


def test_a_record_goes_out_in_the_wires_units() -> None:
    assert to_wire(FULL) == WIRE
    assert json.loads(encode(FULL)) == WIRE


def test_and_comes_back_the_same() -> None:
    assert from_wire(Outer, WIRE) == FULL
    assert decode(Outer, encode(FULL)) == FULL


def test_what_is_the_same_as_absent_is_left_out() -> None:
    assert to_wire(Outer(name="a")) == {"name": "a"}
    assert to_wire(Outer(name="a", inner=Inner())) == {"name": "a", "inner": {}}


def test_unknown_fields_are_kept_and_never_sent() -> None:
    told = {"name": "a", "new": {"x": 1}, "inner": {"src": "x", "newer": 2}}
    record = from_wire(Outer, told)
    assert record.extra == {"new": {"x": 1}}
    assert record.inner is not None
    assert record.inner.extra == {"newer": 2}
    assert to_wire(record) == {"name": "a", "inner": {"src": "x"}}


def test_null_is_absent() -> None:
    assert from_wire(Outer, {"name": "a", "inners": None, "age": None, "yes": None}) == Outer(name="a")


def test_the_zero_time_is_absent() -> None:
    assert from_wire(Outer, {"name": "a", "at": "0001-01-01T00:00:00Z"}).at is None


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"name": 1}, "name"),
        ({"name": "a", "age": "1s"}, "age"),
        ({"name": "a", "inner": []}, "inner"),
        ({"name": "a", "inners": 3}, "inners"),
        ({"name": "a", "at": "noon"}, "at"),
        ({"name": "a", "counts": {"s": "2"}}, "counts"),
        ({"name": "a", "by_name": []}, "by_name"),
    ],
)
def test_another_type_is_named(told: dict[str, Any], field: str) -> None:
    with pytest.raises(RemoteProtocolError, match=field):
        from_wire(Outer, told)


def test_what_is_not_complete_is_told() -> None:
    with pytest.raises(RemoteProtocolError, match="not complete"):
        from_wire(Outer, {})


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object(text: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_object(text)


@pytest.mark.parametrize(
    "record",
    [
        Outer(name="a", age=float("nan")),
        Outer(name="a", at=datetime(2026, 1, 1)),  # noqa: DTZ001
        Outer(name="\ud800"),
        Outer(name="a", backoff=[1, None]),  # type: ignore[list-item]
        Outer(name="a", inner=3),  # type: ignore[arg-type]
        Outer(name=object()),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_sent_is_an_invalid_argument(record: Outer) -> None:
    with pytest.raises(InvalidArgument, match="Outer"):
        encode(record)
