"""A TCP proxy that makes trouble on demand: the network between a client and a real server, at its worst."""

from __future__ import annotations

from random import Random
from typing import Any, Self, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime, ITCPTransport, IUNIXTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from .pipe import Direction, Pipe, Socket

LOOPBACK = "127.0.0.1"


class ChaosProxy:
    """Forwards connections on loopback to a server, in any way but the straight one.

    ::

        async with ChaosProxy(reactor, "127.0.0.1", 4222) as proxy:
            client = await txnats.connect(reactor, f"nats://127.0.0.1:{proxy.port}")
            proxy.to_client.slices = 7
            proxy.half_open = True

    What it holds is bounded: an end that reads slowly slows the other one down.

    Args:
        reactor: Listens and connects.
        target_host: The server.
        target_port: Its port.
        record: Bytes to keep of what goes in each direction.
        seed: For the sizes of slices.
        path: A Unix socket to listen at, in place of a port.

    Attributes:
        port: Where it listens; chosen at the first ``start``, and kept. 0 with a Unix socket.
        to_server: What befalls the bytes that clients send.
        to_client: What befalls the bytes that the server sends.
        accepted: Connections so far.
        unreachable: How many of them found no server.
    """

    def __init__(
        self,
        reactor: Any,
        target_host: str,
        target_port: int,
        *,
        record: int = 0,
        seed: int = 0,
        path: str | None = None,
    ) -> None:
        self.port = 0
        self.to_server = Direction(Random(seed), record)
        self.to_client = Direction(Random(seed + 1), record)
        self.accepted = 0
        self.unreachable = 0
        self._reactor = reactor
        self._path = path
        self._target = HostnameEndpoint(reactor, target_host, target_port)
        self._listening: IListeningPort | None = None
        self._links: set[Link] = set()

    @property
    def open(self) -> int:
        """Connections that are there now, also those with one end left."""
        return len(self._links)

    @property
    def half_open(self) -> bool:
        """Whether both directions lead into a black hole: connections stay, and nothing comes through."""
        return self.to_server.black_hole and self.to_client.black_hole

    @half_open.setter
    def half_open(self, half_open: bool) -> None:
        self.to_server.black_hole = self.to_client.black_hole = half_open

    def start(self) -> Self:
        """Listen, at first or again after ``refuse``; on the same port."""
        if self._listening is None and self._path is not None:
            self._listening = self._reactor.listenUNIX(self._path, _Accepting(self))
        elif self._listening is None:
            self._listening = self._reactor.listenTCP(self.port, _Accepting(self), interface=LOOPBACK)
            self.port = cast(IPv4Address, self._listening.getHost()).port
        return self

    def refuse(self) -> Deferred[None]:
        """Refuse new connections until ``start``; fires when it does. Those that are open stay."""
        listening, self._listening = self._listening, None
        if listening is None:
            return succeed(None)
        return maybeDeferred(listening.stopListening).addCallback(lambda _: None)

    def reset(self) -> None:
        """Cut every connection, at both ends, with a reset. New ones are taken."""
        for link in list(self._links):
            link.reset()

    def close(self) -> Deferred[None]:
        """End; when it fires no socket and no timer is left."""
        return Deferred.fromCoroutine(self._close())

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.close()

    async def _close(self) -> None:
        await self.refuse()
        while self._links:
            self.reset()
            await next(iter(self._links)).ended

    # What its links ask

    def accept(self) -> End:
        """The near end of a new link."""
        self.accepted += 1
        link = Link(self, self._reactor)
        self._links.add(link)
        link.ended.addCallback(lambda _: self._links.discard(link))
        return link.near

    def dial(self, end: End) -> Deferred[End]:
        """Connect an end to the server."""
        dialing: Deferred[End] = connectProtocol(self._target, end)
        return dialing


class _Accepting(Factory):
    """Takes connections."""

    noisy = False

    def __init__(self, proxy: ChaosProxy) -> None:
        self._proxy = proxy

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._proxy.accept()


class End(Protocol):
    """One of the two sockets of a link."""

    def __init__(self, link: Link) -> None:
        self.outgoing: Pipe | None = None
        self.is_gone = False
        self._link = link

    @property
    def socket(self) -> Socket:
        """Its transport."""
        return cast(Socket, self.transport)

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport) and not IUNIXTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._link.made(self)

    def dataReceived(self, data: bytes) -> None:
        if self.outgoing is not None:
            self.outgoing.feed(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.is_gone = True
        self._link.lost(self, clean=reason is not None and reason.check(ConnectionDone) is not None)


class Link:
    """A connection through the proxy: two sockets and a pipe each way.

    Attributes:
        near: The client's side.
        far: The server's side.
        ended: Fires when neither is left.
    """

    def __init__(self, proxy: ChaosProxy, clock: IReactorTime) -> None:
        self.near = End(self)
        self.far = End(self)
        self.ended: Deferred[None] = Deferred()
        self._proxy = proxy
        self._clock = clock
        self._dialing: Deferred[None] | None = None
        self._given_up = False

    def made(self, end: End) -> None:
        """An end is connected: the far one once the near one is."""
        if end is self.near:
            end.socket.pauseProducing()
            self._dialing = self._proxy.dial(self.far).addCallbacks(self._join, self._unreachable)

    def reset(self) -> None:
        """Cut both ends."""
        self._given_up = True
        if self._dialing is not None:
            self._dialing.cancel()
        for end in (self.near, self.far):
            self._cut(end)

    def lost(self, end: End, *, clean: bool) -> None:
        """An end is gone: the other one hears of it as it would on a straight line, unless bytes fell into a hole."""
        other = self.far if end is self.near else self.near
        if other.outgoing is not None:
            other.outgoing.stop()
        if end.outgoing is None:
            self.reset()
        elif not (end.outgoing.is_dead or end.outgoing.is_closing):
            if clean:
                end.outgoing.finish()
            else:
                self._cut(other)
        self._check_ended()

    def _join(self, _: End) -> None:
        self._dialing = None
        near, far = self.near, self.far
        near.socket.resumeProducing()
        near.outgoing = Pipe(self._clock, self._proxy.to_server, near.socket, far.socket)
        far.outgoing = Pipe(self._clock, self._proxy.to_client, far.socket, near.socket)

    def _unreachable(self, _: Failure) -> None:
        self._dialing = None
        self._proxy.unreachable += not self._given_up
        self._cut(self.near)
        self._check_ended()

    def _cut(self, end: End) -> None:
        if end.outgoing is not None:
            end.outgoing.stop()
        if end.transport is not None and not end.is_gone:
            end.socket.abortConnection()

    def _check_ended(self) -> None:
        ends = [end for end in (self.near, self.far) if end.transport is not None]
        if self._dialing is None and all(end.is_gone for end in ends) and not self.ended.called:
            self.ended.callback(None)
