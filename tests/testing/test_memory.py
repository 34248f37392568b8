"""The byte pump: what a transport promises, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IPullProducer, IPushProducer, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

import txnats
from txnats.testing import FakeServer, MemoryNetwork, Stalled
from txnats.testing.memory_transport import MemoryTransport


@implementer(IPushProducer)
class End(Protocol):
    """Notes all that it is told."""

    transport: MemoryTransport

    def __init__(self) -> None:
        self.told: list[object] = []

    def dataReceived(self, data: bytes) -> None:
        self.told.append(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        assert reason is not None
        self.told.append(reason.type)

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


def pair(network: MemoryNetwork) -> tuple[End, End]:
    servers: list[End] = []

    class Ends(Factory):
        def buildProtocol(self, addr: object) -> End:
            servers.append(End())
            return servers[-1]

    client = network.run(network.endpoint(Ends()).connect(Factory.forProtocol(End)))
    assert isinstance(client, End)
    return client, servers[0]


def test_nothing_happens_by_itself() -> None:
    network = MemoryNetwork()
    client, server = pair(network)
    client.transport.write(b"one ")
    client.transport.writeSequence([b"t", b"wo"])
    assert server.told == []
    network.pump()
    assert server.told == [b"one two"]
    assert client.transport.getPeer() == server.transport.getHost()
    assert client.transport.getHost() == server.transport.getPeer()


def test_slices() -> None:
    network = MemoryNetwork(slices=2)
    client, server = pair(network)
    client.transport.write(b"abcde")
    network.pump()
    assert server.told == [b"ab", b"cd", b"e"]


def test_closing_tells_both_behind_the_last_byte() -> None:
    network = MemoryNetwork()
    client, server = pair(network)
    client.transport.write(b"last")
    client.transport.loseConnection()
    client.transport.write(b" words")
    server.transport.write(b"nobody hears this")
    network.pump()
    assert (client.told, server.told) == ([ConnectionDone], [b"last words", ConnectionDone])
    client.transport.write(b"ignored")
    client.transport.abortConnection()
    network.pump()


def test_cutting_loses_what_is_under_way() -> None:
    network = MemoryNetwork()
    client, server = pair(network)
    client.transport.write(b"lost")
    server.transport.write(b"lost too")
    client.transport.abortConnection()
    network.pump()
    assert (client.told, server.told) == ([ConnectionAborted], [ConnectionLost])


def test_an_end_that_does_not_read_holds_the_other_up() -> None:
    network = MemoryNetwork(write_buffer=10, window=5)
    client, server = pair(network)
    client.transport.registerProducer(client, True)
    server.transport.pauseProducing()
    client.transport.write(bytes(10))
    assert client.told == []
    client.transport.write(b"x")
    assert client.told == ["pause"]
    network.pump()
    assert (client.told, server.told) == (["pause"], [])
    server.transport.resumeProducing()
    network.pump()
    assert client.told == ["pause", "resume"]
    assert server.told == [bytes(5), bytes(5), b"x"]
    client.transport.unregisterProducer()


def test_a_producer_is_told_of_the_end() -> None:
    network = MemoryNetwork()
    client, server = pair(network)
    client.transport.registerProducer(client, True)
    with pytest.raises(RuntimeError):
        client.transport.registerProducer(client, True)
    server.transport.abortConnection()
    network.pump()
    assert client.told == ["stop", ConnectionLost]
    client.transport.registerProducer(client, True)
    assert client.told[-1] == "stop"


def test_a_pull_producer_is_asked_whenever_there_is_room() -> None:
    network = MemoryNetwork()
    client, server = pair(network)

    @implementer(IPullProducer)
    class Three:
        def __init__(self) -> None:
            self.left = 3

        def resumeProducing(self) -> None:
            self.left -= 1
            client.transport.write(b"%d" % self.left)
            if not self.left:
                client.transport.unregisterProducer()

        def stopProducing(self) -> None:
            raise AssertionError

    client.transport.registerProducer(Three(), False)
    network.pump()
    assert b"".join(data for data in server.told if isinstance(data, bytes)) == b"210"


def test_a_frozen_network_moves_nothing() -> None:
    network = MemoryNetwork()
    client, server = pair(network)
    network.frozen = True
    client.transport.write(b"later")
    server.transport.abortConnection()
    network.advance(100.0)
    assert (client.told, server.told) == ([], [])
    network.frozen = False
    network.pump()
    assert (client.told, server.told) == ([ConnectionLost], [ConnectionAborted])


def test_nobody_listens() -> None:
    network = MemoryNetwork()
    endpoint = network.endpoint_factory("elsewhere", 1)
    assert verifyObject(IStreamClientEndpoint, endpoint)
    with pytest.raises(Refused):
        network.run(endpoint.connect(Factory.forProtocol(End)))
    given_up = endpoint.connect(Factory.forProtocol(End))
    given_up.cancel()
    with pytest.raises(CancelledError):
        network.run(given_up)


def test_time_passes_timer_by_timer() -> None:
    network = MemoryNetwork()
    seen: list[float] = []

    def tick() -> None:
        seen.append(network.clock.seconds())
        network.clock.callLater(1.0, tick)

    network.clock.callLater(0.0, tick)
    network.advance(2.5)
    assert seen == [0.0, 1.0, 2.0]
    assert network.clock.seconds() == 2.5


def test_run_gives_the_result_or_says_why_there_is_none() -> None:
    network = MemoryNetwork()

    async def later() -> str:
        done: Deferred[None] = Deferred()
        network.clock.callLater(3.0, done.callback, None)
        await done
        return "done"

    assert network.run(later()) == "done"
    assert network.clock.seconds() == 3.0
    never: Deferred[None] = Deferred()
    with pytest.raises(Stalled, match="nothing is left to happen"):
        network.run(never)
    network.clock.callLater(100.0, lambda: None)
    with pytest.raises(Stalled, match="10 s have passed"):
        network.run(Deferred(), limit=10.0)

    async def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        network.run(fail())


def test_a_pool_of_servers() -> None:
    network = MemoryNetwork()
    first = FakeServer(network.clock, name="first")
    second = FakeServer(network.clock, name="second", beside=first)
    network.listen("one", 4222, first)
    network.listen("two", 4222, second)
    options = txnats.ReconnectOptions(shuffle=False)
    servers = ["nats://one", "nats://two"]

    async def story() -> None:
        client = await txnats.connect(
            network.clock, servers, reconnect=options, endpoint_factory=network.endpoint_factory
        )
        other = await txnats.connect(network.clock, network.endpoint(second))
        subscription = client.subscribe("a")
        await client.flush()
        other.publish("a", b"across")
        assert (await subscription.next(1.0)).payload == b"across"
        happens = client.events()
        first.kill()
        while not isinstance(await happens.next(10.0), txnats.events.Reconnected):
            pass
        await client.flush()
        assert client.server_info.server_name == "second"
        await client.close()
        await other.close()

    network.run(story())
    assert not network.clock.getDelayedCalls()


def test_each_listener_has_an_address_of_its_own() -> None:
    network = MemoryNetwork()
    servers = [FakeServer(network.clock, name=name) for name in ("one", "two")]
    endpoints = [network.endpoint(server) for server in servers]
    assert repr(network.endpoint(servers[0])) == repr(endpoints[0])
    for endpoint, name in zip(endpoints, ("one", "two"), strict=True):
        client = network.run(txnats.connect(network.clock, endpoint))
        assert client.server_info.server_name == name
        network.run(client.close())


@settings(deadline=None)
@given(st.none() | st.integers(1, 9), st.integers(1, 100))
def test_a_client_sees_no_difference_in_any_pieces(slices: int | None, window: int) -> None:
    network = MemoryNetwork(slices=slices, window=window)
    server = FakeServer(network.clock)
    client = network.run(txnats.connect(network.clock, network.endpoint(server)))
    subscription = client.subscribe("a.*")
    for number in range(20):
        client.publish(f"a.{number}", b"\r\n" * number, headers={"N": str(number)})
    messages = network.run(subscription.collect(20))
    assert [message.payload for message in messages] == [b"\r\n" * number for number in range(20)]
    network.run(client.close())
    assert not network.clock.getDelayedCalls()
