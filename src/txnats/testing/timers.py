"""Calls to be made later, all of which can be called off together."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Timers:
    """The timers of one thing; when it ends, none is left.

    Args:
        clock: Makes them.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: set[IDelayedCall] = set()

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        """Call it after so many seconds, unless ``stop`` comes first."""

        def fire() -> None:
            self._calls.discard(timer)
            call()

        timer = self._clock.callLater(seconds, fire)
        self._calls.add(timer)

    def stop(self) -> None:
        """Call off what has not been called yet."""
        calls, self._calls = self._calls, set()
        for timer in calls:
            timer.cancel()
