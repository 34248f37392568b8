"""The orderly end of a client: take nothing new, finish what is here, send what was published, close."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from .subscription import Drained, Subscription


class DrainReport(msgspec.Struct, frozen=True):
    """What became of everything when a client was drained.

    Attributes:
        subscriptions: ``(subject, what became of its messages)``, in the order of subscribing.
        unsent: Publishes that were accepted and never written.
        unconfirmed: Publishes that were written and of which nobody knows whether the server read them, since the drain
            began: the connection was lost, or the last flush was not answered in time.
    """

    subscriptions: tuple[tuple[str, Drained], ...]
    unsent: int
    unconfirmed: int = 0

    @property
    def handled(self) -> int:
        """Messages that all of them handled in their lives."""
        return sum(drained.handled for _, drained in self.subscriptions)

    @property
    def abandoned(self) -> int:
        """Messages that were neither handled nor given out."""
        return sum(drained.abandoned for _, drained in self.subscriptions)


class Fates(Protocol):
    """What becomes of publishes.

    Attributes:
        unsent: Publishes that were never written, once the client has closed.
        forsaken: Publishes so far that were written and that nobody can vouch for.
    """

    unsent: int

    @property
    def forsaken(self) -> int: ...


async def drain(
    clock: IReactorTime,
    subscriptions: Sequence[Subscription],
    *,
    flush: Callable[[float], Deferred[None]],
    close: Callable[[], Deferred[None]],
    fates: Fates,
    timeout: float,
) -> DrainReport:
    """Drain the subscriptions together, flush what their handlers published, then close; all within the timeout."""
    deadline = clock.seconds() + timeout
    forsaken = fates.forsaken
    # All at once: each begins before any is waited for.
    draining = [(each.subject, each.drain(timeout)) for each in subscriptions]
    drained = [(subject, await waiting) for subject, waiting in draining]
    left = deadline - clock.seconds()
    if left > 0:
        await flush(left).addErrback(lambda failure: failure.trap(Exception) and None)
    await close()
    return DrainReport(tuple(drained), fates.unsent, fates.forsaken - forsaken)
