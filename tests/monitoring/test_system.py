"""Servers that are asked about themselves: one with JetStream, and a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

import txnats
from tests.monitoring.servers import SYSTEM, accounts
from txnats import RequestTimeout
from txnats.jetstream import JetStream, StreamConfig
from txnats.monitoring import (
    Accountz,
    Connz,
    Gatewayz,
    Healthz,
    Jsz,
    Leafz,
    MonitoringError,
    Routez,
    Statsz,
    Subsz,
    System,
    Varz,
)
from txnats.server import Cluster, NatsServer
from txnats.testing import World

SLOW = 2.0
"""Seconds between the answers of two servers on a busy machine."""


@pytest.fixture(scope="class")
def cluster(request: pytest.FixtureRequest, live_servers: list[NatsServer]) -> Iterator[None]:
    with Cluster(3, jetstream=False, extra=accounts()) as made:
        request.cls.cluster = made
        live_servers.extend(made.servers)
        yield
        for server in made.servers:
            live_servers.remove(server)


@pytest.mark.usefixtures("make_server")
class OneServer(TestCase):
    make_server: Any

    async def test_all_that_it_tells(self) -> None:
        server = self.make_server(jetstream=True, name="alone", extra=accounts(jetstream=True))
        async with await txnats.connect(reactor, server.url, name="worker") as client:
            client.subscribe("orders.*", lambda _: None, queue="q")
            await client.flush()
            await JetStream(client).create_stream(StreamConfig(name="ORDERS", subjects=["stored"]))
            await JetStream(client).publish("stored", b"12345")
            async with await txnats.connect(reactor, server.url, auth=SYSTEM) as ours:
                await self._look(System(ours), ours.server_info.server_id)

    async def _look(self, system: System, server: str) -> None:
        varz = await system.ask(Varz, server)
        assert (varz.server.id, varz.server.name, varz.server.jetstream) == (server, "alone", True)
        assert (varz.data.server_name, varz.data.connections, varz.data.system_account) == ("alone", 2, "SYS")
        assert varz.data.jetstream is not None
        assert varz.data.jetstream.config is not None
        assert "feature_flags" in varz.raw
        connz = await system.ask(Connz, server, auth=True, subscriptions=True, sort="cid")
        first, second = connz.data.connections
        assert (first.name, first.account, first.subscriptions_list) == ("worker", "APP", first.subscriptions_list)
        assert "orders.*" in first.subscriptions_list
        assert (second.authorized_user, second.lang) == ("sys", "python-twisted")
        subsz = await system.ask(Subsz, server, subscriptions=True, account="APP", test="orders.1")
        found = [(each.subject, each.qgroup) for each in subsz.data.subscriptions_list if each.account == "APP"]
        assert ("orders.*", "q") in found
        jsz = await system.ask(Jsz, "alone", streams=True, accounts=True)
        assert (jsz.data.disabled, jsz.data.streams, jsz.data.messages) == (False, 1, 1)
        assert jsz.data.account_details[0]["stream_detail"][0]["name"] == "ORDERS"
        healthz = await system.ask(Healthz, "alone")
        assert (healthz.data.is_ok, healthz.data.status_code) == (True, 200)
        ill = (await system.ask(Healthz, server, account="APP", stream="NONE")).data
        assert (ill.is_ok, ill.status_code) == (False, 404)
        statsz = await system.ask(Statsz, server)
        assert (statsz.data.connections, statsz.data.active_servers) == (2, 1)
        assert "APP" in (await system.ask(Accountz, server)).data.accounts
        for kind in (Routez, Leafz, Gatewayz):
            assert (await system.ask(kind, server)).data is not None

    async def test_what_it_refuses(self) -> None:
        server = self.make_server(extra=accounts())
        async with await txnats.connect(reactor, server.url, auth=SYSTEM) as ours:
            system = System(ours)
            with pytest.raises(MonitoringError, match=r"refused to tell CONNZ.*cannot unmarshal") as caught:
                await system.ask(Connz, ours.server_info.server_id, limit="many")
            assert caught.value.code == 400
            with pytest.raises(MonitoringError, match="no server tells VARZ"):
                await system.ask(Varz, "N" * 56)
            with pytest.raises(RequestTimeout):
                await system.ask(Varz, "nobody", timeout=0.2)

    async def test_who_may_ask(self) -> None:
        server = self.make_server(extra=accounts())
        async with await txnats.connect(reactor, server.url) as client:
            with pytest.raises(MonitoringError, match="log in to the system account"):
                await System(client).ask(Varz, client.server_info.server_id)
            with pytest.raises(MonitoringError, match="log in to the system account"):
                await System(client).gather(Varz).collect()


@pytest.mark.usefixtures("cluster")
class ThreeServers(TestCase):
    cluster: Cluster

    async def test_all_of_them(self) -> None:
        names = ["loopback-0", "loopback-1", "loopback-2"]
        async with await txnats.connect(reactor, self.cluster.urls[1], auth=SYSTEM) as client:
            system = System(client)
            assert [server.name for server in await system.servers(timeout=10.0, stall=SLOW)] == names
            found = {
                report.server.name: report.data
                async for report in system.gather(Varz, most=3, timeout=10.0, stall=SLOW)
            }
            assert sorted(found) == names
            assert {data.remotes for data in found.values()} == {2}
            assert sum(data.connections for data in found.values()) == 1
            only = [
                report async for report in system.gather(Statsz, most=1, server_name="loopback-2", exact_match=True)
            ]
            assert [report.server.name for report in only] == ["loopback-2"]
            away = await system.ask(Healthz, "loopback-0")
            assert (away.server.name, away.data.is_ok) == ("loopback-0", True)
            reports = system.gather(Connz, most=3, timeout=10.0, stall=SLOW, limit="many")
            assert await reports.collect() == []
            assert [each.code for each in reports.refused] == [400] * 3


def test_answers_that_make_no_sense() -> None:
    world = World()
    client = world.run(world.connect())
    good = b'{"server":{"name":"a"},"data":{"status":"ok"}}'
    world.server.answer("$SYS.REQ.SERVER.PING.HEALTHZ", b"nonsense", good, b'{"data":[]}')
    reports = System(client).gather(Healthz)
    assert [each.server.name for each in world.run(reports.collect())] == ["a"]
    assert reports.unreadable == 2
    left = System(client).gather(Healthz)
    left.close()
    with pytest.raises(txnats.InvalidArgument):
        System(client).gather(Healthz, account=object())
    with pytest.raises(txnats.InvalidArgument):
        world.run(System(client).ask(Healthz, "x", account=object()))
    world.close()
