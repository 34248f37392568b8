"""One facade: its classes, made when they are first needed, and its modules."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from .proxy import Home, Proxy, make_class, wrap
from .table import HOMES, LIVE, ONLY_TWISTED, ROWS, Row, path_of, row_of


class Facade:
    """A facade.

    Args:
        package: What it is called.
        iterable: What its iterators have besides the names of the original: a class of dunder methods.
        enterable: The same, of what can be entered.
        can_await: Whether something can be awaited in it.
    """

    def __init__(self, package: str, *, iterable: type, enterable: type, can_await: bool) -> None:
        self.package = package
        self.iterable = iterable
        self.enterable = enterable
        self._can_await = can_await
        self._made: dict[str, type[Proxy]] = {}
        # By the class of a value. Only classes of ours are looked up, so that it has an end.
        self._known: dict[type, type[Proxy] | None] = {}

    def leaves_out(self, row: Row, name: str) -> bool:
        """Whether a name of a live class is not offered here."""
        return row.leaves_out(name) or (name in row.not_blocking and not self._can_await)

    def class_of(self, row: Row) -> type[Proxy]:
        """The class here for an original."""
        made = self._made.get(row.path)
        if made is None:
            # Of two threads that make it, one wins.
            made = self._made.setdefault(row.path, make_class(self, row))
        return made

    def class_called(self, name: str) -> type[Proxy]:
        """The class of a name: for a module's ``__getattr__``.

        Raises:
            AttributeError: There is none.
        """
        for row in ROWS:
            if row.name == name:
                return self.class_of(row)
        raise AttributeError(f"module '{self.package}.classes' has no attribute {name!r}")

    def wrapped(self, home: Home, value: Any) -> Any:
        """A value as users here see it."""
        kind = type(value)
        try:
            proxy = self._known[kind]
        except KeyError:
            if not kind.__module__.startswith("txnats."):
                return value
            row = row_of(kind)
            proxy = self._known[kind] = None if row is None else self.class_of(row)
        return value if proxy is None else proxy._of(home, value)

    def module(self, name: str) -> Mirror:
        """A module here, of the same names as the original."""
        return Mirror(self, name)


class Mirror:
    """A module of a facade: the public names of the original, each adapted if it has to be.

    Args:
        facade: Whose module it is.
        name: As in ``MODULES``; empty for ``txnats`` itself.
    """

    def __init__(self, facade: Facade, name: str) -> None:
        self._facade = facade
        self._original = ".".join(filter(None, ("txnats", name)))
        self._name = ".".join(filter(None, (facade.package, name)))
        self._found: dict[str, Any] = {}

    def names(self) -> list[str]:
        """The public names."""
        original: list[str] = import_module(self._original).__all__
        return [name for name in original if name not in ONLY_TWISTED]

    def look_up(self, name: str) -> Any:
        """What stands here for a name: for a module's ``__getattr__``.

        Raises:
            AttributeError: There is none.
        """
        if name in self._found:
            return self._found[name]
        if name not in self.names():
            why = f"it needs Twisted: {self._original}.{name}" if name in ONLY_TWISTED else ""
            raise AttributeError(f"module {self._name!r} has no attribute {name!r}" + (why and f"; {why}"))
        value = getattr(import_module(self._original), name)
        return self._found.setdefault(name, self._adapted(name, value))

    def _adapted(self, name: str, value: Any) -> Any:
        if inspect.isclass(value):
            row = LIVE.get(path_of(value))
            return value if row is None else self._facade.class_of(row)
        return wrap(self._facade, name, value) if needs_home(value) else value


def needs_home(value: object) -> bool:
    """Whether something is a function that is given a client, or what stands on one."""
    return inspect.isfunction(value) and next(iter(inspect.signature(value).parameters), "") in HOMES
