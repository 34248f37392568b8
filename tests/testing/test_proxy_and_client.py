"""A client and a real server with the proxy between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

import txnats
from txnats import ConnectionLost, PingOptions, ReconnectOptions, StaleConnection, events
from txnats.server import NatsServer
from txnats.testing import ChaosProxy

AT_ONCE = ReconnectOptions(first_wait=0.01, max_wait=0.01)


@pytest.mark.usefixtures("make_server")
class ThroughTheProxy(TestCase):
    make_server: Callable[..., NatsServer]

    def setUp(self) -> None:
        server = self.make_server()
        self.proxy = ChaosProxy(reactor, server.host, server.port, record=10_000).start()
        self.addCleanup(self.proxy.close)

    async def connect(self, **options: Any) -> tuple[txnats.Client, txnats.event_hub.EventStream]:
        client = await txnats.connect(reactor, f"127.0.0.1:{self.proxy.port}", reconnect=AT_ONCE, **options)
        self.addCleanup(client.close)
        return client, client.events()

    async def test_small_slices_change_nothing(self) -> None:
        self.proxy.to_server.slices = self.proxy.to_client.slices = 7
        client, _ = await self.connect()
        client.subscribe("echo", lambda message: message.respond(message.payload, headers=message.headers))
        payload = b"\r\nMSG a 1 2\r\n" * 20
        for number in range(10):
            reply = await client.request("echo", payload, headers={"N": str(number)}, timeout=10.0)
            assert (reply.payload, reply.headers["N"]) == (payload, str(number))

    async def test_what_is_said_can_be_read(self) -> None:
        client, _ = await self.connect(name="joe")
        await client.flush()
        assert self.proxy.to_client.recorded.startswith(b"INFO {")
        assert self.proxy.to_server.recorded.startswith(b"CONNECT {")
        assert self.proxy.to_server.recorded.endswith(b"\r\nPING\r\n")

    async def test_a_cut_within_a_message_is_survived(self) -> None:
        client, happens = await self.connect()
        subscription = client.subscribe("a")
        await client.flush()
        self.proxy.to_client.cut_after(15)
        client.publish("a", b"x" * 100)
        lost = await wait_for(happens, events.Disconnected)
        assert isinstance(lost.reason, ConnectionLost)
        await wait_for(happens, events.Reconnected)
        client.publish("a", b"y" * 100)
        assert (await subscription.next(5.0)).payload == b"y" * 100

    async def test_silence_is_noticed(self) -> None:
        client, happens = await self.connect(ping=PingOptions(interval=0.05, max_outstanding=2))
        self.proxy.half_open = True
        lost = await wait_for(happens, events.Disconnected)
        self.proxy.half_open = False
        assert isinstance(lost.reason, StaleConnection)
        await wait_for(happens, events.Reconnected)
        await client.flush()

    async def test_a_refused_connection_is_tried_again(self) -> None:
        client, happens = await self.connect()
        await self.proxy.refuse()
        self.proxy.reset()
        await wait_for(happens, events.Reconnecting)
        await wait_for(happens, events.Reconnecting)
        self.proxy.start()
        await wait_for(happens, events.Reconnected)
        await client.flush()


async def wait_for(happens: txnats.event_hub.EventStream, kind: type) -> Any:
    """The next event of this kind."""
    while not isinstance(event := await happens.next(5.0), kind):
        pass
    return event
