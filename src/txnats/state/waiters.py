"""Who waits for one thing to happen: each has a Deferred of its own, and may stop waiting at any moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

Result = TypeVar("Result")


class Waiters(Generic[Result]):
    """Deferreds that fire together.

    Whoever is told may cancel others, or wait again, while the rest is being told.

    Args:
        abandoned: Called when the last one waits no longer.
    """

    __slots__ = ("_abandoned", "_waiting")

    def __init__(self, abandoned: Callable[[], object] | None = None) -> None:
        self._abandoned = abandoned
        self._waiting: dict[Deferred[Result], None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self) -> Deferred[Result]:
        """One more; cancelling it forgets it."""
        waiter: Deferred[Result] = Deferred(self._forget)
        self._waiting[waiter] = None
        return waiter

    def tell(self, result: Result) -> None:
        """It has happened."""
        for waiter in self._taken():
            if not waiter.called:
                waiter.callback(result)

    def fail(self, error: BaseException) -> None:
        """It never will."""
        for waiter in self._taken():
            if not waiter.called:
                waiter.errback(error)

    def _taken(self) -> list[Deferred[Result]]:
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def _forget(self, waiter: Deferred[Result]) -> None:
        self._waiting.pop(waiter, None)
        if self._abandoned is not None and not self._waiting:
            self._abandoned()
