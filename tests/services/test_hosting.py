"""A NATS service as a part of a Twisted application."""

from __future__ import annotations

import pytest
from twisted.application.service import MultiService
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

import txnats
from txnats import InvalidArgument
from txnats.server import NatsServer
from txnats.services import Hosting, Service, call, discover


def build(service: Service) -> None:
    service.add_endpoint("echo", lambda request: request.payload)


@pytest.mark.usefixtures("class_server")
class Application(TestCase):
    server: NatsServer

    async def test_it_is_offered_while_the_application_runs(self) -> None:
        application = MultiService()
        connection = txnats.NatsService(reactor, self.server.url)
        hosting = Hosting(connection.client, build, name="echo", version="1.0.0")
        connection.setServiceParent(application)
        hosting.setServiceParent(application)
        application.startService()
        client = await txnats.connect(reactor, self.server.url)
        self.addCleanup(client.close)
        await connection.whenConnected()
        await connection.client.flush()
        assert hosting.hosted is not None
        await hosting.hosted.endpoints[0].ready()
        assert (await call(client, "echo", b"1")).payload == b"1"
        await application.stopService()
        assert hosting.hosted.is_stopped
        assert await discover(client).collect() == []

    async def test_stopped_before_it_was_offered(self) -> None:
        connection = txnats.NatsService(reactor, "nats://127.0.0.1:1")
        hosting = Hosting(connection.client, build, name="echo", version="1.0.0")
        hosting.startService()
        assert hosting.hosted is None
        await hosting.stopService()
        await connection.stopService()
        assert hosting.hosted is None

    def test_what_cannot_be_is_told(self) -> None:
        connection = txnats.NatsService(reactor, "nats://127.0.0.1:1")
        hosting = Hosting(connection.client, build, name="a b", version="1.0.0")
        hosting.startService()
        (logged,) = self.flushLoggedErrors(InvalidArgument)
        assert "cannot name a service" in str(logged.value)
        self.addCleanup(connection.stopService)
