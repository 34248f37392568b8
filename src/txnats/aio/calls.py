"""The facade, and what its iterators and context managers can do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from types import TracebackType
from typing import Any, Self

from twisted.internet.defer import Deferred

from ..errors import EndOfStream
from ..facade.facade import Facade
from ..facade.proxy import Home, Spec

_ENTER = Spec(name="entering", waits=True)
_LEAVE = Spec(name="leaving", waits=True)
_NEXT = Spec(name="the next item of an iterator", waits=True)


class Enterable:
    """Dunder methods of what ``async with`` can take."""

    __slots__ = ()
    _home: Home
    _inner: Any

    async def __aenter__(self) -> Self:
        await self._home.call(_ENTER, lambda: Deferred.fromCoroutine(self._inner.__aenter__()), (), {})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        def leave() -> Deferred[Any]:
            return Deferred.fromCoroutine(self._inner.__aexit__(kind, error, traceback))

        await self._home.call(_LEAVE, leave, (), {})


class Iterable:
    """Dunder methods of what ``async for`` can take."""

    __slots__ = ()
    _home: Home
    _inner: Any

    def __aiter__(self) -> AsyncIterator[Any]:
        return _Loop(self._home, self._inner)


class _Loop(AsyncIterator[Any]):
    """One ``async for``. It lives as long as the loop does and closes its iterator when it goes."""

    __slots__ = ("_home", "_inner")

    def __init__(self, home: Home, inner: Any) -> None:
        self._home = home
        self._inner = inner

    def __anext__(self) -> Awaitable[Any]:
        return self._next()

    async def _next(self) -> Any:
        try:
            return await self._home.call(_NEXT, self._inner.next, (), {})
        except EndOfStream:
            raise StopAsyncIteration from None

    def __del__(self) -> None:
        self._home.send(self._inner.close)


AIO = Facade("txnats.aio", iterable=Iterable, enterable=Enterable, can_await=True)
ROOT = AIO.module("")
