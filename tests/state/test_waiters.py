"""Several who wait for one thing: each is told once, and may do what it likes meanwhile."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txnats.errors import ClientClosed
from txnats.state.waiters import Waiters


def told_of(deferred: Deferred[str]) -> list[object]:
    told: list[object] = []

    def failed(failure: Failure) -> None:
        told.append(type(failure.value))

    deferred.addCallbacks(told.append, failed)
    return told


def test_all_are_told_and_once() -> None:
    waiters = Waiters[str]()
    one, two = told_of(waiters.wait()), told_of(waiters.wait())
    assert len(waiters) == 2
    waiters.tell("yes")
    waiters.tell("again")
    waiters.fail(ClientClosed())
    assert (one, two, len(waiters)) == (["yes"], ["yes"], 0)


def test_whoever_is_told_that_it_never_will_may_cancel_another() -> None:
    waiters = Waiters[str]()
    first, second, third = waiters.wait(), waiters.wait(), waiters.wait()

    def meddle(_: Failure) -> None:
        second.cancel()

    first.addErrback(meddle)
    two, three = told_of(second), told_of(third)
    waiters.fail(ClientClosed())
    assert two in ([CancelledError], [ClientClosed])
    assert three == [ClientClosed]


def test_all_are_told_that_it_never_will() -> None:
    waiters = Waiters[str]()
    one, two = told_of(waiters.wait()), told_of(waiters.wait())
    waiters.fail(ClientClosed())
    assert (one, two, len(waiters)) == ([ClientClosed], [ClientClosed], 0)


def test_one_that_was_cancelled_is_forgotten() -> None:
    waiters = Waiters[str]()
    first, second = waiters.wait(), waiters.wait()
    one, two = told_of(first), told_of(second)
    first.cancel()
    assert (one, len(waiters)) == ([CancelledError], 1)
    waiters.tell("yes")
    assert (one, two) == ([CancelledError], ["yes"])


def test_whoever_is_told_may_cancel_another_and_wait_again() -> None:
    waiters = Waiters[str]()
    first, second, third = waiters.wait(), waiters.wait(), waiters.wait()
    again: list[Deferred[str]] = []

    def meddle(result: str) -> None:
        second.cancel()
        again.append(waiters.wait())

    first.addCallback(meddle)
    two, three = told_of(second), told_of(third)
    waiters.tell("yes")
    assert two in ([CancelledError], ["yes"])
    assert (three, len(waiters)) == (["yes"], 1)
    later = told_of(again[0])
    waiters.tell("later")
    assert later == ["later"]


def test_it_is_told_when_the_last_one_waits_no_longer() -> None:
    abandoned: list[None] = []
    waiters = Waiters[str](lambda: abandoned.append(None))
    one, two = waiters.wait(), waiters.wait()
    for each in (one, two):
        each.addErrback(lambda _: None)
        assert abandoned == []
        each.cancel()
    assert abandoned == [None]
    three = told_of(waiters.wait())
    waiters.tell("yes")
    assert (three, abandoned) == (["yes"], [None])
