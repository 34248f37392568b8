"""Getting what a caller gave: a value, or a callable that gives it now or later.

An authenticator is written once, as a coroutine. ``at_once`` runs it: what needs no waiting is done when that returns,
and what does wait, say for a key service over the network, goes on wherever it is awaited. So nothing here knows
Twisted: a Deferred is one of many things that can be awaited.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar, cast

Value = TypeVar("Value")
Given: TypeAlias = Value | Awaitable[Value]
Source: TypeAlias = Value | Callable[[], Value | Awaitable[Value]]
"""A value, or a callable that gives one, or that gives something to await: a Deferred, a coroutine."""


async def current(source: Source[Value]) -> Value:
    """What the source says now: a callable is called anew each time."""
    return await given(source()) if callable(source) else source


async def given(value: Given[Value]) -> Value:
    """A value that may have to be awaited."""
    return cast("Value", await value) if isawaitable(value) else value


def at_once(coroutine: Coroutine[Any, Any, Value]) -> Given[Value]:
    """The coroutine's result when it awaits nothing that is yet to come; else the rest of it: await that at once."""
    try:
        waits_for = coroutine.send(None)
    except StopIteration as done:
        return cast("Value", done.value)
    return _Rest(coroutine, waits_for)


class _Rest(Awaitable[Value]):
    """A coroutine that has come to its first wait."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Value], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Value]:
        coroutine, waits_for = self._coroutine, self._waits_for
        try:
            while True:
                try:
                    result = yield waits_for
                except BaseException as error:  # noqa: BLE001  # handed on, whatever it is
                    waits_for = coroutine.throw(error)
                else:
                    waits_for = coroutine.send(result)
        except StopIteration as done:
            return cast("Value", done.value)
        finally:
            coroutine.close()
