"""``nats:`` in an endpoint string is a plain way to a server, and no error shows a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, clientFromString, connectProtocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import TestCase

import txnats
from txnats.plugins import client_endpoint
from txnats.server import NatsServer

reactor: Any = _reactor


def place(endpoint: object) -> tuple[str, int, float]:
    assert isinstance(endpoint, HostnameEndpoint)
    return endpoint._hostText, endpoint._port, endpoint._timeout


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("nats:demo", "demo", 4222),
        ("nats:demo:5222", "demo", 5222),
        ("NATS:demo", "demo", 4222),
        ("nats:host=demo", "demo", 4222),
        ("nats:host=demo:port=5222", "demo", 5222),
        ("nats:demo:port=5222", "demo", 5222),
        ("nats:127.0.0.1:5222", "127.0.0.1", 5222),
        ("nats://demo", "demo", 4222),
        ("nats://demo:5222", "demo", 5222),
        ("nats://demo:5222/", "demo", 5222),
        ("nats://[::1]:5222", "::1", 5222),
        ("nats:[::1]", "::1", 4222),
        (r"nats:host=\:\:1:port=5222", "::1", 5222),
    ],
)
def test_what_it_reads(text: str, host: str, port: int) -> None:
    assert place(clientFromString(MemoryReactorClock(), text)) == (host, port, 30.0)


def test_the_timeout() -> None:
    assert place(clientFromString(MemoryReactorClock(), "nats:demo:timeout=1.5")) == ("demo", 4222, 1.5)


@pytest.mark.parametrize(
    "text",
    [
        "nats:", "nats", "nats:port=4222", "nats:demo:0", "nats:demo:65536", "nats:demo:four", "nats:a:1:2", "nats:a b",
        "nats:demo:timeout=soon", "nats:demo:tls=yes", "nats:::1", "nats:user@", "nats:s3cret@demo",
        "nats:me:s3cret@demo", "nats://s3cret@demo:4222", "nats://me:s3cret@demo:4222", "nats://me:s3cret=x@demo",
        r"nats:host=me\:s3cret@demo", "nats:demo:s3cret@9", "nats:demo:s3cret=5",
    ],
)  # fmt: skip
def test_what_it_refuses(text: str) -> None:
    with pytest.raises(txnats.InvalidOption) as raised:
        clientFromString(MemoryReactorClock(), text)
    assert "s3cret" not in str(raised.value)


def test_a_login_is_refused_with_the_way_out() -> None:
    with pytest.raises(txnats.InvalidOption, match="auth="):
        client_endpoint(MemoryReactorClock(), "me", "s3cret@demo")


@pytest.mark.usefixtures("class_server", "make_server")
class WithAServer(TestCase):
    server: NatsServer
    make_server: Callable[..., NatsServer]

    async def test_the_single_connection_of_io(self) -> None:
        up: Deferred[txnats.io.NatsProtocol] = Deferred()
        heard: Deferred[bytes] = Deferred()
        endpoint = clientFromString(reactor, f"nats:{self.server.host}:{self.server.port}")
        protocol = await connectProtocol(endpoint, txnats.io.NatsProtocol(on_connect=up.callback))
        (await up).sub("greet", 1, on_msg=lambda payload, **_: heard.callback(payload))
        protocol.pub("greet", b"hello")
        assert await heard == b"hello"
        gone = protocol._gone
        protocol.transport.loseConnection()
        await gone

    async def test_the_client(self) -> None:
        text = f"nats:host={self.server.host}:port={self.server.port}"
        async with await txnats.connect(reactor, text) as client:
            await client.flush()

    async def test_the_client_with_a_login_beside_it(self) -> None:
        server = self.make_server(user="me", password="s3cret")
        auth = txnats.UserPassword("me", "s3cret")
        async with await txnats.connect(reactor, f"nats:{server.host}:{server.port}", auth=auth) as client:
            await client.flush()

    async def test_a_service(self) -> None:
        service = txnats.NatsService(reactor, f"nats:{self.server.host}:{self.server.port}")
        heard: Deferred[bytes] = Deferred()
        service.client.subscribe("early", lambda message: heard.callback(message.payload))
        service.client.publish("early", b"kept")
        service.startService()
        assert await service.whenConnected() is service.client
        assert await heard == b"kept"
        await service.stopService()
        assert service.client.status == "closed"

    async def test_a_service_stopped_at_once_leaves_nothing(self) -> None:
        service = txnats.NatsService(reactor, self.server.url)
        service.startService()
        await service.stopService()
