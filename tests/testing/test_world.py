"""A world in memory, for plain tests, for pytest and for trial."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import ClassVar

import pytest

from txnats import ConnectionLost, NatsService, RequestTimeout, events
from txnats.services import Service, call
from txnats.testing import Stalled, World
from txnats.testing.trial import NatsTestCase

pytest_plugins = ["txnats.testing.fixtures"]


def test_what_is_said_is_recorded(nats: World) -> None:
    nats.server.answer("price", b"2.50")
    client = nats.run(nats.connect())
    assert nats.run(client.request("price", b"tea", headers={"A": "1"})).payload == b"2.50"
    client.publish("log.x", b"sold")
    nats.settle()
    asked, told = nats.published()
    assert (asked.subject, asked.payload, asked.headers.get("A")) == ("price", b"tea", "1")
    assert asked.reply is not None
    assert (told.subject, told.payload, told.reply, told.headers.items()) == ("log.x", b"sold", None, ())
    assert nats.published("log.*") == [told]


def test_faults_and_time(nats: World) -> None:
    client = nats.run(nats.connect())
    nats.server.drop()
    nats.advance(1.0)
    assert [type(event) for event in nats.events][:2] == [events.Connected, events.Disconnected]
    assert isinstance(nats.events[1], events.Disconnected)
    assert isinstance(nats.events[1].reason, ConnectionLost)
    assert isinstance(nats.events[-1], events.Reconnected)
    nats.server.answer("silent")
    with pytest.raises(RequestTimeout):
        nats.run(client.request("silent", timeout=3600.0), limit=7200.0)


def test_a_program_of_its_own_client(nats: World) -> None:
    service = NatsService(**nats.options(name="app"))
    service.startService()
    assert nats.run(service.whenConnected()).status.value == "connected"
    nats.run(service.stopService())


def test_what_never_comes_is_told(nats: World) -> None:
    client = nats.run(nats.connect())
    with pytest.raises(Stalled):
        nats.run(client.subscribe("nothing").next(), limit=10.0)


def test_server_options() -> None:
    world = World(max_payload=100)
    client = world.run(world.connect())
    assert client.server_info.max_payload == 100
    world.close()


class Prices(NatsTestCase):
    """A service under test, in trial."""

    server_options: ClassVar = {"name": "memory"}

    async def test_a_coroutine(self) -> None:
        client = await self.nats.connect()
        service = await Service.start(client, "shop", "1.0.0")
        service.add_endpoint("price", lambda request: b"2.50")
        self.assertEqual((await call(client, "price")).payload, b"2.50")
        self.assertEqual(client.server_info.server_name, "memory")

    def test_a_function(self) -> None:
        client = self.nats.run(self.nats.connect())
        self.nats.advance(1000.0)
        self.assertEqual(client.status.value, "connected")


def outcome(case: type[unittest.TestCase], name: str) -> Iterator[str]:
    result = unittest.TestResult()
    case(name).run(result)
    yield from (text for _, text in (*result.failures, *result.errors))


def test_a_failing_test_fails() -> None:
    class Wrong(NatsTestCase):
        async def test_it(self) -> None:
            client = await self.nats.connect()
            await client.flush()
            self.assertEqual(1, 2)

        def test_a_timer_is_left(self) -> None:
            self.nats.clock.callLater(10.0, lambda: None)

    assert "1 != 2" in "".join(outcome(Wrong, "test_it"))
    assert "timers were left behind" in "".join(outcome(Wrong, "test_a_timer_is_left"))
