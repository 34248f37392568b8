"""What really went over a client's sockets: a recorder around its endpoints, and a plain reader of what it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer


class Command(NamedTuple):
    """One command of a client."""

    verb: bytes
    words: list[bytes]
    body: bytes


def commands(data: bytes) -> Iterator[Command]:
    """The whole commands that a client's bytes hold; a half one at the end is left out."""
    at = 0
    while (end := data.find(b"\r\n", at)) >= 0:
        verb, *words = data[at:end].split(b" ")
        at = end + 2
        body = b""
        if verb in (b"PUB", b"HPUB"):
            size = int(words[-1])
            if at + size + 2 > len(data):
                return
            body = data[at : at + size]
            assert data[at + size : at + size + 2] == b"\r\n", data[at - 80 : at + size + 2]
            at += size + 2
        yield Command(verb, words, body)


class Line(ProtocolWrapper):
    """One connection: all that was written to it and read from it."""

    def __init__(self, factory: Any, wrapped: Any) -> None:
        super().__init__(factory, wrapped)
        self.written = bytearray()
        self.read = bytearray()

    def write(self, data: bytes) -> None:
        self.written += data
        super().write(data)  # type: ignore[no-untyped-call]

    def writeSequence(self, data: Any) -> None:
        self.written += b"".join(data)
        super().writeSequence(data)  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:
        self.read += data
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def published_since_the_last_pong(self) -> int:
        """Publishes written behind the PING that the last PONG answered."""
        pongs = sum(line == b"PONG" for line in bytes(self.read).split(b"\r\n"))
        publishes = 0
        at_ping = [0]
        for command in commands(bytes(self.written)):
            if command.verb == b"PING":
                at_ping.append(publishes)
            elif command.verb in (b"PUB", b"HPUB"):
                publishes += 1
        return publishes - at_ping[pongs]


class Lines:
    """All connections of a client to one port. Give its ``endpoint`` as ``endpoint_factory``.

    Attributes:
        all: They, in their order.
    """

    def __init__(self, reactor: Any) -> None:
        self.all: list[Line] = []
        self._reactor = reactor
        self._closed = False
        self._waiting: list[Deferred[None]] = []

    def endpoint(self, host: str, port: int) -> IStreamClientEndpoint:
        """A way there, recorded."""
        return _Recorded(self, TCP4ClientEndpoint(self._reactor, host, port))

    def hold(self) -> None:
        """Let dials wait until ``go_on``."""
        self._closed = True

    def go_on(self) -> None:
        """Dial."""
        self._closed = False
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def may_dial(self) -> Deferred[None]:
        """Fires when it may."""
        if not self._closed:
            return succeed(None)
        waiter: Deferred[None] = Deferred(lambda waiter: self._waiting.remove(waiter))
        self._waiting.append(waiter)
        return waiter


@implementer(IStreamClientEndpoint)
class _Recorded:
    def __init__(self, lines: Lines, endpoint: IStreamClientEndpoint) -> None:
        self._lines = lines
        self._endpoint = endpoint

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        lines = self._lines

        class Wrapping(WrappingFactory):
            noisy = False

            def protocol(self, factory: Any, wrapped: Any) -> Line:
                line = Line(factory, wrapped)
                lines.all.append(line)
                return line

        return lines.may_dial().addCallback(lambda _: self._endpoint.connect(Wrapping(factory)))
