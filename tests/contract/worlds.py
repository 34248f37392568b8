"""One suite, many worlds: a story's tests run in memory, and against a real nats-server by each way that leads there.

::

    class Greeting(Story):
        async def test_hello(self) -> None:
            client = await self.connect()
            ...


    globals().update(in_every_world(Greeting))
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

import txnats
from tests.certificates import certificates
from tests.contract.raw import RawClient
from txnats.net.endpoints import ServersArgument
from txnats.net.tls import client_options
from txnats.net.websocket import websocket_endpoint
from txnats.server import NatsServer
from txnats.state.addresses import parse_address
from txnats.testing import ChaosProxy, FakeServer, MemoryNetwork
from txnats.testing.jetstream import FakeJetStream

SOON = 5.0
"""Seconds that a real server may take for what it does at once."""


class Story:
    """What a test may ask of the world. Servers take the fields of ``ServerConfig``."""

    clock: IReactorTime
    last_words = True
    """Whether the server's last line before it closes always arrives."""
    secure = False
    """Whether the way to it is TLS."""

    async def serve(self, **options: Any) -> None:
        """Start the server of this test; without it ``connect`` starts a plain one."""
        raise NotImplementedError

    async def endpoint(self) -> IStreamClientEndpoint:
        """The way to the server."""
        raise NotImplementedError

    async def servers(self) -> ServersArgument:
        """What a client is told of it: an endpoint, or a URL where that is another way."""
        return await self.endpoint()

    async def ways(self) -> dict[str, Any]:
        """Options of ``connect`` that this world needs."""
        return {}

    async def crash(self) -> None:
        """End the server without a word."""
        raise NotImplementedError

    async def start_again(self) -> None:
        """Start it where it was."""
        raise NotImplementedError

    async def lame_duck(self) -> None:
        """Tell the server to send its clients away."""
        raise NotImplementedError

    def closing(self, end: Callable[[], Deferred[Any]]) -> None:
        """Do this when the test is over."""
        raise NotImplementedError

    async def connect(self, **options: Any) -> txnats.Client:
        """A client, closed at the end of the test."""
        client = await txnats.connect(self.clock, await self.servers(), **{**await self.ways(), **options})
        self.closing(client.close)
        return client

    async def bare(self) -> RawClient:
        """A connection that has said nothing yet."""
        client: RawClient = await connectProtocol(await self.endpoint(), RawClient())
        self.closing(client.close)
        return client

    async def raw(self, **connect: Any) -> RawClient:
        """A connection that has read INFO and sent CONNECT, with these fields among others."""
        client = await self.bare()
        await client.until(b"\r\n")
        fields = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, **connect}
        client.write(b"CONNECT " + json.dumps(fields).encode() + b"\r\n")
        return client

    async def collected(self, subscription: txnats.Subscription, count: int) -> list[txnats.Message]:
        """The next messages of a subscription, each of them in time."""
        return [await subscription.next(SOON) for _ in range(count)]


class InMemory(Story, TestCase):
    """A FakeServer over a byte pump, in a time of its own."""

    def setUp(self) -> None:
        self.network = MemoryNetwork()
        self.clock = self.network.clock
        self.server: FakeServer | None = None
        test: Callable[[], Any] = getattr(self, self._testMethodName)
        setattr(self, self._testMethodName, lambda: self.network.run(test()))

    def tearDown(self) -> None:
        if self.server is not None:
            self.server.kill()
        self.network.pump()
        assert not self.network.clock.getDelayedCalls()

    async def serve(self, *, jetstream: bool = False, **options: Any) -> None:
        self.server = FakeServer(self.clock, **options)
        if jetstream:
            FakeJetStream(self.server)

    async def endpoint(self) -> IStreamClientEndpoint:
        if self.server is None:
            await self.serve()
        assert self.server is not None
        return self.network.endpoint(self.server)

    async def crash(self) -> None:
        assert self.server is not None
        self.server.kill()

    async def start_again(self) -> None:
        assert self.server is not None
        self.server.start()

    async def lame_duck(self) -> None:
        assert self.server is not None
        self.server.lame_duck()

    def closing(self, end: Callable[[], Deferred[Any]]) -> None:
        self.addCleanup(lambda: self.network.run(end()))


