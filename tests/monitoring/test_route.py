"""The way of a message: joined from events, on one server, on three."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.trial.unittest import TestCase

import txnats
from txnats import OperationTimeout, RemoteProtocolError
from txnats.jetstream import JetStream, StreamConfig
from txnats.monitoring import Egress, trace_route
from txnats.monitoring.route import Ingress, JetStreamStored, join, read
from txnats.server import Cluster, NatsServer
from txnats.testing import World

pytest_plugins = ["txnats.testing.fixtures"]
reactor: Any = _reactor


def event(name: str, hop: str, *onward: str) -> bytes:
    header = f'{{"Nats-Trace-Hop":["{hop}"]}}' if hop else "{}"
    out = ",".join(f'{{"type":"eg","kind":1,"name":"s{each}","hop":"{each}"}}' for each in onward)
    first = '{"type":"in","kind":0,"cid":5,"acc":"$G","subj":"a"}'
    events = f"[{first}{',' if out else ''}{out}]"
    return f'{{"server":{{"name":"{name}"}},"request":{{"header":{header}}},"events":{events}}}'.encode()


def follow(nats: World, *told: bytes, timeout: float = 2.0) -> Any:
    """Trace a message of which these events are told."""
    client = nats.run(nats.connect())

    record = nats.server.intercept
    assert record is not None

    def tell(connection: Any, command: Any) -> None:
        record(connection, command)
        if getattr(command, "subject", b"") == b"a":
            inbox = nats.published("a")[-1].headers.get("Nats-Trace-Dest") or ""
            for each in told:
                nats.server.publish(inbox, each)

    nats.server.intercept = tell
    return nats.run(trace_route(client, "a", b"x", timeout=timeout))


def test_events_become_a_tree_in_any_order(nats: World) -> None:
    told = [event("s1.1", "1.1"), event("s2", "2"), event("s1", "1", "1.1"), event("s0", "", "1", "2")]
    route = follow(nats, *told)
    assert nats.clock.seconds() == 0.0
    assert [each.server.name for each in route.all()] == ["s0", "s1", "s1.1", "s2"]
    assert route.is_complete
    assert str(route).splitlines() == [
        "s0",
        "  from client 5, account $G, a",
        "  to router s1",
        "    s1",
        "      from client 5, account $G, a",
        "      to router s1.1",
        "        s1.1",
        "          from client 5, account $G, a",
        "  to router s2",
        "    s2",
        "      from client 5, account $G, a",
    ]


def test_a_server_that_tells_nothing_is_missing(nats: World) -> None:
    route = follow(nats, event("s0", "", "1"))
    assert nats.clock.seconds() == 2.0
    assert (route.missing, route.is_complete) == (("1",), False)
    assert str(route).endswith("(nothing was told)")


def test_events_that_go_in_circles(nats: World) -> None:
    route = follow(nats, event("s0", "", "1"), event("s1", "1", "1", ""))
    assert [each.server.name for each in route.all()] == ["s0", "s1"]


def test_nothing_is_told(nats: World) -> None:
    with pytest.raises(OperationTimeout, match=r"2\.11"):
        follow(nats)


def test_what_is_no_event(nats: World) -> None:
    with pytest.raises(RemoteProtocolError):
        follow(nats, b"{")
    with pytest.raises(txnats.InvalidArgument):
        join({}, "1")
    with pytest.raises(txnats.InvalidSubject):
        nats.run(trace_route(nats.run(nats.connect()), "a b"))


def test_an_event_of_a_later_server(nats: World) -> None:
    client = nats.run(nats.connect())
    subscription = client.subscribe("t")
    nats.run(client.flush())
    nats.server.publish("t", b'{"server":{"name":"n","new":1},"events":[{"type":"zz"},{"type":"in","more":2}]}')
    assert [type(each) for each in read(nats.run(subscription.next())).events] == [Ingress]


@pytest.mark.usefixtures("class_server")
class OneServer(TestCase):
    server: NatsServer

    async def test_to_subscribers_and_a_stream(self) -> None:
        async with await txnats.connect(reactor, self.server.url, name="me") as client:
            js = JetStream(client)
            stream = await js.create_stream(StreamConfig(name="TRACED", subjects=["traced.*"]))
            subscription = client.subscribe("traced.1", queue="q")
            await client.flush()
            route = await trace_route(client, "traced.1", b"x", headers={"A": "1"})
            assert [each.sub for each in route.delivered] == ["traced.1"]
            egress = [each for each in route.events if isinstance(each, Egress) and each.queue == "q"]
            assert [each.name for each in egress] == ["me"]
            stored = [each for each in route.events if isinstance(each, JetStreamStored)]
            assert [(each.stream, each.subject, each.error) for each in stored] == [("TRACED", "traced.1", "")]
            first = route.events[0]
            assert isinstance(first, Ingress)
            assert (first.name, first.subj, route.onward) == ("me", "traced.1", ())
            assert (await stream.info()).state.messages == 0
            await trace_route(client, "traced.1", b"x", deliver=True)
            assert (await subscription.next(2.0)).payload == b"x"
            assert (await stream.info()).state.messages == 1

    async def test_to_nobody(self) -> None:
        async with await txnats.connect(reactor, self.server.url) as client:
            route = await trace_route(client, "nobody.there")
            assert (route.delivered, route.onward, len(route.events)) == ((), (), 1)


@pytest.fixture(scope="class")
def cluster(request: pytest.FixtureRequest, live_servers: list[NatsServer]) -> Iterator[None]:
    with Cluster(3, jetstream=False) as made:
        request.cls.cluster = made
        live_servers.extend(made.servers)
        yield
        for server in made.servers:
            live_servers.remove(server)


@pytest.mark.usefixtures("cluster")
class ThreeServers(TestCase):
    cluster: Cluster

    async def test_through_all_of_them(self) -> None:
        clients = [await txnats.connect(reactor, url, name=f"c{n}") for n, url in enumerate(self.cluster.urls)]
        try:
            for client in clients:
                client.subscribe("news.*")
                await client.flush()
            # Interest takes its time to every server: the way is asked for until it is whole.
            end = reactor.seconds() + 20.0
            route = await trace_route(clients[0], "news.1", timeout=5.0)
            while len(route.delivered) < 3:
                assert reactor.seconds() < end, str(route)
                route = await trace_route(clients[0], "news.1", timeout=5.0)
            assert route.is_complete
            assert (route.server.name, route.hop) == ("loopback-0", "")
            assert sorted(each.server.name for each in route.onward) == ["loopback-1", "loopback-2"]
            assert sorted(each.hop for each in route.onward) == ["1", "2"]
            assert sorted(each.name for each in route.delivered) == ["c0", "c1", "c2"]
        finally:
            for client in clients:
                await client.close()
