from __future__ import annotations

import contextlib

from twisted.internet.task import Clock

from txnats.net.timer import DeadlineTimer
from txnats.state.deadlines import Deadlines


class Rig:
    def __init__(self) -> None:
        self.clock = Clock()
        self.alive: set[str] = set()
        self.expired: list[tuple[float, str]] = []
        self.timer: DeadlineTimer[str] = DeadlineTimer(
            self.clock, Deadlines(self.alive.__contains__, self.alive.__len__), self.expire
        )

    def expire(self, key: str) -> None:
        self.alive.discard(key)
        self.expired.append((self.clock.seconds(), key))

    def add(self, seconds: float, key: str) -> None:
        self.alive.add(key)
        self.timer.add(seconds, key)


def test_each_key_expires_at_its_time_with_one_timer() -> None:
    rig = Rig()
    rig.add(3, "c")
    rig.add(1, "a")
    rig.add(2, "b")
    assert len(rig.clock.getDelayedCalls()) == 1
    rig.clock.pump([0.5] * 8)
    assert rig.expired == [(1, "a"), (2, "b"), (3, "c")]
    assert rig.clock.getDelayedCalls() == []


def test_a_key_that_waits_no_more_is_passed_over() -> None:
    rig = Rig()
    rig.add(1, "a")
    rig.add(2, "b")
    rig.alive.discard("a")
    rig.clock.advance(1)
    assert rig.expired == []
    rig.clock.advance(1)
    assert rig.expired == [(2, "b")]


def test_stop_leaves_nothing_and_it_can_be_used_again() -> None:
    rig = Rig()
    rig.add(1, "a")
    rig.timer.stop()
    rig.timer.stop()
    assert rig.clock.getDelayedCalls() == []
    rig.add(1, "b")
    rig.clock.advance(1)
    assert rig.expired == [(1, "b")]


def test_expire_may_add() -> None:
    rig = Rig()
    first = rig.expire

    def expire(key: str) -> None:
        first(key)
        if key == "a":
            rig.add(0.5, "b")

    rig.timer = DeadlineTimer(rig.clock, Deadlines(rig.alive.__contains__, rig.alive.__len__), expire)
    rig.add(1, "a")
    rig.add(5, "c")
    rig.clock.pump([1, 0.5, 4])
    assert [key for _, key in rig.expired] == ["a", "b", "c"]
    assert rig.clock.getDelayedCalls() == []


def test_expire_may_stop() -> None:
    rig = Rig()

    def expire(key: str) -> None:
        rig.timer.stop()

    rig.timer = DeadlineTimer(rig.clock, Deadlines(rig.alive.__contains__, rig.alive.__len__), expire)
    rig.add(1, "a")
    rig.add(2, "b")
    rig.clock.advance(1)
    assert rig.clock.getDelayedCalls() == []


def test_expire_that_raises_does_not_stop_the_others() -> None:
    rig = Rig()

    def expire(key: str) -> None:
        rig.expire(key)
        if key == "a":
            raise ZeroDivisionError

    rig.timer = DeadlineTimer(rig.clock, Deadlines(rig.alive.__contains__, rig.alive.__len__), expire)
    rig.add(1, "a")
    rig.add(2, "b")
    with contextlib.suppress(ZeroDivisionError):
        rig.clock.advance(1)
    rig.add(0.1, "c")
    rig.clock.pump([1, 1])
    assert [key for _, key in rig.expired] == ["a", "c", "b"]