@pytest.mark.usefixtures("make_server")
class OnNatsServer(Story, TestCase):
    """A nats-server process on loopback, over TCP."""

    also: ClassVar[dict[str, Any]] = {}
    make_server: Callable[..., NatsServer]

    def setUp(self) -> None:
        self.clock = reactor
        self.server: NatsServer | None = None

    async def serve(self, **options: Any) -> None:
        self.server = await deferToThread(self.make_server, **self.also, **options)

    async def started(self) -> NatsServer:
        """The server of this test."""
        if self.server is None:
            await self.serve()
        assert self.server is not None
        return self.server

    async def endpoint(self) -> IStreamClientEndpoint:
        server = await self.started()
        return HostnameEndpoint(reactor, server.host, server.port)

    async def crash(self) -> None:
        await self._in_thread(NatsServer.kill)

    async def start_again(self) -> None:
        await self._in_thread(NatsServer.start)

    async def lame_duck(self) -> None:
        await self._in_thread(NatsServer.lame_duck)

    def closing(self, end: Callable[[], Deferred[Any]]) -> None:
        self.addCleanup(end)

    async def _in_thread(self, method: Callable[[NatsServer], object]) -> None:
        assert self.server is not None
        await deferToThread(method, self.server)


class OverWebSocket(OnNatsServer):
    """Within a WebSocket. After what it cannot parse, a nats-server often closes without its -ERR there."""

    last_words = False
    also: ClassVar[dict[str, Any]] = {"websocket": True}

    async def servers(self) -> ServersArgument:
        return (await self.started()).websocket_url

    async def endpoint(self) -> IStreamClientEndpoint:
        server = await self.started()
        address = parse_address(server.websocket_url)
        inner = HostnameEndpoint(reactor, address.host, address.port)
        return websocket_endpoint(self.clock, inner, address, txnats.WebSocketOptions())


class OverSecureWebSocket(OverWebSocket):
    """Within a WebSocket, within TLS."""

    secure = True

    async def serve(self, **options: Any) -> None:
        await super().serve(tls=certificates().server, **options)

    async def ways(self) -> dict[str, Any]:
        return {"tls": certificates().client}

    async def endpoint(self) -> IStreamClientEndpoint:
        server = await self.started()
        address = parse_address(server.websocket_url)
        inner = HostnameEndpoint(reactor, address.host, address.port)
        secured = wrapClientTLS(client_options(certificates().client, address.host), inner)
        return websocket_endpoint(self.clock, secured, address, txnats.WebSocketOptions())


class OverTls(OnNatsServer):
    """Over TLS, which starts when the server has told of itself."""

    secure = True

    async def serve(self, **options: Any) -> None:
        await super().serve(tls=certificates().server, **options)

    async def servers(self) -> ServersArgument:
        return (await self.started()).url

    async def ways(self) -> dict[str, Any]:
        return {"tls": certificates().client}

    async def bare(self) -> RawClient:
        client = await super().bare()
        info = await client.until(b"\r\n")
        client.start_tls(client_options(certificates().client, "127.0.0.1"))
        client.dataReceived(info)
        return client


class OverCompressedWebSocket(OverWebSocket):
    """Within a WebSocket whose messages are compressed both ways."""

    also: ClassVar[dict[str, Any]] = {"websocket": True, "websocket_compression": True}


class OverUnixSocket(OnNatsServer):
    """By a Unix socket, behind which somebody forwards to the server."""

    path: str | None = None

    async def serve(self, **options: Any) -> None:
        await super().serve(**options)
        self.path = None

    async def servers(self) -> ServersArgument:
        await self.endpoint()
        return f"unix:{self.path}"

    async def endpoint(self) -> IStreamClientEndpoint:
        server = await self.started()
        if self.path is None:
            folder = tempfile.TemporaryDirectory()
            self.addCleanup(folder.cleanup)
            self.path = str(Path(folder.name) / "nats.sock")
            proxy = ChaosProxy(reactor, server.host, server.port, path=self.path)
            self.addCleanup(proxy.close)
            proxy.start()
        return UNIXClientEndpoint(reactor, self.path)


WORLDS: tuple[type[TestCase], ...] = (
    InMemory,
    OnNatsServer,
    OverTls,
    OverWebSocket,
    OverCompressedWebSocket,
    OverSecureWebSocket,
    OverUnixSocket,
)


def in_every_world(story: type[Story], worlds: tuple[type[TestCase], ...] = WORLDS) -> dict[str, type[TestCase]]:
    """A story's test classes by name, one for each world: ``globals().update(in_every_world(Story))``."""
    made = {}
    for world in worlds:
        name = story.__name__ + world.__name__
        made[name] = type(name, (story, world), {"__module__": story.__module__, "__doc__": world.__doc__})
    return made
