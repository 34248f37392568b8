"""Ends of real connections for tests of the proxy."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure


class Peer(Protocol):
    """An end that keeps what it reads and tells when it has enough, or is gone."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.pieces: list[int] = []
        self.reason: BaseException | None = None
        self.paused = False
        self.pauses = 0
        self._lost: list[Deferred[BaseException]] = []
        self._wants: tuple[int, Deferred[bytes]] | None = None

    @property
    def socket(self) -> Connection:
        return cast(Connection, self.transport)

    def write(self, data: bytes) -> None:
        self.socket.write(data)

    def read(self, size: int) -> Deferred[bytes]:
        """The next so many bytes."""
        self._wants = size, Deferred()
        waiter = self._wants[1]
        self._look()
        return waiter

    def lost(self) -> Deferred[BaseException]:
        """Why it has ended, once it has."""
        if self.reason is not None:
            return succeed(self.reason)
        self._lost.append(Deferred())
        return self._lost[-1]

    def feed_forever(self) -> None:
        """Be a producer that writes as long as it may."""
        self.socket.registerProducer(self, True)
        self.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        self.pieces.append(len(data))
        self._look()

    def connectionLost(self, reason: Failure | None = None) -> None:
        assert reason is not None
        assert reason.value is not None
        self.reason = reason.value
        waiters, self._lost = self._lost, []
        for waiter in waiters:
            waiter.callback(reason.value)

    def pauseProducing(self) -> None:
        self.paused = True
        self.pauses += 1

    def resumeProducing(self) -> None:
        self.paused = False
        while not self.paused:
            self.write(bytes(65_536))

    def stopProducing(self) -> None:
        self.paused = True

    def _look(self) -> None:
        if self._wants is not None and len(self.data) >= self._wants[0]:
            (size, waiter), self._wants = self._wants, None
            data = bytes(self.data[:size])
            del self.data[:size]
            waiter.callback(data)


class Peers(ServerFactory):
    """Takes connections; ``next`` gives them in their order."""

    noisy = False

    def __init__(self) -> None:
        self.all: list[Peer] = []
        self._new: list[Peer] = []
        self._waiters: list[Deferred[Peer]] = []

    def next(self) -> Deferred[Peer]:
        if self._new:
            return succeed(self._new.pop(0))
        self._waiters.append(Deferred())
        return self._waiters[-1]

    def buildProtocol(self, addr: IAddress | None) -> Peer:
        peer = _Accepted(self)
        self.all.append(peer)
        return peer

    def made(self, peer: Peer) -> None:
        if self._waiters:
            self._waiters.pop(0).callback(peer)
        else:
            self._new.append(peer)


class _Accepted(Peer):
    def __init__(self, peers: Peers) -> None:
        super().__init__()
        self._peers = peers

    def connectionMade(self) -> None:
        self._peers.made(self)


def dial(port: int) -> Deferred[Any]:
    """A connection to a port of this machine; a Peer."""
    connected: Deferred[Any] = connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), Peer())
    return connected
