"""Every public class, function and method is in both facades, and none of them lets a Deferred through."""

from __future__ import annotations

import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from unittest.mock import Mock

import pytest
from twisted.internet.defer import Deferred, succeed

from tests.facade import api
from txnats.aio.calls import AIO
from txnats.aio.loop import LoopHome
from txnats.aio.outcome import Outcome
from txnats.blocking.calls import BLOCKING
from txnats.blocking.thread import reactor_thread
from txnats.client import Client
from txnats.facade.facade import Facade, needs_home
from txnats.facade.proxy import Proxy, members
from txnats.facade.table import (
    HANDLERS,
    INLINE,
    LIVE,
    MODULES,
    NOT_CARRIED,
    ONLY_TWISTED,
    ROWS,
    WORK,
    Row,
    path_of,
    row_of,
)
from txnats.message import Message
from txnats.streams import Queue, Stream

LIVE_NAMES = re.compile(rf"\b({'|'.join(['Deferred', *(row.name for row in ROWS)])})\b")
FACADES = {"blocking": BLOCKING, "aio": AIO}
LIVE_ROWS = [pytest.param(row, id=row.name) for row in ROWS]
BASES = {Stream, Queue}


def every_class() -> Iterator[type]:
    """The classes of our own that the API's types name, whatever module they are in, and all public ones."""
    seen: set[type] = set()
    found = [
        value
        for home in api.PUBLIC
        for name in api.module(home).__all__
        if inspect.isclass(value := getattr(api.module(home), name)) and name not in ONLY_TWISTED
    ]
    for _, function in api.functions():
        found += [part for part in api.parts(api.hints_of(function).get("return")) if inspect.isclass(part)]
    for each in found:
        if each not in seen and each.__module__.startswith("txnats."):
            seen.add(each)
            yield each


# ---------------------------------------------------------------------- nothing is missing


@pytest.mark.parametrize("package", FACADES)
@pytest.mark.parametrize("home", api.PUBLIC)
def test_each_public_name_is_there(package: str, home: str) -> None:
    here = import_module(".".join(filter(None, ("txnats", package, home))))
    original = api.module(home)
    assert set(here.__all__) == set(original.__all__) - ONLY_TWISTED
    for name in here.__all__:
        mine, theirs = getattr(here, name), getattr(original, name)
        if api.is_live(theirs):
            assert issubclass(mine, Proxy), name
        elif name == "connect" or needs_home(theirs):
            assert mine is not theirs, name
        else:
            assert mine is theirs, name
    assert dir(here) == sorted(here.__all__)


def test_each_module_is_there() -> None:
    """A new module with live classes has to be listed."""
    homes = {row.path.split(".")[1] for row in ROWS if row.path.count(".") > 2}
    assert homes == set(MODULES)


@pytest.mark.parametrize("facade", FACADES.values(), ids=list(FACADES))
@pytest.mark.parametrize("row", LIVE_ROWS)
def test_each_method_is_there(row: Row, facade: Facade) -> None:
    made = facade.class_of(row)
    assert made.__name__ == row.name
    assert made.__doc__ == row.original().__doc__
    for name, value in members(row):
        if facade.leaves_out(row, name):
            assert not hasattr(made, name)
        elif api.unwrapped(value) or inspect.isdatadescriptor(value):
            assert name in vars(made), name
            assert getattr(made, name).__doc__ == value.__doc__


@pytest.mark.parametrize("row", LIVE_ROWS)
def test_the_table_names_what_exists(row: Row) -> None:
    kind = row.original()
    source = "".join(inspect.getsource(each) for each in kind.__mro__ if each.__module__.startswith("txnats."))
    for name in row.inside | row.only_twisted | row.not_blocking:
        assert hasattr(kind, name) or f"self.{name} = " in source, name
    assert path_of(kind) == row.path


def test_a_name_that_is_left_out_says_so() -> None:
    import txnats.aio
    import txnats.blocking.jetstream

    with pytest.raises(AttributeError, match=r"it needs Twisted: txnats\.NatsService"):
        getattr(txnats.aio, "NatsService")  # noqa: B009
    with pytest.raises(AttributeError, match=r"'txnats\.blocking\.jetstream' has no attribute 'Nothing'"):
        getattr(txnats.blocking.jetstream, "Nothing")  # noqa: B009
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        BLOCKING.class_called("Nothing")


# ---------------------------------------------------------------------- nothing slips through


