"""The orderly end of a client: take nothing new, finish what is here, send what was published, close."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from .subscription import Drained, Subscription


class DrainReport(msgspec.Struct, frozen=True):
    """What became of everything when a client was drained.

    Attributes:
        subscriptions: ``(subject, what became of its messages)``, in the order of subscribing.
        unsent: Publishes that were accepted and never written.
    """

    subscriptions: tuple[tuple[str, Drained], ...]
    unsent: int

    @property
    def handled(self) -> int:
        """Messages that all of them handled in their lives."""
        return sum(drained.handled for _, drained in self.subscriptions)

    @property
    def abandoned(self) -> int:
        """Messages that were neither handled nor given out."""
        return sum(drained.abandoned for _, drained in self.subscriptions)


async def drain(
    clock: IReactorTime,
    subscriptions: Sequence[Subscription],
    *,
    flush: Callable[[float], Deferred[None]],
    close: Callable[[], Deferred[None]],
    unsent: Callable[[], int],
    timeout: float,
) -> DrainReport:
    """Drain the subscriptions together, flush what their handlers published, then close; all within the timeout."""
    deadline = clock.seconds() + timeout
    # All at once: each begins before any is waited for.
    draining = [(each.subject, each.drain(timeout)) for each in subscriptions]
    drained = [(subject, await waiting) for subject, waiting in draining]
    left = deadline - clock.seconds()
    if left > 0:
        await flush(left).addErrback(lambda failure: failure.trap(Exception) and None)
    await close()
    return DrainReport(tuple(drained), unsent())
