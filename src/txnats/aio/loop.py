"""A reactor on the running event loop, and the calls that are made there.

Twisted's asyncio reactor is put on the loop that runs, and it is not installed: a loop that comes later, as in a second
``asyncio.run``, gets a reactor of its own, and whatever reactor is installed goes on as it did.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Mapping
from inspect import isawaitable
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.posixbase import PosixReactorBase
from twisted.python.failure import Failure

from .. import client as core
from .. import connecting
from ..errors import InvalidOption
from ..facade.adapting import Adapting
from ..facade.errors import WrongLoop
from ..facade.proxy import Spec, like
from .calls import AIO
from .outcome import Outcome, Pieces, deferred_of

CONNECT = Spec(name="connect", waits=True)


class LoopReactor(AsyncioSelectorReactor):
    """Twisted's reactor on a loop that others run, and that goes on when this one ends."""

    waker: Any

    def begin(self) -> None:
        """Start, on a loop that runs already."""
        self._registerAsIOThread = False
        self.startRunning(installSignalHandlers=False)

    def crash(self) -> None:
        PosixReactorBase.crash(self)

    def end(self) -> None:
        """Leave the loop, and hold nothing open."""
        self.fireSystemEvent("shutdown")
        self.removeReader(self.waker)
        self.forget()

    def forget(self) -> None:
        """The loop is closed, and tells nobody anything more: close the sockets that were left open on it."""
        for each in self.getReaders():
            if each is not self.waker:
                each.socket.close()
        self.waker.connectionLost(Failure(ConnectionDone()))


class LoopHome(Adapting):
    """A running event loop. Its reactor is there while a client is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(AIO)
        self.loop = loop
        self.clients = 0
        try:
            self.reactor = LoopReactor(loop)
        except (NotImplementedError, TypeError):
            # asyncio's usual loop on Windows cannot wait for sockets.
            raise _no_loop(loop) from None
        self.reactor.begin()

    def connect(self, *arguments: Any, **options: Any) -> Deferred[core.Client]:
        """As ``txnats.connect``."""
        self.clients += 1
        connected = connecting.connect(self.reactor, *arguments, **options)
        return connected.addCallbacks(self._connected, self._not_connected)

    def _connected(self, client: core.Client) -> core.Client:
        client.when_closed().addBoth(self._client_gone)
        return client

    def _not_connected(self, failure: Failure) -> Failure:
        self._client_gone(None)
        return failure

    def _client_gone(self, _: object) -> None:
        self.clients -= 1
        # Whoever waits for the end hears of it first.
        self.loop.call_soon(self._end_if_unused)

    def _end_if_unused(self) -> None:
        if not self.clients and _homes.get(self.loop) is self:
            del _homes[self.loop]
            self.reactor.end()

    # Calls

    def call(
        self, spec: Spec, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Any:
        if asyncio._get_running_loop() is not self.loop:  # as get_running_loop, without raising
            raise WrongLoop(spec.name)
        given, named = self.arguments(spec, arguments, keywords)
        return self.outward(function(*given, **named))

    def read(self, inner: object, name: str) -> Any:
        return self.outward(getattr(inner, name))

    def send(self, function: Callable[[], object]) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(function)

    # Values

    def waited(self, deferred: Deferred[Any]) -> Outcome[Any]:
        return Outcome(deferred, self.outward, self.loop)

    def handle(self, function: Callable[..., Any], *arguments: Any) -> Any:
        result = self._inline(function, *arguments)
        return deferred_of(result, self.loop) if isawaitable(result) else result

    def pieces(self, source: Any) -> Any:
        return Pieces(source, self.loop) if isinstance(source, AsyncIterable) else source

    def work(self, awaitable: Any) -> Any:
        return deferred_of(awaitable, self.loop)


_homes: dict[asyncio.AbstractEventLoop, LoopHome] = {}


def loop_home() -> LoopHome:
    """The home on the running loop.

    Raises:
        RuntimeError: No loop runs.
        InvalidOption: It is of a kind that Twisted cannot use.
    """
    loop = asyncio.get_running_loop()
    for each in [each for each in _homes if each.is_closed()]:
        # Its clients were not closed: there is no loop any more that could do that.
        _homes.pop(each).reactor.forget()
    home = _homes.get(loop)
    if home is None:
        home = _homes[loop] = LoopHome(loop)
    return home


def _no_loop(loop: asyncio.AbstractEventLoop) -> InvalidOption:
    return InvalidOption(
        f"txnats cannot use a {type(loop).__name__}",
        why="it cannot wait for sockets",
        hint="asyncio.run(main(), loop_factory=asyncio.SelectorEventLoop)",
    )


def connect(*arguments: Any, **options: Any) -> Outcome[Any]:
    """Connect to NATS. As ``txnats.connect``, without the reactor; it gives a future of the client.

    ``async with`` waits for it, and drains the client at the end. The client belongs to the loop that runs now.
    """
    home = loop_home()
    connected: Outcome[Any] = home.call(CONNECT, home.connect, arguments, options)
    return connected


like(connect, connecting.connect, skip=1)
