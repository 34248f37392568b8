"""Coroutines that are run at once: one context for all steps, and an end that somebody hears of."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import ContextVar, copy_context
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from txnats.driving import drive

COLOUR: ContextVar[str] = ContextVar("colour")


def start(coroutine: Coroutine[Any, Any, object]) -> Deferred[object] | None:
    return drive(coroutine, copy_context())


def told_of(deferred: Deferred[object] | None) -> list[object]:
    """Its result, or the type and text of its failure."""
    assert deferred is not None
    told: list[object] = []

    def failed(failure: Failure) -> None:
        told.extend((failure.type, str(failure.value)))

    deferred.addCallbacks(told.append, failed)
    return told


@pytest.fixture(autouse=True)
def unhandled() -> Generator[list[LogEvent], None, None]:
    """No test here may leave a failure that nobody handled."""
    seen: list[LogEvent] = []

    @implementer(ILogObserver)
    def see(event: LogEvent) -> None:
        if "log_failure" in event:
            seen.append(event)

    globalLogPublisher.addObserver(see)
    yield seen
    gc.collect()
    globalLogPublisher.removeObserver(see)
    assert seen == []


# ---------------------------------------------------------------------- results


def test_one_that_never_waits_has_ended_already() -> None:
    ran: list[int] = []

    async def work() -> str:
        ran.append(await succeed(1))
        return "result"

    assert start(work()) is None
    assert ran == [1]


def test_one_that_raises_before_it_waits_raises_at_once() -> None:
    async def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        start(work())


def test_one_that_waits_goes_on_when_its_time_has_come() -> None:
    first, second = Deferred[int](), Deferred[int]()

    async def work() -> int:
        return await first + await second

    told = told_of(start(work()))
    first.callback(1)
    assert told == []
    second.callback(2)
    assert told == [3]


def test_what_it_waits_for_may_fail() -> None:
    waiting = Deferred[int]()

    async def work() -> str:
        try:
            await waiting
        except ZeroDivisionError as error:
            return f"caught {error}"
        return "no"

    told = told_of(start(work()))
    waiting.errback(ZeroDivisionError("it"))
    assert told == ["caught it"]


def test_what_it_raises_later_is_its_failure() -> None:
    waiting = Deferred[int]()

    async def work() -> None:
        await waiting
        raise KeyError("late")

    told = told_of(start(work()))
    waiting.callback(1)
    assert told == [KeyError, "'late'"]


@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, SystemExit])
def test_whatever_it_raises_later_somebody_hears_of(kind: type[BaseException]) -> None:
    waiting = Deferred[int]()

    async def work() -> None:
        await waiting
        raise kind("end")

    told = told_of(start(work()))
    waiting.callback(1)
    assert told[0] is kind


def test_it_may_await_other_coroutines_and_awaitables() -> None:
    waiting = Deferred[int]()

    class Doubled:
        def __init__(self, what: Awaitable[int]) -> None:
            self.what = what

        def __await__(self) -> Generator[Any, Any, int]:
            return 2 * (yield from self.what.__await__())

    async def inner() -> int:
        return await waiting + 1

    async def work() -> int:
        return await Doubled(inner())

    told = told_of(start(work()))
    waiting.callback(20)
    assert told == [42]


def test_what_is_no_deferred_cannot_be_awaited() -> None:
    @types_coroutine
    def foreign() -> Generator[object, None, None]:
        yield "something"

    async def work() -> None:
        await foreign()

    assert told_of(start(work())) == [TypeError, "a coroutine here awaits Deferreds, not str"]


def types_coroutine(function: Callable[[], Generator[object, None, None]]) -> Callable[[], Awaitable[None]]:
    import types

    return types.coroutine(function)


def test_many_waits_need_no_deep_stack() -> None:
    waits = [Deferred[int]() for _ in range(3_000)]
    # Each is fired by hand while the coroutine stands at the one before, and once all have a result already.
    for each in waits[1_000:]:
        each.callback(1)

    async def work() -> int:
        return sum([await each for each in waits])

    told = told_of(start(work()))
    for each in waits[:1_000]:
        each.callback(1)
    assert told == [3_000]


# ---------------------------------------------------------------------- one context


def test_all_steps_share_one_context_and_it_is_not_the_callers() -> None:
    waits = [Deferred[None]() for _ in range(3)]
    seen: list[str] = []

    async def work() -> None:
        token = COLOUR.set("red")
        await waits[0]
        seen.append(COLOUR.get())
        COLOUR.set("blue")
        await waits[1]
        seen.append(COLOUR.get())
        COLOUR.reset(token)
        await waits[2]
        seen.append(COLOUR.get("none"))

    told = told_of(start(work()))
    for each in waits:
        COLOUR.set("the caller's")
        each.callback(None)
    assert (seen, told) == (["red", "blue", "none"], [None])
    assert COLOUR.get() == "the caller's"


def test_two_that_wait_for_each_other_keep_their_contexts_apart() -> None:
    first, second = Deferred[None](), Deferred[None]()
    seen: list[str] = []

    async def one() -> None:
        COLOUR.set("one")
        await first
        second.callback(None)
        seen.append(COLOUR.get())

    async def two() -> None:
        COLOUR.set("two")
        await second
        seen.append(COLOUR.get())

    ends = [told_of(start(one())), told_of(start(two()))]
    first.callback(None)
    assert (seen, ends) == (["two", "one"], [[None], [None]])


# ---------------------------------------------------------------------- cancelling


def test_cancelling_cancels_what_it_waits_for() -> None:
    cancelled: list[object] = []
    waiting: Deferred[None] = Deferred(cancelled.append)

    async def work() -> None:
        await waiting

    done = start(work())
    told = told_of(done)
    assert done is not None
    done.cancel()
    assert (cancelled, told[0]) == ([waiting], CancelledError)


def test_cancelling_the_second_wait_leaves_the_first_alone() -> None:
    cancelled: list[str] = []
    first: Deferred[None] = Deferred(lambda _: cancelled.append("first"))
    second: Deferred[None] = Deferred(lambda _: cancelled.append("second"))

    async def work() -> None:
        await first
        await second

    done = start(work())
    assert done is not None
    first.callback(None)
    told = told_of(done)
    done.cancel()
    assert (cancelled, told[0]) == (["second"], CancelledError)


def test_one_that_cleans_up_when_it_is_cancelled_ends_in_its_own_time() -> None:
    waiting, cleaning = Deferred[None](), Deferred[None]()
    steps: list[str] = []

    async def work() -> str:
        try:
            await waiting
        except CancelledError:
            steps.append("cancelled")
            await cleaning
            steps.append("clean")
        return "done"

    done = start(work())
    told = told_of(done)
    assert done is not None
    done.cancel()
    assert steps == ["cancelled"]
    cleaning.callback(None)
    assert steps == ["cancelled", "clean"]
    assert len(told) in (1, 2)  # its own result, or that it was cancelled: once, and nothing unhandled


def test_cancelling_one_that_has_ended_changes_nothing() -> None:
    waiting = Deferred[int]()

    async def work() -> int:
        return await waiting

    done = start(work())
    told = told_of(done)
    waiting.callback(1)
    assert done is not None
    done.cancel()
    assert told == [1]
