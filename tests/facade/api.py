"""The one API, walked: what each public function, class and method says of its types."""

from __future__ import annotations

import inspect
import runpy
import types
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from txnats.facade.proxy import members
from txnats.facade.table import LIVE, MODULES, ONLY_TWISTED, ROWS, Row, path_of

ROOT = Path(__file__).parents[2]
TOOL = runpy.run_path(str(ROOT / "tools" / "facade_stubs.py"), run_name="tool")
hints_of: Callable[[Any], dict[str, Any]] = TOOL["hints_of"]
PUBLIC = ("", *MODULES)


def module(name: str) -> types.ModuleType:
    """A public module of the original."""
    return import_module(".".join(filter(None, ("txnats", name))))


def functions() -> Iterator[tuple[str, Any]]:
    """The public functions, and the methods of the live classes that the facades offer."""
    for home in PUBLIC:
        for name in module(home).__all__:
            value = getattr(module(home), name)
            if inspect.isfunction(value) and name not in ONLY_TWISTED:
                yield f"{home}.{name}", value
    for row in ROWS:
        for name, value in members(row):
            function = unwrapped(value)
            if function is not None:
                yield f"{row.path}.{name}", function


def unwrapped(value: Any) -> Any:
    """The function of a member of a class, if there is one."""
    if isinstance(value, (classmethod, staticmethod)):
        return value.__func__
    if isinstance(value, property):
        return value.fget
    return value if inspect.isfunction(value) else None


def parts(said: Any) -> Iterator[Any]:
    """A type, and the types that it is made of."""
    yield said
    for each in typing.get_args(said):
        for part in each if isinstance(each, list) else [each]:
            yield from parts(part)


def is_live(value: Any) -> bool:
    """Whether something is a class of the table."""
    return inspect.isclass(value) and path_of(value) in LIVE


def gives_deferred(function: Any) -> bool:
    """Whether a function returns a Deferred."""
    return typing.get_origin(hints_of(function).get("return")) is Deferred


def methods(row: Row) -> Iterator[tuple[str, Any]]:
    """The methods of a live class that are called on an object."""
    for name, value in members(row):
        if inspect.isfunction(value):
            yield name, value
