"""P5: what is published while there is no connection: kept up to the last byte, whole and in order."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

import txnats
from tests.promises.promise import Promise, Told, reactor, sized, turns, until
from txnats import events
from txnats.server import NatsServer
from txnats.testing import ChaosProxy, FakeConnection, FakeServer, MemoryNetwork
from txnats.testing.commands import Command, Publish

SUBJECT = "kept"


def wire_size(size: int) -> int:
    """Bytes of a publish with a payload of this size."""
    return len(f"PUB {SUBJECT} {size}\r\n") + size + 2


def fitting(room: int) -> int | None:
    """The size of the payload whose publish takes exactly this room, if there is one."""
    return next((size for size in range(max(0, room - 30), room) if wire_size(size) == room), None)


@pytest.mark.usefixtures("make_server")
class Buffer(Promise):
    make_server: Callable[..., NatsServer]

    @sized
    async def test_p5_buffer_edge(self, buffers: tuple[int, ...]) -> None:
        """The buffer takes its last byte and not one more; what it took arrives, and nothing else."""
        edges = {}
        for buffer in buffers:
            for slices in (None, 7) if buffer < 10_000 else (None,):
                edges[buffer] = self.fill_and_release(buffer, slices)
        self.tell(failed_with_waiting={str(buffer): edge for buffer, edge in edges.items()}, order_violations=0)
        assert all(buffer - 25 < edge <= buffer for buffer, edge in edges.items())

    def fill_and_release(self, buffer: int, slices: int | None) -> int:
        """Fill it to the edge in some number of publishes, go past the edge, reconnect: how many bytes were waiting."""
        chance = random.Random(buffer)
        network = MemoryNetwork()
        arrived: list[bytes] = []

        def record(_: FakeConnection, command: Command) -> None:
            if isinstance(command, Publish):
                arrived.append(command.payload)

        server = FakeServer(network.clock, intercept=record)
        options = txnats.ReconnectOptions(buffer=buffer)
        client = network.run(txnats.connect(network.clock, network.endpoint(server), reconnect=options))
        server.kill()
        network.pump()
        assert not client._session.is_connected
        kept: list[bytes] = []

        def publish(size: int) -> None:
            payload = chance.randbytes(size)
            client.publish(SUBJECT, payload)
            kept.append(payload)

        while (room := buffer - client.statistics.waiting_bytes) > 200_000:
            publish(chance.randrange(100_000))
        while room > 200:
            publish(chance.randrange(room // 2))
            room = buffer - client.statistics.waiting_bytes
        last = fitting(room)
        if last is None and room > wire_size(0):
            publish(1)
            room = buffer - client.statistics.waiting_bytes
            last = fitting(room)
        if last is not None:
            self.refused(client, last + 1)
            publish(last)
            assert client.statistics.waiting_bytes == buffer
        edge = client.statistics.waiting_bytes
        self.refused(client, 0)
        self.refused(client, 1_000)
        assert client.statistics.waiting_bytes == edge
        network.slices = slices
        server.start()
        network.advance(5.0)
        assert client.status is txnats.Status.CONNECTED
        assert arrived == kept
        network.run(client.close())
        return edge

    def refused(self, client: txnats.Client, size: int) -> None:
        with self.assertRaises(txnats.OutboxFull):
            client.publish(SUBJECT, b"x" * size)

    @sized
    async def test_p5_cut_in_a_frame(self, cuts: int) -> None:
        """A connection that ends within a frame leaves no half of it behind, at the server or here."""
        server = self.make_server()
        chance = random.Random(5)
        told = Told()
        there, here = (ChaosProxy(reactor, server.host, server.port).start() for _ in range(2))
        self.addCleanup(there.close)
        self.addCleanup(here.close)
        publisher = await self.client(f"127.0.0.1:{there.port}", on_event=told)
        subscriber = await self.client(f"127.0.0.1:{here.port}", on_event=told)
        seen: list[int] = []
        broken = 0

        def body(number: int) -> bytes:
            return b"%d " % number + random.Random(number).randbytes(number % 3000)

        def check(message: txnats.Message) -> None:
            nonlocal broken
            number = int(message.payload.split(b" ")[0])
            seen.append(number)
            broken += message.payload != body(number)

        subscriber.subscribe(SUBJECT, check)
        await subscriber.flush()
        published = 0
        for cut in range(cuts):
            side = (there.to_server, here.to_client)[cut % 2]
            cutter: Any = (publisher, subscriber)[cut % 2]
            before = cutter.statistics.reconnects
            side.cut_after(chance.randrange(1, 60_000))
            while cutter.statistics.reconnects == before:
                for _ in range(10 if publisher.statistics.waiting_bytes < 500_000 else 0):
                    publisher.publish(SUBJECT, body(published))
                    published += 1
                await turns()
            await until(lambda: publisher.status is subscriber.status is txnats.Status.CONNECTED)
            await subscriber.flush()
            await publisher.flush()
        await subscriber.flush()
        inversions = sum(after <= before for before, after in pairwise(seen))
        errors = told.of(events.ServerErrorReported)
        self.tell(cuts=cuts, published=published, received=len(seen), broken=broken, inversions=inversions)
        assert broken == inversions == 0
        assert errors == []
        assert all(isinstance(event.reason, txnats.ConnectionLost) for event in told.of(events.Disconnected))
