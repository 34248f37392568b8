"""Some of an iterator's items, turned into others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ..errors import EndOfStream
from ..streams import Stream

Item = TypeVar("Item")


class Picked(Stream[Item]):
    """What is picked from an iterator. It ends with that one, and closes it; it reads no more than it is asked for.

    Args:
        clock: Time.
        source: What is picked from.
        pick: Makes an item of one of the source's; None leaves it out.
    """

    __slots__ = ("_items", "_pick", "_reading", "_source")

    def __init__(self, clock: IReactorTime, source: Stream[Any], pick: Callable[[Any], Item | None]) -> None:
        super().__init__(clock)
        self._source = source
        self._pick = pick
        self._items: deque[Item] = deque()
        self._reading = False

    def next(self, timeout: float | None = None) -> Deferred[Item]:
        """As of every iterator."""
        item = super().next(timeout)
        self._read()
        return item

    def _read(self) -> None:
        """Read on until somebody has what he waits for. What comes at once is read in a loop, not by recursion."""
        while self._waiters and not self._reading:
            self._reading = True
            reading = self._source.next().addCallbacks(self._got, self._failed)
            if not reading.called:
                reading.addCallback(lambda _: self._read())

    def _got(self, found: Any) -> None:
        self._reading = False
        item = self._pick(found)
        if item is not None:
            self._items.append(item)
            self._feed()

    def _failed(self, failure: Failure) -> None:
        self._finish(None if failure.check(EndOfStream) else failure.value)

    def _take(self) -> Item | None:
        return self._items.popleft() if self._items else None

    def _released(self) -> None:
        self._source.close()
