"""The digest of what is put, worked out beside the sending of it, in one of the reactor's threads.

Hashing a large piece needs no lock of Python's, so that another processor can do it meanwhile. Nothing ever waits for a
thread that has not begun: whoever would wait does the work itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from threading import Lock
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from ..state.waiters import Waiters
from .chunking import digest_text

WORTH_A_THREAD = 512 * 1024
"""Bytes from which on a thread is asked; fewer are done in less time than that takes."""
MOST_WAITING = 4 * 1024 * 1024
"""Bytes that may wait to be hashed."""
Run = Callable[[Callable[[], bool]], "Deferred[bool]"]
"""Does something in a thread; fires when it is done."""


def threads_of(clock: Any) -> Run | None:
    """How to do something in a thread of this reactor; None where it has none."""
    return partial(deferToThreadPool, clock, clock.getThreadPool()) if IReactorThreads.providedBy(clock) else None


class Hashing:
    """The SHA-256 of pieces, in order.

    Args:
        run: Does something in a thread; None to do all at once.
    """

    def __init__(self, run: Run | None) -> None:
        self._run = run
        self._digest = sha256()
        self._waiting: list[bytes] = []
        self._size = 0
        self._job: _Job | None = None
        self._error: BaseException | None = None
        self._done: Waiters[None] = Waiters()

    def add(self, piece: bytes) -> None:
        """One more piece."""
        if self._run is None:
            self._digest.update(piece)
            return
        self._waiting.append(piece)
        self._size += len(piece)
        if self._job is None:
            self._begin()

    @property
    def is_behind(self) -> bool:
        """Whether so much waits that ``catch_up`` is due."""
        return self._size >= MOST_WAITING

    async def catch_up(self) -> None:
        """Wait until a thread is done with what it has begun, or do what none has begun."""
        job = self._job
        if job is not None and job.work():
            self._ended(None, job)
        elif job is not None:
            await self._done.wait()

    async def digest(self) -> str:
        """The digest of all pieces."""
        while self._job is not None:
            await self.catch_up()
        if self._error is not None:
            raise self._error
        for piece in self._waiting:
            self._digest.update(piece)
        self._waiting, self._size = [], 0
        return digest_text(self._digest.digest())

    def _begin(self) -> None:
        if self._run is None or self._size < WORTH_A_THREAD:
            return
        self._job = job = _Job(self._digest, self._waiting)
        self._waiting, self._size = [], 0
        self._run(job.work).addBoth(self._ended, job)

    def _ended(self, result: object, job: _Job) -> None:
        if job is not self._job:
            return  # a thread has come to it when it was done already
        self._job = None
        if isinstance(result, Failure):
            self._error = result.value
        self._begin()
        self._done.tell(None)


class _Job:
    """Some pieces to be hashed, by whoever comes first."""

    def __init__(self, digest: Any, pieces: list[bytes]) -> None:
        self._digest = digest
        self._pieces = pieces
        self._claim = Lock()

    def work(self) -> bool:
        """Do it, unless somebody else does; whether it was done here."""
        if not self._claim.acquire(blocking=False):
            return False
        for piece in self._pieces:
            self._digest.update(piece)
        return True