@pytest.mark.parametrize("kind", [pytest.param(kind, id=path_of(kind)) for kind in every_class()])
def test_what_is_not_wrapped_is_a_plain_value(kind: type) -> None:
    if row_of(kind) is not None or kind in BASES:
        return
    assert not issubclass(kind, Stream)
    for dunder in ("__aenter__", "__aiter__", "__anext__", "__await__"):
        assert not hasattr(kind, dunder)
    for name, field in inspect.get_annotations(kind).items():
        assert name.startswith("_") or not LIVE_NAMES.search(str(field)), name
    for name, value in inspect.getmembers_static(kind):
        function = api.unwrapped(value)
        if function is None or name.startswith("_") or not str(function.__module__).startswith("txnats."):
            continue
        said = [part for part in api.parts(api.hints_of(function).get("return")) if part is not kind]
        assert not any(part is Deferred or api.is_live(part) for part in said), name
        assert not any(getattr(part, "__origin__", None) is Deferred for part in said), name


def test_each_iterator_is_live() -> None:
    def below(kind: Any) -> Iterator[type]:
        for each in type.__subclasses__(kind):
            yield each
            yield from below(each)

    import txnats.monitoring  # whatever other tests have imported

    assert txnats.monitoring.Reports in set(below(Stream))
    ours = {each for each in below(Stream) if each.__module__.startswith("txnats.") and "Items" not in each.__name__}
    carried = {each for each in ours if each.__module__.split(".")[1] not in NOT_CARRIED}
    assert {path_of(each) for each in carried if each not in BASES} <= set(LIVE)


def test_each_function_parameter_is_known_by_name() -> None:
    """What takes a function is a handler, or is called at once: which one is looked up by the parameter's name."""
    known = HANDLERS | INLINE | WORK | {"encode", "decode", "hooks"}
    for where, function in api.functions():
        for name, said in api.hints_of(function).items():
            if name != "return" and any("Callable[" in str(part) or "Awaitable[" in str(part) for part in [said]):
                assert name in known, f"{where}({name})"


def test_each_function_that_waits_is_given_where_to() -> None:
    for where, function in api.functions():
        if where.split(".")[0] in api.PUBLIC and where != ".connect" and api.gives_deferred(function):
            assert needs_home(function), where


class Given:
    """Objects whose every method gives what it is told to give."""

    def __init__(self, row: Row, result: Callable[[], Any]) -> None:
        self.inner = Mock(spec=row.original())
        for name, _ in api.methods(row):
            getattr(self.inner, name).side_effect = lambda *_, **__: result()


def now() -> list[Message]:
    return [Message(b"a", 1, None, b"x")]


def later() -> Deferred[list[Message]]:
    return succeed(now())


@pytest.mark.parametrize("row", LIVE_ROWS)
def test_each_blocking_method_gives_its_result(row: Row) -> None:
    home = reactor_thread()
    made = BLOCKING.class_of(row)
    for waits in (False, True):
        proxy = made._of(home, Given(row, later if waits else now).inner)
        for name, _ in api.methods(row):
            if not BLOCKING.leaves_out(row, name):
                (found,) = getattr(proxy, name)()
                assert type(found) is BLOCKING.class_of(LIVE["txnats.message.Message"]), name


@pytest.mark.parametrize("row", LIVE_ROWS)
def test_each_aio_method_gives_a_future(row: Row) -> None:
    async def main() -> None:
        home = LoopHome(asyncio.get_running_loop())
        try:
            proxy = AIO.class_of(row)._of(home, Given(row, later).inner)
            for name, _ in api.methods(row):
                outcome = getattr(proxy, name)()
                assert type(outcome) is Outcome, name
                (found,) = await outcome
                assert type(found) is AIO.class_of(LIVE["txnats.message.Message"]), name
        finally:
            home.reactor.end()

    asyncio.run(main())


# ---------------------------------------------------------------------- the rest


def test_the_stubs_are_those_of_the_api() -> None:
    tool = [sys.executable, str(api.ROOT / "tools" / "facade_stubs.py"), "--check"]
    ran = subprocess.run(tool, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_class_of_users_own_is_left_alone() -> None:
    class Mine(Client):
        def __init__(self) -> None: ...

    Mine.__module__ = "mine"
    value = Mine.__new__(Mine)
    assert BLOCKING.wrapped(reactor_thread(), value) is value


def test_import_txnats_loads_no_facade() -> None:
    code = (
        "import sys, txnats; print([n for n in sys.modules if n.split('.')[1:2] in (['facade'],['aio'],['blocking'])])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize("package", FACADES)
def test_a_facade_loads_jetstream_when_it_is_used_and_installs_no_reactor(package: str) -> None:
    code = f"""
import sys, txnats.{package}
print([name for name in ('txnats.jetstream', 'twisted.internet.reactor') if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_what_is_made_by_others_is_not_called() -> None:
    import txnats.blocking

    with pytest.raises(TypeError, match="Client is not called"):
        txnats.blocking.Client()
