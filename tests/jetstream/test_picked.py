"""Some of an iterator's items, turned into others."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from txnats.errors import EndOfStream
from txnats.jetstream.picked import Picked
from txnats.streams import Queue


def taken(picked: Picked[str]) -> Any:
    found: list[Any] = []
    picked.collect().addBoth(found.append)
    return found[0] if found else None


def test_it_picks_turns_and_ends_with_its_source() -> None:
    clock = Clock()
    source: Queue[int] = Queue(clock, 5000)
    for number in range(3000):
        source._put(number)
    picked = Picked(clock, source, lambda number: str(number) if number % 1000 == 0 else None)
    first: list[str] = []
    picked.next().addCallback(first.append)
    assert first == ["0"]
    later: list[Any] = []
    picked.collect().addCallback(later.append)
    assert later == []
    source._put(4000)
    source._finish()
    assert later == [["1000", "2000", "4000"]]


def test_it_fails_as_its_source_does_and_closes_it() -> None:
    clock = Clock()
    source: Queue[int] = Queue(clock, 10)
    picked = Picked(clock, source, str)
    found: list[Any] = []
    picked.next().addErrback(lambda failure: found.append(failure.value))
    error = ValueError("on purpose")
    source._finish(error)
    assert found == [error]
    other: Queue[int] = Queue(clock, 10)
    Picked(clock, other, str).close()
    ended: list[Any] = []
    other.next().addErrback(lambda failure: ended.append(failure.type))
    assert ended == [EndOfStream]
    with pytest.raises(ValueError, match="on purpose"):
        raise taken(picked).value
