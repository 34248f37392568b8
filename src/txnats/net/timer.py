"""Timers that leave none behind, and one timer for many deadlines: a request costs a heap entry, not a DelayedCall."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..state.deadlines import Deadlines

Key = TypeVar("Key")


def cancel(*calls: IDelayedCall | None) -> None:
    """Cancel those that are there and have neither been called nor cancelled."""
    for call in calls:
        if call is not None and call.active():
            call.cancel()


class Timers:
    """The timers of one thing; when it ends, none is left.

    Args:
        clock: Makes them.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: set[IDelayedCall] = set()

    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """Call it after so many seconds, unless ``stop`` comes first."""

        def fire() -> None:
            self._calls.discard(timer)
            call(*arguments)

        timer = self._clock.callLater(seconds, fire)
        self._calls.add(timer)

    def stop(self) -> None:
        """Call off what has not been called yet."""
        calls, self._calls = self._calls, set()
        for timer in calls:
            timer.cancel()


class DeadlineTimer(Generic[Key]):
    """Calls ``expire(key)`` when a key's time has come and it still waits.

    Args:
        clock: Time and timer.
        deadlines: What is due when.
        expire: Called for each key that is due.
    """

    __slots__ = ("_call", "_clock", "_deadlines", "_expire")

    def __init__(self, clock: IReactorTime, deadlines: Deadlines[Key], expire: Callable[[Key], None]) -> None:
        self._clock = clock
        self._deadlines = deadlines
        self._expire = expire
        self._call: IDelayedCall | None = None

    def add(self, seconds: float, key: Key) -> None:
        """The key is due after so many seconds."""
        when = self._clock.seconds() + seconds
        if self._deadlines.add(when, key):
            self._set(when)

    def stop(self) -> None:
        """Forget all; no timer is left behind."""
        self._deadlines.clear()
        cancel(self._call)
        self._call = None

    def _set(self, when: float) -> None:
        delay = max(0.0, when - self._clock.seconds())
        if self._call is not None and self._call.active():
            # A timer that fires too early costs one look; it is only moved when it would fire too late.
            if self._call.getTime() > when:
                self._call.reset(delay)
        else:
            self._call = self._clock.callLater(delay, self._fire)

    def _fire(self) -> None:
        self._call = None
        for key in self._deadlines.due(self._clock.seconds()):
            self._expire(key)
        following = self._deadlines.next()
        if following is not None:
            self._set(following)
