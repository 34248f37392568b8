"""Leases: at most one holder of a key, as long as it can renew it.

A lease is a key with a time to live. It is taken by creating the key, and renewed by writing it again, if it is still
at our revision, with a new time to live. When its holder dies the server removes it.

What it does not guarantee: that a holder that stands still (stopped by the system, a debugger, a long garbage
collection) knows that its time is over before it goes on. Whoever writes to something that must have one writer passes
``token`` along, and the receiver refuses a token that is lower than one it has seen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from ..errors import ClientClosed, InvalidArgument, InvalidOption, NatsError
from ..headers import HeaderSource
from ..jetstream.context import JetStream
from ..jetstream.errors import NotSupported
from ..jetstream.publish.headers import Ttl
from ..jetstream.watching.watcher import Watcher
from ..net.timer import cancel
from ..nuid import next_nuid
from ..options import check_seconds
from ..state.waiters import Waiters
from .coding import Coding
from .entry import Entry, Operation
from .errors import BucketNotFound, KeyExists, KeyNotFound, LeaseHeld, LeaseLost, WrongRevision
from .lease_rules import RETRY_AFTER, LeaseTime
from .reading import Reading
from .writing import Writing

Result = TypeVar("Result")
LEASE_ID = "Txnats-Lease"
"""A header that tells our own writes from those of another with the same name."""
LEAST_TTL = 1.0
LET_GO_TIMEOUT = 2.0
_HOPELESS = (NotSupported, InvalidArgument, ClientClosed, BucketNotFound)


class LeaseHome(Protocol):
    """What a lease needs of its bucket."""

    js: JetStream
    name: str
    coding: Coding
    reading: Reading
    writing: Writing

    def check_ttl(self, key: str) -> Deferred[None]: ...
    def create_with(self, key: str, value: bytes | str, ttl: Ttl, headers: HeaderSource) -> Deferred[int]: ...
    def on_change(self, key: str, told: Callable[[Entry], object]) -> Watcher[Entry]: ...


class Lease:
    """A lease on a key. Made by ``Bucket.lease``; ``async with`` takes it, and lets it go at the end.

    ::

        async with bucket.lease("nightly-report", ttl=10.0) as lease:
            await lease.guard(report())

    When it was lost meanwhile, leaving the block raises LeaseLost, unless another exception leaves it.

    Args:
        bucket: Where the key is; it must allow a time to live for single keys.
        key: The key.
        ttl: Seconds, at least 1, that it outlives its holder.
        holder: The key's value while it is held; a unique name when None.
        timeout: Seconds to wait for it; None without an end, 0 for no waiting.

    Attributes:
        holder: As given, or made.
        token: The revision at which it was taken; a later holder's is higher. 0 before.
        revision: The revision of the last renewal.
    """

    log = Logger()

    def __init__(
        self,
        bucket: LeaseHome,
        key: str,
        ttl: float,
        *,
        holder: bytes | str | None = None,
        timeout: float | None = None,
    ) -> None:
        if check_seconds("ttl", ttl) < LEAST_TTL:
            raise InvalidOption(f"a lease of {ttl!r} s is too short", hint=f"at least {LEAST_TTL:g}")
        if timeout is not None and timeout != 0:
            check_seconds("timeout", timeout)
        self._bucket = bucket
        self._clock = bucket.js.client.clock
        self._key = key
        self._id = next_nuid()
        self._timeout = timeout
        self._time = LeaseTime(ttl)
        self._held = False
        self._over = False
        self._lost: LeaseLost | None = None
        self._when_lost: Waiters[LeaseLost | None] = Waiters()
        self._renewing: Deferred[Any] | None = None
        self._timer: IDelayedCall | None = None
        self._end_timer: IDelayedCall | None = None
        name = self._id if holder is None else holder
        self.holder = name.encode() if isinstance(name, str) else name
        self.token = 0
        self.revision = 0

    @property
    def is_held(self) -> bool:
        """Whether it is ours at this moment."""
        return self._held and self._clock.seconds() < self._time.ends

    @property
    def seconds_left(self) -> float:
        """For how long it is ours if no renewal succeeds any more; 0 when it is not."""
        return self._time.left(self._clock.seconds()) if self._held else 0.0

    # Taking and letting go

    def acquire(self) -> Deferred[Self]:
        """Take it.

        Returns:
            A Deferred that fails with LeaseHeld when another one has it and the time to wait is over, with NotSupported
            when the bucket or the server knows no time to live for single keys.
        """
        if self._held or self._over:
            return fail(InvalidArgument("a lease is taken once", where=self._key, hint="make another one"))
        return Deferred.fromCoroutine(self._acquire())

    def release(self) -> Deferred[None]:
        """Let it go, so that another one can take it at once. It may be called again, and does not fail."""
        return Deferred.fromCoroutine(self._release())

    def abandon(self) -> None:
        """Renew it no more and leave it to expire, as if its holder had died."""
        self._finish()

    def when_lost(self) -> Deferred[LeaseLost | None]:
        """Fires when it is lost, with why; or with None when it was let go."""
        return succeed(self._lost) if self._over else self._when_lost.wait()

    def guard(self, work: Awaitable[Result]) -> Deferred[Result]:
        """Do something as long as it is ours.

        Args:
            work: A coroutine or Deferred; it is cancelled when the lease is lost.

        Returns:
            A Deferred of its result, which fails with LeaseLost when the lease is lost before.
        """
        running = work if isinstance(work, Deferred) else Deferred.fromCoroutine(_awaited(work))
        if not self._held:
            running.cancel()
        lost = self.when_lost().addCallback(lambda _: running.cancel())

        def ended(result: Result | Failure) -> Result | Failure:
            lost.addErrback(lambda failure: failure.trap(CancelledError))
            lost.cancel()
            if isinstance(result, Failure) and result.check(CancelledError) and not self._held:
                raise self._lost or LeaseLost(self._bucket.name, self._key, "it is not held")
            return result

        return running.addBoth(ended)

    async def __aenter__(self) -> Self:
        return await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        lost = self._lost
        await self.release()
        if lost is not None and error is None:
            raise lost

    # Taking

    async def _acquire(self) -> Self:
        self._bucket.coding.key(self._key)  # before anything is asked
        await self._bucket.check_ttl(self._key)
        begun = self._clock.seconds()
        revision = 0
        waiting = _Free(self._bucket, self._key)
        tried_since = begun
        try:
            while not revision:
                try:
                    revision = await self._create()
                except KeyExists:
                    own = await self._own_revision()
                    if own is not None:
                        # The answer to an earlier try was lost: its time counts from that one.
                        revision = own
                        continue
                    await self._wait(waiting, begun)
                    tried_since = self._clock.seconds()
                except (KeyNotFound, WrongRevision):
                    tried_since = self._clock.seconds()
                except _HOPELESS:
                    raise
                except NatsError as error:
                    self._give_up_after(begun, error)
                    await deferLater(self._clock, RETRY_AFTER)
        finally:
            waiting.stop()
        self._taken(revision, tried_since)
        return self

    async def _create(self) -> int:
        return await self._bucket.create_with(self._key, self.holder, self._time.ttl, {LEASE_ID: self._id})

    async def _own_revision(self) -> int | None:
        """The revision of the key, if it is we who wrote it."""
        try:
            message = await self._bucket.reading.stored(self._key)
        except KeyNotFound:
            return None
        return message.sequence if message.headers.get(LEASE_ID) == self._id else None

    async def _wait(self, waiting: _Free, begun: float) -> None:
        """Wait until it may be free."""
        seconds = self._time.ttl / 2
        if self._timeout is not None:
            left = begun + self._timeout - self._clock.seconds()
            if left <= 0:
                await self._say_who_holds_it()
                return
            seconds = min(seconds, left)
        await waiting.wait(seconds)

    async def _say_who_holds_it(self) -> None:
        try:
            entry = await self._bucket.reading.last(self._key)
        except KeyNotFound:
            return
        if not entry.is_deleted:
            raise LeaseHeld(self._bucket.name, self._key, holder=entry.value, revision=entry.revision)

    def _give_up_after(self, begun: float, error: NatsError) -> None:
        limit = self._bucket.js.api.timeout if self._timeout is None else self._timeout
        if self._clock.seconds() - begun >= limit:
            raise error

    def _taken(self, revision: int, sent: float) -> None:
        self.token = self.revision = revision
        self._held = True
        self._time.written(sent)
        self._schedule()

    # Renewing

    def _schedule(self) -> None:
        now = self._clock.seconds()
        cancel(self._timer, self._end_timer)
        self._timer = self._clock.callLater(max(0.0, self._time.renewal - now), self._renew)
        self._end_timer = self._clock.callLater(self._time.left(now), self._too_late)

    def _renew(self) -> None:
        self._renewing = Deferred.fromCoroutine(self._renewed())
        self._renewing.addErrback(lambda failure: failure.trap(CancelledError))

    async def _renewed(self) -> None:
        """Write it anew, and again until that is done, or it is not ours any more, or its time is over."""
        sent = self._clock.seconds()
        while self._held:
            try:
                self.revision = await self._bucket.writing.put_if(
                    self._bucket.coding.key(self._key),
                    self.holder,
                    self.revision,
                    ttl=self._time.ttl,
                    headers={LEASE_ID: self._id},
                    timeout=max(RETRY_AFTER, self._time.left(self._clock.seconds())),
                )
                break
            except WrongRevision:
                if not await self._is_still_ours():
                    return
            except _HOPELESS as error:
                self._lose(str(error))
                return
            except NatsError as error:
                self.log.emit(LogLevel.warn, "{lease!r} is not renewed yet: {error}", lease=self, error=error)
                await deferLater(self._clock, RETRY_AFTER)
                if not await self._is_still_ours():
                    return
                sent = self._clock.seconds()
        if self._held:
            self._time.written(sent)
            self._schedule()

    async def _is_still_ours(self) -> bool:
        """Perhaps it is our own write whose answer was lost that has changed the revision."""
        if not self._held:
            return False
        try:
            own = await self._own_revision()
        except NatsError:
            return self._held  # nobody can tell: the end of its time will
        if own is None:
            self._lose("another one has written the key, or it has expired")
            return False
        self.revision = own
        return True

    def _too_late(self) -> None:
        self._lose("it could not be renewed in time")

    def _lose(self, why: str) -> None:
        if self._held:
            self._lost = LeaseLost(self._bucket.name, self._key, why)
            self._finish()

    # The end

    async def _release(self) -> None:
        held = self.is_held
        self._finish()
        if not held:
            return
        try:
            await self._bucket.writing.end(
                self._bucket.coding.key(self._key),
                Operation.PURGE,
                revision=self.revision,
                ttl=max(LEAST_TTL, self._time.ttl),
                timeout=LET_GO_TIMEOUT,
            )
        except NatsError as error:
            self.log.info("{lease!r} is left to expire: {error}", lease=self, error=error)

    def _finish(self) -> None:
        self._held = False
        if self._over:
            return
        self._over = True
        cancel(self._timer, self._end_timer)
        self._timer = self._end_timer = None
        renewing, self._renewing = self._renewing, None
        if renewing is not None and not renewing.called:
            renewing.cancel()
        self._when_lost.tell(self._lost)

    def __repr__(self) -> str:
        state = f"held since {self.token}" if self._held else "lost" if self._lost else "not held"
        return f"<Lease of {self._key!r} in {self._bucket.name!r}, {state}>"


class _Free:
    """Waits until a key may be free: it was ended, or some time has passed."""

    def __init__(self, bucket: LeaseHome, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self._watcher: Watcher[Entry] | None = None
        self._is_free: Deferred[None] | None = None

    async def wait(self, seconds: float) -> None:
        """Wait for it, and no longer than so many seconds."""
        if self._watcher is None:
            self._watcher = self._bucket.on_change(self._key, self._told)
            self._watcher.when_done().addErrback(lambda _: None)
        clock = self._bucket.js.client.clock
        free: Deferred[None] = Deferred()
        self._is_free = free
        timer = clock.callLater(seconds, self._wake)
        try:
            await free
        finally:
            cancel(timer)
            self._is_free = None

    def stop(self) -> None:
        """Wait no more."""
        if self._watcher is not None:
            self._watcher.stop()

    def _told(self, entry: Entry) -> None:
        if entry.is_deleted:
            self._wake()

    def _wake(self) -> None:
        free, self._is_free = self._is_free, None
        if free is not None and not free.called:
            free.callback(None)


async def _awaited(work: Awaitable[Result]) -> Result:
    return await work
