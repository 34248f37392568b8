"""A client on a line without a socket: what it costs to publish and to receive, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IPushProducer, IStreamClientEndpoint, ITransport
from twisted.internet.task import Clock
from zope.interface import implementer

import txnats

PEER = IPv4Address("TCP", "127.0.0.1", 4222)
INFO = b'INFO {"server_id":"LINE","version":"2.15.1","headers":true,"max_payload":67108864,"jetstream":true}\r\n'
PING = b"PING\r\n"


@implementer(ITransport)
class Line:
    """The client's transport, and the server's end of it: it answers PINGs and keeps what it is told to keep.

    Attributes:
        written: Bytes of the client so far.
        kept: What the client wrote, while ``keeps``.
    """

    disconnecting = False

    def __init__(self) -> None:
        self.written = 0
        self.keeps = False
        self.kept: list[bytes] = []
        self._pings = 0
        self._protocol: IProtocol

    def join(self, protocol: IProtocol) -> None:
        """This is the client's end."""
        self._protocol = protocol
        protocol.makeConnection(self)
        self.send(INFO)

    def send(self, data: bytes) -> None:
        """The server says this."""
        self._protocol.dataReceived(data)

    def answer_pings(self) -> None:
        """With a PONG each."""
        while self._pings:
            pings, self._pings = self._pings, 0
            self.send(b"PONG\r\n" * pings)

    # ITransport

    def write(self, data: bytes) -> None:
        self.written += len(data)
        if data[-6:] == PING:
            self._pings += 1
        if self.keeps:
            self.kept.append(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        for piece in data:
            self.write(piece)

    def loseConnection(self) -> None:
        """Nothing ends here."""

    def abortConnection(self) -> None:
        """Nothing ends here."""

    def getPeer(self) -> IPv4Address:
        return PEER

    def getHost(self) -> IPv4Address:
        return PEER

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """It is never paused."""

    def unregisterProducer(self) -> None:
        """It is never paused."""

    def pauseProducing(self) -> None:
        """All that comes is read."""

    def resumeProducing(self) -> None:
        """All that comes is read."""


@implementer(IStreamClientEndpoint)
class LineEndpoint:
    """The way to a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        protocol = factory.buildProtocol(PEER)
        assert protocol is not None
        self._line.join(protocol)
        return succeed(protocol)


class World:
    """A connected client, its line and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.line = Line()
        clients: list[txnats.Client] = []
        txnats.connect(self.clock, LineEndpoint(self.line)).addCallback(clients.append)
        self.line.answer_pings()
        (self.client,) = clients

    def turn(self) -> None:
        """One turn of the reactor."""
        self.clock.advance(0)
        self.line.answer_pings()
