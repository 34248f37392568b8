"""Leader election: a lease that is taken again and again."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import deferLater

from ..errors import InvalidArgument, NatsError
from ..state.waiters import Waiters
from ..streams import Queue
from .errors import LeaseLost
from .lease import Lease, LeaseHome

EVENTS = 1024
PAUSE = 0.5
"""Seconds before running again after a failure."""


class Elected(msgspec.Struct, frozen=True):
    """We lead.

    Attributes:
        token: Higher than that of every leader before: what is led can refuse those of a former leader.
    """

    token: int


class Deposed(msgspec.Struct, frozen=True):
    """We lead no more.

    Attributes:
        error: Why; None when we resigned.
    """

    error: LeaseLost | None


class NotElected(msgspec.Struct, frozen=True):
    """Running failed for now, and is tried again.

    Attributes:
        error: Why.
    """

    error: NatsError


ElectionEvent: TypeAlias = Elected | Deposed | NotElected


class Election(Queue[ElectionEvent]):
    """A candidate that runs for leader until it is closed. Made by ``Bucket.elect``; it starts at once.

    ::

        async with bucket.elect("scheduler", ttl=10.0) as election:
            async for event in election:
                match event:
                    case kv.Elected():
                        work.start()
                    case kv.Deposed():
                        work.stop()

    What a lease does not guarantee, an election does not either.

    Args:
        bucket: Where the key is.
        key: What is led.
        ttl: Seconds after which a leader that is gone is replaced.
        candidate: Our name, as others read it.
    """

    __slots__ = ("_bucket", "_candidate", "_elected", "_key", "_lease", "_running", "_ttl")

    def __init__(self, bucket: LeaseHome, key: str, ttl: float, *, candidate: bytes | str | None = None) -> None:
        super().__init__(bucket.js.client.clock, EVENTS)
        self._bucket = bucket
        self._key = key
        self._ttl = ttl
        self._candidate = candidate
        self._elected: Waiters[int] = Waiters()
        self._lease = self._new_lease()
        self._running: Deferred[Any] = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._stopped)

    @property
    def is_leader(self) -> bool:
        """Whether we lead at this moment."""
        return self._lease.is_held

    @property
    def token(self) -> int:
        """The token of our leadership; 0 when we do not lead."""
        return self._lease.token if self._lease.is_held else 0

    def when_elected(self) -> Deferred[int]:
        """Fires with the token when we lead; at once when we do."""
        return succeed(self.token) if self.is_leader else self._elected.wait()

    def resign(self) -> Deferred[None]:
        """Lead no more, and run again behind the others."""
        return self._lease.release()

    def withdraw(self) -> Deferred[None]:
        """Lead no more and run no more; the key is free at once."""
        self._released()
        self._finish()
        return self._lease.release()

    def _new_lease(self) -> Lease:
        return Lease(self._bucket, self._key, self._ttl, holder=self._candidate)

    async def _run(self) -> None:
        while not self._ended:
            try:
                await self._lease.acquire()
            except InvalidArgument:
                raise
            except NatsError as error:
                self._put(NotElected(error))
            else:
                self._put(Elected(self._lease.token))
                self._elected.tell(self._lease.token)
                self._put(Deposed(await self._lease.when_lost()))
            # Whoever was told just now may have closed it.
            if not self._ended:
                await deferLater(self._clock, PAUSE)
                self._lease = self._new_lease()

    def _released(self) -> None:
        if not self._running.called:
            self._running.cancel()
        self._lease.release()

    def _stopped(self, failure: Any) -> None:
        if failure.check(CancelledError) is None:
            if len(self._elected):
                self._elected.fail(failure.value)
            self._finish(failure.value)

    def __repr__(self) -> str:
        return f"<Election for {self._key!r} in {self._bucket.name!r}, {'leads' if self.is_leader else 'runs'}>"
