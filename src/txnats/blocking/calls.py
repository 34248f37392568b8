"""The facade, and what its iterators and context managers can do."""

from __future__ import annotations

from collections.abc import Iterator
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
    """Dunder methods of what ``with`` can take."""

    __slots__ = ()
    _home: Home
    _inner: Any

    def __enter__(self) -> Self:
        self._home.call(_ENTER, lambda: Deferred.fromCoroutine(self._inner.__aenter__()), (), {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        def leave() -> Deferred[Any]:
            return Deferred.fromCoroutine(self._inner.__aexit__(kind, error, traceback))

        self._home.call(_LEAVE, leave, (), {})


class Iterable:
    """Dunder methods of what ``for`` can take."""

    __slots__ = ()
    _home: Home
    _inner: Any

    def __iter__(self) -> Iterator[Any]:
        return _Loop(self._home, self._inner)


class _Loop(Iterator[Any]):
    """One ``for``. It lives as long as the loop does and closes its iterator when it goes."""

    __slots__ = ("_home", "_inner")

    def __init__(self, home: Home, inner: Any) -> None:
        self._home = home
        self._inner = inner

    def __next__(self) -> Any:
        try:
            return self._home.call(_NEXT, self._inner.next, (), {})
        except EndOfStream:
            raise StopIteration from None

    def __del__(self) -> None:
        self._home.send(self._inner.close)


BLOCKING = Facade("txnats.blocking", iterable=Iterable, enterable=Enterable, can_await=False)
ROOT = BLOCKING.module("")
