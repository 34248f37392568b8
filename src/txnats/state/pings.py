"""PINGs that wait for their PONG, and when silence means that the server is gone.

Flush, round-trip time, keep-alive and the barrier that confirms publishes share one queue: PONGs answer PINGs in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import TypeAlias

from twisted.internet.defer import Deferred

from ..errors import NatsError

Waiter: TypeAlias = Callable[[NatsError | None], None]
"""Called once: with None when the PONG came, with the reason when it never will."""
MOST_WAITERS = 65_536
"""How many may wait for one thing."""


def awaited(forget: Callable[[Waiter], None]) -> tuple[Deferred[None], Waiter]:
    """A Deferred of a PONG and the waiter that fires it.

    Args:
        forget: Told of the waiter when the Deferred is cancelled.
    """
    done: Deferred[None] = Deferred(lambda _: forget(told))

    def told(error: NatsError | None) -> None:
        if done.called:
            return
        if error is None:
            done.callback(None)
        else:
            done.errback(error)

    return done, told


class Pings:
    """PINGs in flight on one connection, oldest first."""

    __slots__ = ("_of", "_position", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, dict[Waiter, None]]] = deque()
        # By waiter, the PING that it waits for.
        self._of: dict[Waiter, dict[Waiter, None]] = {}
        self._position = -1

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def most(self) -> int:
        """PINGs in flight or those who wait for them, whichever are more: a PING stays when its waiter goes."""
        return max(len(self._waiting), len(self._of))

    def sent(self, mark: int, position: int, waiter: Waiter | None = None) -> None:
        """A PING is queued behind ``mark`` publishes; ``position`` counts everything queued, the PING included."""
        self._waiting.append((mark, {}))
        self._position = position
        if waiter is not None:
            self._add(waiter)

    def join(self, position: int, waiter: Waiter) -> bool:
        """Share the youngest PING when nothing was queued behind it; False when one has to be sent."""
        if not self._waiting or self._position != position:
            return False
        self._add(waiter)
        return True

    def pong(self) -> tuple[int, list[Waiter]] | None:
        """What the PONG that came stands for, or None when nobody asked for one."""
        if not self._waiting:
            return None
        mark, waiters = self._waiting.popleft()
        for waiter in waiters:
            self._of.pop(waiter, None)
        return mark, list(waiters)

    def forget(self, waiter: Waiter) -> None:
        """Somebody waits no longer; the PING stays under way."""
        waiters = self._of.pop(waiter, None)
        if waiters is not None:
            del waiters[waiter]

    def lost(self) -> list[Waiter]:
        """Everybody who will get no answer any more."""
        waiters = [waiter for _, each in self._waiting for waiter in each]
        self._waiting.clear()
        self._of.clear()
        return waiters

    def _add(self, waiter: Waiter) -> None:
        waiters = self._waiting[-1][1]
        waiters[waiter] = None
        self._of[waiter] = waiters


class Verdict(Enum):
    """What silence means at the moment."""

    ALIVE = auto()
    ASK = auto()
    STALE = auto()


class Liveness:
    """Counts the PINGs in a row that nothing came after.

    Args:
        max_outstanding: How many are asked before the connection counts as stale.
    """

    __slots__ = ("_asked", "_max_outstanding")

    def __init__(self, max_outstanding: int) -> None:
        self._max_outstanding = max_outstanding
        self._asked = 0

    def judge(self, *, heard: bool, silent: bool) -> Verdict:
        """To be called once an interval.

        Args:
            heard: Whether any byte came since the last call.
            silent: Whether the last byte came an interval ago or longer.
        """
        if heard:
            self._asked = 0
        if not silent:
            return Verdict.ALIVE
        if self._asked >= self._max_outstanding:
            return Verdict.STALE
        self._asked += 1
        return Verdict.ASK
