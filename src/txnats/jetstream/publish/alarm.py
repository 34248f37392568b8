"""A timer that does not keep alive what it calls, and goes with it."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...net.timer import cancel


class Alarm:
    """Calls a method at the earliest of the times that it was given.

    Args:
        clock: Time and timer.
        ring: The method; its object is not held, and when it goes the timer does too.
    """

    __slots__ = ("__weakref__", "_call", "_clock", "_ring")

    def __init__(self, clock: IReactorTime, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = weakref.WeakMethod(ring)
        self._call: IDelayedCall | None = None
        owner = getattr(ring, "__self__")  # noqa: B009  # no attribute of a plain callable
        weakref.finalize(owner, self.stop).atexit = False

    @property
    def is_set(self) -> bool:
        """Whether it is going to ring."""
        return self._call is not None

    def at(self, when: float) -> None:
        """Ring at this time too; only the earliest counts, whoever is called gives the next."""
        if self._call is None:
            self._call = self._clock.callLater(max(0.0, when - self._clock.seconds()), self._due)
        elif self._call.getTime() > when:
            self._call.reset(max(0.0, when - self._clock.seconds()))

    def stop(self) -> None:
        """Ring no more."""
        cancel(self._call)
        self._call = None

    def _due(self) -> None:
        self._call = None
        ring = self._ring()
        if ring is not None:
            ring()
