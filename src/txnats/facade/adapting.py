"""Values on their way in and out: of the same kind, but for the other side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Any

from twisted.internet.defer import Deferred

from ..errors import InvalidArgument
from .errors import of_another
from .facade import Facade
from .proxy import Proxy, Spec
from .table import HANDLERS, INLINE, PIECES, WORK


class Handed:
    """A function of the user's as the original API is given it.

    Attributes:
        function: What the user gave.
    """

    __slots__ = ("_call", "function")

    def __init__(self, function: Callable[..., Any], call: Callable[..., Any]) -> None:
        self.function = function
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(self.function, *arguments)

    def __repr__(self) -> str:
        return repr(self.function)


class Adapting:
    """What both kinds of home do with values. A subclass says what becomes of Deferreds and of handlers."""

    def __init__(self, facade: Facade) -> None:
        self.facade = facade

    # For subclasses

    def call(
        self, spec: Spec, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Any:
        """As of every Home."""
        raise NotImplementedError

    def read(self, inner: object, name: str) -> Any:
        """As of every Home."""
        raise NotImplementedError

    def send(self, function: Callable[[], object]) -> None:
        """As of every Home."""
        raise NotImplementedError

    def waited(self, deferred: Deferred[Any]) -> Any:
        """What a user gets for a Deferred."""
        raise NotImplementedError

    def handle(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a handler of the user's; a Deferred of its result, or the result."""
        raise NotImplementedError

    def pieces(self, source: Any) -> Any:
        """Where bytes come from, bit by bit, so that the original can read it without blocking anything."""
        raise NotImplementedError

    def work(self, awaitable: Any) -> Any:
        """Something of the user's to be awaited."""
        return awaitable

    def check_handler(self, name: str, function: Callable[..., Any]) -> None:
        """Raise if it is no handler here."""

    # Out

    def outward(self, value: Any) -> Any:
        """What a user gets for a value."""
        kind = type(value)
        if kind is list:
            return [self.outward(each) for each in value]
        if kind is tuple:
            return tuple(self.outward(each) for each in value)
        if kind is dict:
            return {key: self.outward(each) for key, each in value.items()}
        if isinstance(value, Deferred):
            return self.waited(value)
        if kind is Handed:
            return value.function
        if kind is FunctionType:
            # A decorator: what it is given goes in, and what it gives comes out.
            return lambda *given: self.outward(value(*(self.argument("handler", each) for each in given)))
        return self.facade.wrapped(self, value)

    # In

    def inward(self, value: Any) -> Any:
        """What the original is given for a value of the user's."""
        if not isinstance(value, Proxy):
            return value
        if value._home is not self:
            raise of_another(value)
        return value._inner

    def argument(self, name: str, value: Any) -> Any:
        """What the original is given for an argument."""
        if isinstance(value, Proxy) or value is None:
            return self.inward(value)
        if name in PIECES:
            return self.pieces(value)
        if name in WORK:
            return self.work(value)
        if name in HANDLERS and callable(value):
            self.check_handler(name, value)
            return Handed(value, self.handle)
        if name in INLINE and callable(value):
            if iscoroutinefunction(value):
                raise InvalidArgument(f"{name} is a coroutine function", why="nobody waits for what it returns")
            return Handed(value, self._inline)
        return value

    def arguments(
        self, spec: Spec, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """All of a call's arguments."""
        names = spec.parameters
        given = [self.argument(names[i] if i < len(names) else "", each) for i, each in enumerate(arguments)]
        return given, {name: self.argument(name, each) for name, each in keywords.items()}

    def _inline(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self.inward(function(*(self.outward(each) for each in arguments)))
