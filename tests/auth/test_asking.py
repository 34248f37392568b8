"""A coroutine is run at once as far as it goes; what is left of it can be awaited, and cancelled."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from tests.client.harness import Outcome
from txnats.auth.asking import at_once, current, given


async def add(*values: Any) -> int:
    total = 0
    for value in values:
        total += await given(value)
    return total


def awaited(rest: Any) -> Outcome:
    async def go() -> Any:
        return await rest

    return Outcome(Deferred.fromCoroutine(go()))


def test_what_needs_no_waiting_is_there_at_once() -> None:
    assert at_once(add(1, succeed(2), add(3))) == 6


def test_the_rest_is_awaited_step_by_step() -> None:
    first: Deferred[int] = Deferred()
    second: Deferred[int] = Deferred()
    outcome = awaited(at_once(add(1, first, second)))
    assert not outcome.fired
    first.callback(2)
    assert not outcome.fired
    second.callback(3)
    assert outcome.value == 6


def test_a_failure_goes_through_the_coroutine() -> None:
    async def recover(value: Any) -> int:
        try:
            return await add(value)
        except OSError:
            return -1

    failing: Deferred[int] = Deferred()
    outcome = awaited(at_once(recover(failing)))
    failing.errback(OSError())
    assert outcome.value == -1
    with pytest.raises(ZeroDivisionError):
        at_once(add(coroutine_that_raises()))


async def coroutine_that_raises() -> int:
    raise ZeroDivisionError


def test_cancelling_reaches_what_it_waits_for() -> None:
    cancelled: list[object] = []
    waiting: Deferred[int] = Deferred(cancelled.append)

    async def go() -> Any:
        rest: Any = at_once(add(waiting))
        return await rest

    asking = Deferred.fromCoroutine(go())
    outcome = Outcome(asking)
    asking.cancel()
    assert cancelled == [waiting]
    assert isinstance(outcome.error, CancelledError)


def test_a_source_is_a_value_or_is_called_each_time() -> None:
    numbers = iter(range(9))

    def now(source: Any) -> Any:
        return at_once(current(source))

    assert now(5) == 5
    assert [now(lambda: next(numbers)) for _ in range(3)] == [0, 1, 2]
    assert now(lambda: succeed(3)) == 3
