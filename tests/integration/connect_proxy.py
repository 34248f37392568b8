"""An HTTP proxy that knows CONNECT and nothing else."""

from __future__ import annotations

import base64
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.interfaces import IAddress, IListeningPort, ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure


class ConnectProxy(Factory):
    """Listens on loopback.

    Args:
        login: ``user:password`` that it wants.

    Attributes:
        asked: Places that it was asked for.
    """

    noisy = False

    def __init__(self, reactor: Any, login: str | None = None) -> None:
        self.reactor = reactor
        self.login = login
        self.asked: list[str] = []
        self.open: set[Protocol] = set()
        self._listening: IListeningPort = reactor.listenTCP(0, self, interface="127.0.0.1")
        self.port = cast(IPv4Address, self._listening.getHost()).port

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return _Near(self)

    async def close(self) -> None:
        """Take no more, and wait until what there is has ended."""
        await maybeDeferred(self._listening.stopListening)
        while self.open:
            end: Any = next(iter(self.open))
            end.transport.abortConnection()
            await end.ended


class _End(Protocol):
    """One side of a tunnel."""

    def __init__(self, proxy: ConnectProxy) -> None:
        self.proxy = proxy
        self.other: _End | None = None
        self.ended: Deferred[None] = Deferred()

    @property
    def socket(self) -> Any:
        return cast(ITCPTransport, self.transport)

    def connectionMade(self) -> None:
        self.proxy.open.add(self)

    def dataReceived(self, data: bytes) -> None:
        if self.other is not None:
            self.other.socket.write(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.proxy.open.discard(self)
        if self.other is not None:
            self.other.socket.loseConnection()
        self.ended.callback(None)


class _Near(_End):
    """The client's side."""

    _head = b""

    def dataReceived(self, data: bytes) -> None:
        if self.other is not None:
            super().dataReceived(data)
            return
        self._head += data
        if not self._head.endswith(b"\r\n\r\n"):
            return
        verb, place, _ = self._head.decode().split(" ", 2)
        assert verb == "CONNECT"
        wanted = self.proxy.login
        if wanted is not None and base64.b64encode(wanted.encode()) not in self._head:
            self.socket.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        self.proxy.asked.append(place)
        host, _, port = place.rpartition(":")
        endpoint = HostnameEndpoint(self.proxy.reactor, host.strip("[]"), int(port))
        connectProtocol(endpoint, _End(self.proxy)).addCallbacks(self._joined, self._refused)

    def _joined(self, far: _End) -> None:
        self.other, far.other = far, self
        self.socket.write(b"HTTP/1.1 200 Connection established\r\nVia: tests\r\n\r\n")

    def _refused(self, _: Failure) -> None:
        self.socket.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
