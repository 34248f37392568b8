"""A timer that goes with its owner."""

from __future__ import annotations

import gc

from twisted.internet.task import Clock

from txnats.jetstream.publish.alarm import Alarm


class Owner:
    def __init__(self, clock: Clock) -> None:
        self.rung: list[float] = []
        self.clock = clock
        self.alarm = Alarm(clock, self.ring)

    def ring(self) -> None:
        self.rung.append(self.clock.seconds())


def test_the_earliest_counts() -> None:
    owner = Owner(Clock())
    for when in (5.0, 3.0, 4.0):
        owner.alarm.at(when)
    assert len(owner.clock.getDelayedCalls()) == 1
    owner.clock.pump([1] * 10)
    assert owner.rung == [3.0]
    assert not owner.alarm.is_set
    owner.alarm.at(0.0)
    owner.clock.advance(0)
    assert len(owner.rung) == 2


def test_it_stops() -> None:
    owner = Owner(Clock())
    owner.alarm.at(1.0)
    owner.alarm.stop()
    owner.alarm.stop()
    assert owner.clock.getDelayedCalls() == []


def test_it_goes_with_its_owner() -> None:
    clock = Clock()
    owner = Owner(clock)
    owner.alarm.at(1.0)
    del owner
    gc.collect()
    assert clock.getDelayedCalls() == []
