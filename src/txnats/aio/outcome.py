"""Deferreds as asyncio's futures, and the other way round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class Outcome(asyncio.Future[T]):
    """What comes of a call that has begun: an asyncio future. Cancelling it cancels the call.

    ``async with`` waits for what can be entered and enters it: ``async with txnats.aio.connect(...) as client``.
    """

    def __init__(self, deferred: Deferred[Any], turn: Callable[[Any], T], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._entered: Any = None
        self._turn = turn
        self._deferred = deferred
        deferred.addCallbacks(self._given, self._failed)

    def _given(self, result: Any) -> None:
        if self.done():
            return
        try:
            self.set_result(self._turn(result))
        except Exception as error:  # noqa: BLE001  # whoever waits hears of it
            self.set_exception(error)

    def _failed(self, failure: Failure) -> None:
        if not self.done():
            self.set_exception(failure.value or RuntimeError("a failure without an exception"))

    def cancel(self, msg: Any | None = None) -> bool:
        """Want it no more: the call is cancelled, now."""
        if not super().cancel(msg):
            return False
        # Not in a callback, which comes a turn later: what arrives before would be lost.
        self._deferred.cancel()
        return True

    async def __aenter__(self) -> T:
        self._entered = await self
        entered: T = await self._entered.__aenter__()
        return entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._entered.__aexit__(kind, error, traceback)


def deferred_of(awaitable: Awaitable[Any], loop: asyncio.AbstractEventLoop) -> Deferred[Any]:
    """Of what asyncio can await; it begins at once. Cancelling it cancels the task."""
    return Deferred.fromFuture(asyncio.ensure_future(awaitable, loop=loop))


class Pieces(AsyncIterator[bytes]):
    """What an async iterator of asyncio gives, for code that awaits Deferreds."""

    def __init__(self, pieces: AsyncIterable[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._pieces = aiter(pieces)
        self._loop = loop

    def __anext__(self) -> Deferred[bytes]:
        return deferred_of(anext(self._pieces), self._loop)

    def aclose(self) -> Deferred[None]:
        """The reader wants nothing more."""
        return deferred_of(self._close(), self._loop)

    async def _close(self) -> None:
        close = getattr(self._pieces, "aclose", None)
        if close is not None:
            await close()
