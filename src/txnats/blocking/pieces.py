"""Iterators of bytes that may block: each step in a thread."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool


def must_wait(source: Any) -> bool:
    """Whether something gives its pieces one by one, and may take its time."""
    return isinstance(source, Iterator) and not hasattr(source, "read") and not isinstance(source, os.PathLike)


class Pieces(AsyncIterator[bytes]):
    """What an iterator gives, without blocking the reactor."""

    def __init__(self, pieces: Iterator[bytes], reactor: Any, pool: ThreadPool) -> None:
        self._pieces = pieces
        self._reactor = reactor
        self._pool = pool

    def __anext__(self) -> Deferred[bytes]:
        return deferToThreadPool(self._reactor, self._pool, self._next)

    def _next(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            raise StopAsyncIteration from None

    def aclose(self) -> Deferred[None]:
        """The reader wants nothing more."""
        return deferToThreadPool(self._reactor, self._pool, self._close).addErrback(_told_nobody)

    def _close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()


def _told_nobody(_: Failure) -> None:
    return None
