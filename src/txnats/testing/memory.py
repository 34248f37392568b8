"""Client and server without sockets, in a time of their own: bytes move, and time passes, when a test says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from itertools import count
from typing import Any, TypeVar

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import NatsError
from .memory_transport import MemoryTransport

Result = TypeVar("Result")

HOST, PORT = "127.0.0.1", 4222


class Stalled(NatsError):
    """What is waited for cannot come, or not within the time that it was given."""


class MemoryNetwork:
    """Listeners, connections between them and their clients, and the clock of all.

    ::

        network = MemoryNetwork()
        server = FakeServer(network.clock)
        client = network.run(txnats.connect(network.clock, network.endpoint(server)))

    Everything happens in the same order every time. Nothing happens by itself: call ``pump``, ``advance`` or ``run``.

    Args:
        clock: For all timers.
        slices: Bytes that are read at once; None for all that are there.
        write_buffer: Bytes that wait to be sent beyond which a producer is told to pause.
        window: Bytes that may wait at an end that does not read.

    Attributes:
        clock: Give it to ``txnats.connect`` as the reactor.
        slices: May be changed.
        frozen: While True no byte moves and no connection is made or ends: the cable is out.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        slices: int | None = None,
        write_buffer: int = 65_536,
        window: int = 65_536,
    ) -> None:
        self.clock = clock or Clock()
        self.slices = slices
        self.frozen = False
        self._write_buffer = write_buffer
        self._window = window
        self._listeners: dict[tuple[str, int], IProtocolFactory] = {}
        self._dials: deque[_Dial] = deque()
        self._transports: list[MemoryTransport] = []
        self._next_port = 50_000

    # Who can be reached

    def listen(self, host: str, port: int, factory: IProtocolFactory) -> None:
        """Let this factory answer there, in place of whoever did."""
        self._listeners[host, port] = factory

    def endpoint(self, factory: IProtocolFactory) -> MemoryEndpoint:
        """A way to this factory. It listens from now on, if it did not."""
        for address, listener in self._listeners.items():
            if listener is factory:
                return self.endpoint_factory(*address)
        port = next(port for port in count(PORT) if (HOST, port) not in self._listeners)
        self.listen(HOST, port, factory)
        return self.endpoint_factory(HOST, port)

    def endpoint_factory(self, host: str, port: int) -> MemoryEndpoint:
        """A way to whoever listens there when it is used: for ``txnats.connect(endpoint_factory=...)``."""
        return MemoryEndpoint(self, host, port)

    # What happens

    def pump(self) -> None:
        """Move bytes and call what is due until nothing is left to do at this moment."""
        while self._move() | self._call_due():
            pass

    def advance(self, seconds: float) -> None:
        """Let time pass, timer by timer, with all that each of them leads to."""
        end = self.clock.seconds() + seconds
        self.pump()
        while (moment := self._next_timer()) is not None and moment <= end:
            self._advance_to(moment)
        self._advance_to(end)

    def run(self, awaitable: Deferred[Result] | Coroutine[Any, Any, Result], *, limit: float = 3600.0) -> Result:
        """Let all happen, and time pass as far as it must, until this has a result.

        Args:
            awaitable: A Deferred or a coroutine.
            limit: Seconds of the clock.

        Returns:
            The result; an error is raised.

        Raises:
            Stalled: There is none within the limit, or nothing is left that could bring one.
        """
        deferred = awaitable if isinstance(awaitable, Deferred) else Deferred.fromCoroutine(awaitable)
        results: list[Result | Failure] = []
        deferred.addBoth(results.append)
        end = self.clock.seconds() + limit
        self.pump()
        while not results:
            moment = self._next_timer()
            if moment is None or moment > end:
                why = "nothing is left to happen" if moment is None else f"{limit:g} s have passed"
                deferred.cancel()
                raise Stalled("there is no result", why=why)
            self._advance_to(moment)
        result = results[0]
        if isinstance(result, Failure):
            result.raiseException()
        return result

    # Inside

    def dial(self, host: str, port: int, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, when the network is pumped."""
        dial = _Dial(host, port, factory)
        dial.done = Deferred(lambda _: self._dials.remove(dial))
        self._dials.append(dial)
        return dial.done

    def _move(self) -> bool:
        if self.frozen:
            return False
        moved = bool(self._dials)
        while self._dials:
            self._connect(self._dials.popleft())
        for transport in list(self._transports):
            moved |= transport.step(self.slices)
        self._transports = [transport for transport in self._transports if not transport.over]
        return moved

    def _connect(self, dial: _Dial) -> None:
        here = IPv4Address("TCP", "127.0.0.1", self._next_port)
        there = IPv4Address("TCP", dial.host, dial.port)
        self._next_port += 1
        listener = self._listeners.get((dial.host, dial.port))
        server = None if listener is None else listener.buildProtocol(here)
        if server is None:
            dial.done.errback(Refused())
            return
        client = dial.factory.buildProtocol(there)
        if client is None:
            dial.done.errback(NoProtocol())
            return
        limits = {"write_buffer": self._write_buffer, "window": self._window}
        ends = MemoryTransport(client, here, there, **limits), MemoryTransport(server, there, here, **limits)
        ends[0].join(ends[1])
        self._transports.extend(ends)
        for end in ends:
            end.protocol.makeConnection(end)
        dial.done.callback(client)

    def _call_due(self) -> bool:
        moment = self._next_timer()
        if moment is None or moment > self.clock.seconds():
            return False
        self.clock.advance(0)
        return True

    def _next_timer(self) -> float | None:
        return min((call.getTime() for call in self.clock.getDelayedCalls()), default=None)

    def _advance_to(self, moment: float) -> None:
        self.clock.advance(max(0.0, moment - self.clock.seconds()))
        self.pump()


class _Dial:
    """A connection that is wanted."""

    def __init__(self, host: str, port: int, factory: IProtocolFactory) -> None:
        self.host = host
        self.port = port
        self.factory = factory
        self.done: Deferred[IProtocol]


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """A way to a listener in memory. Made by ``MemoryNetwork``."""

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self._network = network
        self._host = host
        self._port = port

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        return self._network.dial(self._host, self._port, factory)

    def __repr__(self) -> str:
        return f"<MemoryEndpoint {self._host}:{self._port}>"
