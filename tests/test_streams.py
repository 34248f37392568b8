"""Streams: each item is given out once and in order, whoever cancels, leaves or waits meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txnats.errors import EndOfStream, InvalidArgument, NatsError, OperationTimeout, SlowConsumer
from txnats.streams import Queue, Stream


class Source(Queue[str]):
    """A queue that anybody may fill, and that tells when its consumer has left."""

    def __init__(self, items: str = "", limit: int = 100) -> None:
        self.clock = Clock()
        super().__init__(self.clock, limit)
        self.released = 0
        self.took = 0
        self.put(items)

    def put(self, items: str) -> None:
        for item in items:
            self._put(item)

    def end(self, error: NatsError | None = None) -> None:
        self._finish(error)

    def _released(self) -> None:
        self.released += 1

    def _took(self) -> None:
        self.took += 1


def told_of(deferred: Deferred[Any]) -> list[Any]:
    """Its result, or the type of its failure."""
    told: list[Any] = []

    def failed(failure: Failure) -> None:
        told.append(failure.type)

    deferred.addCallbacks(told.append, failed)
    return told


def run(work: Callable[[], Awaitable[Any]]) -> list[Any]:
    async def worker() -> Any:
        return await work()

    return told_of(Deferred.fromCoroutine(worker()))


def then(act: Callable[[], None]) -> Callable[[str], str]:
    """A callback that acts and gives on what it got."""

    def callback(item: str) -> str:
        act()
        return item

    return callback


def rest(source: Source) -> str:
    """What can still be taken."""
    items = ""
    while source._items:
        items += told_of(source.next())[0]
    return items


# ---------------------------------------------------------------------- next


def test_items_come_in_order_whether_they_wait_or_are_waited_for() -> None:
    source = Source("ab")
    told = [told_of(source.next()) for _ in range(4)]
    assert told == [["a"], ["b"], [], []]
    source.put("cd")
    assert told == [["a"], ["b"], ["c"], ["d"]]
    assert source.took == 4


def test_after_the_end_what_is_there_can_still_be_taken() -> None:
    source = Source("a")
    source.end()
    source.put("late")
    assert [told_of(source.next()) for _ in range(3)] == [["a"], [EndOfStream], [EndOfStream]]


def test_the_end_is_told_to_all_who_wait() -> None:
    source = Source()
    told = [told_of(source.next()), told_of(source.next())]
    source.end()
    source.end(SlowConsumer("a", dropped=1))
    assert told == [[EndOfStream], [EndOfStream]]


def test_an_end_by_an_error_is_that_error() -> None:
    source = Source("a")
    waiting = told_of(source.next()) + told_of(source.next())
    source.end(SlowConsumer("a", dropped=1))
    assert waiting == ["a"]
    assert told_of(source.next()) == [SlowConsumer]


def test_a_wait_may_have_an_end_of_its_own() -> None:
    source = Source()
    late, patient = told_of(source.next(timeout=1.0)), told_of(source.next())
    source.clock.advance(0.99)
    assert late == []
    source.clock.advance(0.01)
    assert (late, patient) == ([OperationTimeout], [])
    source.put("a")
    assert (patient, source.clock.getDelayedCalls()) == (["a"], [])


def test_the_text_of_a_timeout() -> None:
    source = Source()
    failed: list[Failure] = []
    source.next(timeout=0.5).addErrback(failed.append)
    source.clock.advance(1)
    assert str(failed[0].value) == "waiting for the next item took longer than 0.5 s"


def test_an_item_in_time_leaves_no_timer() -> None:
    source = Source()
    told = told_of(source.next(timeout=1.0))
    source.put("a")
    assert (told, source.clock.getDelayedCalls()) == (["a"], [])
    source.put("b")
    assert told_of(source.next(timeout=1.0)) == ["b"]
    assert source.clock.getDelayedCalls() == []


@pytest.mark.parametrize("timeout", [-1.0, float("nan"), "1"])
def test_a_time_that_cannot_be_waited_is_refused_and_takes_no_item(timeout: Any) -> None:
    source = Source()
    assert told_of(source.next(timeout)) != []
    waiting = told_of(source.next())
    source.put("a")
    assert waiting == ["a"]


def test_too_many_waits_are_refused() -> None:
    source = Source()
    waits = [source.next() for _ in range(65_536)]
    assert told_of(source.next()) == [InvalidArgument]
    source.put("a")
    assert told_of(waits[0]) == ["a"]
    assert told_of(source.next()) == []


# ---------------------------------------------------------------------- cancelling


def test_a_wait_that_is_cancelled_loses_no_item() -> None:
    source = Source()
    first, second = source.next(), source.next()
    one, two = told_of(first), told_of(second)
    first.cancel()
    source.put("ab")
    assert (one, two, rest(source)) == ([CancelledError], ["a"], "b")


def test_whoever_gets_an_item_may_cancel_the_next_in_line() -> None:
    source = Source()
    first, second, third = source.next(), source.next(), source.next()
    first.addCallback(then(second.cancel))
    one, two, three = told_of(first), told_of(second), told_of(third)
    source.put("ab")
    assert (one, two, three) == (["a"], [CancelledError], ["b"])


def test_whoever_is_told_of_the_end_may_cancel_the_next_in_line() -> None:
    source = Source()
    first, second, third = source.next(), source.next(), source.next()

    def meddle(_: Failure) -> None:
        second.cancel()

    first.addErrback(meddle)
    two, three = told_of(second), told_of(third)
    source.end()
    assert two in ([CancelledError], [EndOfStream])
    assert three == [EndOfStream]


def test_whoever_gets_an_item_may_ask_for_more_or_close() -> None:
    source = Source()
    more: list[list[Any]] = []
    source.next().addCallback(lambda _: more.append(told_of(source.next())))
    last = told_of(source.next().addCallback(then(source.close)))
    source.put("abc")
    assert (last, more) == (["b"], [["c"]]) or (last, more) == (["b"], [[EndOfStream]])


# ---------------------------------------------------------------------- collect


def test_collect_takes_so_many_or_all() -> None:
    source = Source("abc")
    assert told_of(source.collect(2)) == [["a", "b"]]
    told = told_of(source.collect())
    source.put("d")
    assert told == []
    source.end()
    assert told == [["c", "d"]]
    assert told_of(source.collect(5)) == [[]]


def test_collect_of_none_waits_for_nothing() -> None:
    assert told_of(Source().collect(0)) == [[]]


def test_collect_ends_with_the_error_of_the_end() -> None:
    source = Source("a")
    told = told_of(source.collect(3))
    source.end(SlowConsumer("a", dropped=1))
    assert told == [SlowConsumer]


def test_collect_can_be_cancelled_and_the_stream_goes_on() -> None:
    source = Source()
    collecting = source.collect(2)
    told = told_of(collecting)
    collecting.cancel()
    source.put("a")
    assert (told, rest(source)) == ([CancelledError], "a")


def test_collect_of_many_needs_no_deep_stack() -> None:
    source = Source("x" * 5_000, limit=5_000)
    assert told_of(source.collect(5_000)) == [["x"] * 5_000]


# ---------------------------------------------------------------------- loops


def test_a_loop_takes_all_until_the_end_and_closes() -> None:
    source, seen = Source("ab"), list[str]()

    async def work() -> str:
        async for item in source:
            seen.append(item)
        return "over"

    told = run(work)
    source.put("c")
    assert (seen, told) == (["a", "b", "c"], [])
    source.end()
    assert told == ["over"]
    assert source.released >= 1


def test_break_closes() -> None:
    source = Source("abc")

    async def work() -> str:
        async for item in source:
            if item == "b":
                break
        return "left"

    assert run(work) == ["left"]
    assert source.released == 1
    assert told_of(source.next()) == [EndOfStream]


def test_an_exception_in_the_loop_closes() -> None:
    source = Source("abc")

    async def work() -> None:
        async for _ in source:
            raise ZeroDivisionError

    assert run(work) == [ZeroDivisionError]
    gc.collect()
    assert source.released == 1


def test_an_error_at_the_end_is_raised_in_the_loop() -> None:
    source = Source("a")
    source.end(SlowConsumer("a", dropped=1))
    seen: list[str] = []

    async def work() -> None:
        async for item in source:
            seen.append(item)

    assert (run(work), seen) == ([SlowConsumer], ["a"])


def test_cancelling_who_loops_closes() -> None:
    source = Source("a")

    async def work() -> None:
        async for _ in source:
            pass

    working = Deferred.fromCoroutine(work())
    told = told_of(working)
    working.cancel()
    del working
    gc.collect()
    assert (told, source.released) == ([CancelledError], 1)


def test_a_loop_inside_a_with_leaves_by_return_and_closes() -> None:
    source = Source("abc")

    async def work() -> str:
        async with source as stream:
            async for item in stream:
                return item
        return "none"

    assert run(work) == ["a"]
    assert source.released >= 1
    assert told_of(source.next()) == [EndOfStream]


@pytest.mark.parametrize("raises", [True, False])
def test_leaving_a_with_closes(raises: bool) -> None:
    source = Source("abc")

    async def work() -> str:
        async with source:
            if raises:
                raise ZeroDivisionError
        return "left"

    assert run(work) == [ZeroDivisionError if raises else "left"]
    assert source.released == 1


def test_inline_callbacks_can_read_it_too() -> None:
    source = Source("ab")

    @inlineCallbacks
    def work() -> Generator[Deferred[Any], Any, list[str]]:
        items = [(yield source.next())]
        items += yield source.collect(1)
        try:
            yield source.next()
        except EndOfStream:
            items.append("end")
        return items

    told = told_of(work())
    source.end()
    assert told == [["a", "b", "end"]]


# ---------------------------------------------------------------------- close


def test_close_drops_what_waits_and_tells_who_waits() -> None:
    source = Source("abc")
    source.close()
    source.put("d")
    assert told_of(source.next()) == [EndOfStream]
    source = Source()
    waiting = told_of(source.next(timeout=1.0))
    source.close()
    source.close()
    assert (waiting, source.clock.getDelayedCalls()) == ([EndOfStream], [])


def test_a_subclass_says_what_it_gives_out() -> None:
    stream = Stream[str](Clock())
    with pytest.raises(NotImplementedError):
        stream.next()
    stream._took()
    stream._released()


# ---------------------------------------------------------------------- a bounded queue


def test_the_oldest_is_dropped_and_counted() -> None:
    source = Source("abcde", limit=3)
    assert (source.missed, rest(source)) == (2, "cde")
    source.put("f")
    assert (source.missed, rest(source)) == (2, "f")


def test_who_waits_misses_nothing() -> None:
    source = Source(limit=1)
    told = [told_of(source.next()) for _ in range(3)]
    source.put("abc")
    assert (told, source.missed) == ([["a"], ["b"], ["c"]], 0)


class EachOnce(RuleBasedStateMachine):
    """A stream against the list of what went in."""

    def __init__(self) -> None:
        super().__init__()
        self.source = Source(limit=4)
        self.count = 0
        self.expected: list[Any] = []  # what is to come out, in order
        self.waits: list[tuple[Deferred[str], list[Any]]] = []
        self.got: list[Any] = []

    @rule()
    def put(self) -> None:
        self.count += 1
        item: Any = self.count
        self.source._put(item)
        if self.waits:
            _, told = self.waits.pop(0)
            assert told == [item]
            self.got.append(item)
        else:
            self.expected.append(item)
            del self.expected[:-4]

    @rule(timeout=st.sampled_from([None, 5.0]))
    def ask(self, timeout: float | None) -> None:
        wait = self.source.next(timeout)
        told = told_of(wait)
        if self.expected:
            assert told == [self.expected.pop(0)]
            self.got += told
        else:
            assert told == []
            self.waits.append((wait, told))

    @precondition(lambda self: self.waits)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        wait, told = self.waits.pop(data.draw(st.integers(0, len(self.waits) - 1)))
        wait.cancel()
        assert told == [CancelledError]

    @rule()
    def let_time_pass(self) -> None:
        self.source.clock.advance(3.0)
        for _, told in self.waits:
            assert told in ([], [OperationTimeout])
        self.waits = [each for each in self.waits if not each[1]]

    @invariant()
    def nothing_is_lost_or_given_twice(self) -> None:
        assert self.got == sorted(set(self.got))
        assert self.count == len(self.got) + len(self.expected) + self.source.missed
        assert len(self.source.clock.getDelayedCalls()) <= len(self.waits)


TestEachOnce = EachOnce.TestCase
TestEachOnce.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
