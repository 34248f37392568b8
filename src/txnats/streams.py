"""Many results over time, as an object to iterate.

Not an async generator: Twisted installs no hooks for these, so that their clean-up after ``break`` would never finish.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from .errors import EndOfStream, InvalidArgument, OperationTimeout
from .options import check_seconds
from .state.pings import MOST_WAITERS

Item = TypeVar("Item")


class Stream(Generic[Item]):
    """Something that gives items until it ends.

    ``async for`` over it, ``await stream.next()``, or ``await stream.collect(10)``. Leaving an ``async for``, by its
    end, ``break`` or an exception, closes the stream; so does leaving ``async with``. To take some items and go on
    later, use ``next``.

    A subclass gives out its items in ``_take`` and lets go of what it holds in ``_released``.
    """

    __slots__ = ("__weakref__", "_clock", "_end_error", "_ended", "_waiters")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        # Made when somebody waits for the first time: most subscriptions have a handler, and there may be many.
        self._waiters: deque[Deferred[Item]] | None = None
        self._ended = False
        self._end_error: BaseException | None = None

    # For subclasses

    def _take(self) -> Item | None:
        """The next item, or None when none is there."""
        raise NotImplementedError

    def _took(self) -> None:
        """An item has been given out."""

    def _released(self) -> None:
        """The consumer has left, or the stream was ended: let go of whatever feeds it. May be called more than once."""

    def _feed(self) -> None:
        """Give items to whoever waits for them."""
        while self._waiters:
            item = self._take()
            if item is None:
                return
            self._waiters.popleft().callback(item)
            self._took()

    def _finish(self, error: BaseException | None = None) -> None:
        """No more items will come. Those that are there can be taken; then it ends, with this error if there is one."""
        if self._ended:
            return
        self._ended = True
        self._end_error = error
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.called:
                waiter.errback(self._ending())

    def _ending(self) -> BaseException:
        return self._end_error or EndOfStream()

    def _forget(self, waiter: Deferred[Item]) -> None:
        """Somebody waits no longer."""
        if self._waiters and waiter in self._waiters:
            self._waiters.remove(waiter)

    # For whoever iterates

    def next(self, timeout: float | None = None) -> Deferred[Item]:
        """The next item.

        Args:
            timeout: Seconds to wait for it; None waits until the stream ends.

        Returns:
            A Deferred of it. Cancelling it loses no item. It fails with OperationTimeout, with EndOfStream when there
            are no more, or with the error that ended the stream.
        """
        if timeout is not None:
            try:
                check_seconds("timeout", timeout)
            except InvalidArgument:
                return fail()
        item = self._take()
        if item is not None:
            self._took()
            return succeed(item)
        if self._ended:
            return fail(self._ending())
        if self._waiters is None:
            self._waiters = deque()
        if len(self._waiters) >= MOST_WAITERS:
            return fail(InvalidArgument("too many calls of next() wait already", hint="await one before the next"))
        waiter: Deferred[Item] = Deferred(self._forget)
        self._waiters.append(waiter)
        if timeout is not None:
            waiter.addTimeout(timeout, self._clock, lambda _, seconds: _timed_out(seconds))
        return waiter

    def collect(self, limit: int | None = None) -> Deferred[list[Item]]:
        """The next items as a list: up to ``limit``, or all until the end. An ending by an error is that error.

        Cancelling it loses the items that it has taken.
        """
        return Deferred.fromCoroutine(self._collect(limit))

    async def _collect(self, limit: int | None) -> list[Item]:
        items: list[Item] = []
        while limit is None or len(items) < limit:
            try:
                items.append(await self.next())
            except EndOfStream:
                break
        return items

    def close(self) -> None:
        """Want no more: items that wait are dropped."""
        self._released()
        while self._take() is not None:
            pass
        self._finish()

    def __aiter__(self) -> AsyncIterator[Item]:
        return _Loop(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Loop(AsyncIterator[Item]):
    """One ``async for``. It lives as long as the loop does and closes its stream when it goes."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream[Item]) -> None:
        self._stream = stream

    def __anext__(self) -> Deferred[Item]:
        return self._stream.next().addErrback(_stop_iteration)

    def __del__(self) -> None:
        self._stream.close()


class Queue(Stream[Item]):
    """A stream with a bounded queue of its own; the oldest item is dropped when it is full.

    Attributes:
        missed: Items dropped so far.
    """

    __slots__ = ("_items", "_limit", "missed")

    def __init__(self, clock: IReactorTime, limit: int) -> None:
        super().__init__(clock)
        self._items: deque[Item] = deque()
        self._limit = limit
        self.missed = 0

    def _take(self) -> Item | None:
        return self._items.popleft() if self._items else None

    def _put(self, item: Item) -> None:
        if self._ended:
            return
        if len(self._items) >= self._limit:
            self._items.popleft()
            self.missed += 1
        self._items.append(item)
        self._feed()


def _stop_iteration(failure: Failure) -> Failure:
    return Failure(StopAsyncIteration()) if failure.check(EndOfStream) else failure


def _timed_out(seconds: float) -> Failure:
    return Failure(OperationTimeout("waiting for the next item", timeout=seconds))
