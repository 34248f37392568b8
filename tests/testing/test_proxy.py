"""The proxy's faults, each on real sockets."""

from __future__ import annotations

from typing import cast

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.testing.sockets import Peer, Peers, dial
from txnats import InvalidOption
from txnats.testing import ChaosProxy
from txnats.testing.pipe import MOST_WAITING

RECORD = 100
TEXT = bytes(range(256)) * 4


class Proxies(TestCase):
    def setUp(self) -> None:
        self.peers = Peers()
        self.listening = reactor.listenTCP(0, self.peers, interface="127.0.0.1")
        self.target = cast(IPv4Address, self.listening.getHost()).port
        self.proxy = ChaosProxy(reactor, "127.0.0.1", self.target, record=RECORD).start()
        self.clients: list[Peer] = []

    def tearDown(self) -> Deferred[None]:  # type: ignore[override]
        return Deferred.fromCoroutine(self.end())

    async def end(self) -> None:
        await self.proxy.close()
        assert self.proxy.open == 0
        for peer in [*self.clients, *self.peers.all]:
            if peer.reason is None:
                peer.socket.abortConnection()
            await peer.lost()
        await maybeDeferred(self.listening.stopListening)

    async def pair(self) -> tuple[Peer, Peer]:
        """Both ends of a connection through the proxy."""
        client: Peer = await dial(self.proxy.port)
        self.clients.append(client)
        server = await self.peers.next()
        while len(self.proxy.to_server.pipes) < self.proxy.open:
            await _turn()
        return client, server

    async def test_a_straight_line(self) -> None:
        client, server = await self.pair()
        client.write(TEXT)
        assert await server.read(len(TEXT)) == TEXT
        server.write(TEXT[::-1])
        assert await client.read(len(TEXT)) == TEXT[::-1]
        assert (self.proxy.accepted, self.proxy.open, self.proxy.unreachable) == (1, 1, 0)
        assert (self.proxy.to_server.bytes, self.proxy.to_client.bytes) == (len(TEXT), len(TEXT))
        assert self.proxy.to_server.recorded == TEXT[:RECORD]
        assert self.proxy.to_client.recorded == TEXT[::-1][:RECORD]

    async def test_what_cannot_be_is_refused_where_it_is_set(self) -> None:
        direction = self.proxy.to_server
        for name, wrong in (("slices", 0), ("slices", 1.5), ("rate", 0), ("rate", -1), ("latency", -1)):
            before = getattr(direction, name)
            with pytest.raises(InvalidOption):
                setattr(direction, name, wrong)
            assert getattr(direction, name) == before

    async def test_megabytes_go_through_unchanged(self) -> None:
        client, server = await self.pair()
        data = TEXT * 8_000
        client.write(data)
        assert await server.read(len(data)) == data

    async def test_an_end_is_told_behind_the_last_byte(self) -> None:
        client, server = await self.pair()
        self.proxy.to_server.latency = 0.02
        client.write(TEXT)
        client.socket.loseConnection()
        assert isinstance(await server.lost(), ConnectionDone)
        assert server.data == TEXT
        assert isinstance(await client.lost(), ConnectionDone)

    async def test_the_server_may_end_it_too(self) -> None:
        client, server = await self.pair()
        server.write(TEXT)
        server.socket.loseConnection()
        assert isinstance(await client.lost(), ConnectionDone)
        assert client.data == TEXT

    async def test_a_reset_is_passed_on(self) -> None:
        client, server = await self.pair()
        client.socket.abortConnection()
        assert isinstance(await server.lost(), ConnectionLost)

    async def test_latency(self) -> None:
        client, server = await self.pair()
        self.proxy.to_server.latency = 0.05
        start = reactor.seconds()
        client.write(b"slow")
        assert await server.read(4) == b"slow"
        assert 0.05 <= reactor.seconds() - start < 2.0
        server.write(b"fast")
        assert await client.read(4) == b"fast"

    async def test_slices(self) -> None:
        client, server = await self.pair()
        self.proxy.to_server.slices, self.proxy.to_client.slices = 7, 1
        client.write(TEXT)
        assert await server.read(len(TEXT)) == TEXT
        # Some may meet on the way when the system is busy.
        assert len(server.pieces) > len(TEXT) / 50
        server.write(TEXT)
        assert await client.read(len(TEXT)) == TEXT
        assert len(client.pieces) > len(TEXT) / 20

    async def test_a_rate(self) -> None:
        client, server = await self.pair()
        self.proxy.to_server.rate = 20_000.0
        start = reactor.seconds()
        client.write(bytes(4_000))
        await server.read(4_000)
        # The last burst is not waited for.
        assert reactor.seconds() - start >= 0.15

    async def test_a_cut_at_a_byte(self) -> None:
        client, server = await self.pair()
        self.proxy.to_server.cut_after(100)
        client.write(TEXT[:60])
        await server.read(60)
        client.write(TEXT[60:])
        await server.lost()
        assert server.data == TEXT[60:100]
        assert isinstance(await client.lost(), (ConnectionLost, ConnectionDone))
        assert self.proxy.to_server.bytes == 100
        client, server = await self.pair()
        client.write(TEXT)
        assert await server.read(len(TEXT)) == TEXT

    async def test_a_cut_in_the_other_direction(self) -> None:
        client, server = await self.pair()
        self.proxy.to_client.cut_after(1)
        server.write(TEXT)
        await client.lost()
        assert client.data == TEXT[:1]
        await server.lost()

    async def test_a_reset(self) -> None:
        client, server = await self.pair()
        self.proxy.reset()
        for peer in (client, server):
            assert isinstance(await peer.lost(), ConnectionLost)

    async def test_half_open(self) -> None:
        client, server = await self.pair()
        client.write(b"before")
        await server.read(6)
        self.proxy.half_open = True
        assert self.proxy.half_open
        client.write(b"into the hole")
        server.write(b"likewise")
        await self.swallowed(13, 8)
        client.socket.loseConnection()
        await client.lost()
        late: Peer = await dial(self.proxy.port)
        self.clients.append(late)
        await self.peers.next()
        late.write(b"hello?")
        await self.swallowed(19, 8)
        assert (bytes(server.data), server.reason, late.reason) == (b"", None, None)

    async def test_what_lost_bytes_stays_dead_and_what_did_not_lives_on(self) -> None:
        (dead, dead_server), (alive, alive_server) = await self.pair(), await self.pair()
        self.proxy.to_server.black_hole = True
        dead.write(b"lost")
        await self.swallowed(4, 0)
        self.proxy.to_server.black_hole = False
        dead.write(b"more")
        alive.write(b"here")
        assert await alive_server.read(4) == b"here"
        await self.swallowed(8, 0)
        assert dead_server.data == b""
        dead_server.write(b"the other way")
        assert await dead.read(13) == b"the other way"

    async def test_a_stall_holds_the_sender_up(self) -> None:
        client, server = await self.pair()
        self.proxy.to_server.stalled = True
        client.feed_forever()
        await self.until_paused(client)
        assert self.proxy.to_server.bytes == 0
        self.proxy.to_server.stalled = False
        await server.read(20_000_000)
        client.socket.unregisterProducer()

    async def test_an_end_that_does_not_read_holds_the_other_one_up(self) -> None:
        client, server = await self.pair()
        server.socket.pauseProducing()
        client.feed_forever()
        await self.until_paused(client)
        (pipe,) = self.proxy.to_server.pipes
        assert pipe.waiting <= MOST_WAITING + 65_536
        server.socket.resumeProducing()
        await server.read(20_000_000)
        client.socket.unregisterProducer()

    async def test_refusing(self) -> None:
        client, server = await self.pair()
        port = self.proxy.port
        await self.proxy.refuse()
        await self.proxy.refuse()
        with pytest.raises(Refused):
            await dial(port)
        client.write(b"still here")
        assert await server.read(10) == b"still here"
        self.proxy.start()
        assert self.proxy.start().port == port
        await self.pair()

    async def test_no_server(self) -> None:
        await maybeDeferred(self.listening.stopListening)
        client: Peer = await dial(self.proxy.port)
        self.clients.append(client)
        await client.lost()
        assert (self.proxy.accepted, self.proxy.unreachable) == (1, 1)

    async def test_a_client_that_goes_before_it_is_through(self) -> None:
        client: Peer = await dial(self.proxy.port)
        client.socket.abortConnection()
        await client.lost()
        await self.proxy.close()

    async def test_the_end_leaves_nothing(self) -> None:
        pairs = [await self.pair() for _ in range(3)]
        self.proxy.to_server.latency = self.proxy.to_client.latency = 60.0
        for client, server in pairs:
            client.write(TEXT)
            server.write(TEXT)
        await deferLater(reactor, 0.01)
        await gatherResults([self.proxy.close(), self.proxy.close()])
        for peer in (peer for pair in pairs for peer in pair):
            assert isinstance(await peer.lost(), ConnectionLost)

    async def test_as_a_context(self) -> None:
        async with ChaosProxy(reactor, "127.0.0.1", self.target) as proxy:
            client: Peer = await dial(proxy.port)
            self.clients.append(client)
            await self.peers.next()
        assert isinstance(await client.lost(), ConnectionLost)
        with pytest.raises(Refused):
            await dial(proxy.port)

    async def swallowed(self, to_server: int, to_client: int) -> None:
        """Wait until so many bytes fell into the hole."""
        while (self.proxy.to_server.swallowed, self.proxy.to_client.swallowed) != (to_server, to_client):
            await _turn()

    async def until_paused(self, peer: Peer) -> None:
        """Wait until it is paused, and stays so while all buffers on the way come to rest."""
        before = -1
        while not peer.paused or peer.pauses != before:
            before = peer.pauses
            await deferLater(reactor, 0.05)


def _turn() -> Deferred[None]:
    """Once round the reactor."""
    return deferLater(reactor, 0.0, lambda: None)
