"""P1, P2, P3: what a stream has acknowledged stays, once, through kills, stops and cuts."""

from __future__ import annotations

import json

import pytest

from tests.promises.promise import Promise, reactor, sized
from tests.promises.publishers import Hurt, stored
from txnats.jetstream.context import JetStream
from txnats.testing.proxy import ChaosProxy


class Cluster(Promise):
    @sized
    async def test_p1_kills(self, kills: int, publishers: int) -> None:
        hurt = await Hurt.start(self, publishers=publishers)
        for number in range(kills):
            # The leader first, so that a short run meets an election too.
            await hurt.kill(None if number % 3 else await hurt.leader())
        await self.compare(hurt)

    @sized
    async def test_p1_kills_and_stops(self, kills: int, stops: int, publishers: int) -> None:
        hurt = await Hurt.start(self, publishers=publishers)
        for number in range(kills + stops):
            if number * stops // (kills + stops) != (number + 1) * stops // (kills + stops):
                await hurt.stop_leader()
            else:
                await hurt.kill()
        await self.compare(hurt)

    async def compare(self, hurt: Hurt) -> None:
        await hurt.end()
        figures = hurt.figures(await hurt.stored())
        self.tell(**figures)
        self.assertEqual((figures["lost"], figures["duplicated"]), (0, 0))
        self.assertEqual(figures["errors"], 0, figures["surfaced"])

    @sized
    async def test_p3_short_deadline(self, kills: int, publishers: int, timeout: float) -> None:
        hurt = await Hurt.start(self, publishers=publishers, timeout=timeout)
        for _ in range(kills):
            await hurt.kill(await hurt.leader())
        await hurt.end()
        figures = hurt.figures(await hurt.stored())
        self.tell(**figures)
        self.assertEqual((figures["lost"], figures["duplicated"]), (0, 0))
        self.assertLessEqual(set(figures["surfaced"]), {"JetStreamUnavailable", "PublishOutcomeUnknown"})
        self.assertLess(figures["slowest_publish"], timeout + 1)


@pytest.mark.usefixtures("make_server")
class Cut(Promise):
    @sized
    async def test_p2_cuts(self, cuts: int, in_flight: int) -> None:
        server = self.make_server(jetstream=True)
        straight = JetStream(await self.client(server.url))
        await straight.api.call("STREAM.CREATE.S", json.dumps({"name": "S", "subjects": ["s"]}).encode())
        proxy = ChaosProxy(reactor, server.host, server.port).start()
        self.addCleanup(proxy.close)
        client = await self.client(f"nats://127.0.0.1:{proxy.port}")
        js = JetStream(client)
        published = found_by_a_retry = 0
        for _ in range(cuts):
            # The server's answers stay in the proxy, and go with the connection.
            proxy.to_client.stalled = True
            names = [str(published + number) for number in range(in_flight)]
            publishing = [js.publish("s", name.encode(), message_id=name) for name in names]
            published += in_flight
            await self.holds(straight, published)
            self.assertFalse(any(each.called for each in publishing))
            proxy.reset()
            proxy.to_client.stalled = False
            acks = [await each for each in publishing]
            found_by_a_retry += sum(ack.duplicate for ack in acks)
        found = await stored(straight, "S")
        duplicates = found.total() - len(found)
        self.tell(published=published, found_by_a_retry=found_by_a_retry, duplicates=duplicates)
        self.assertEqual(duplicates, 0)
        self.assertEqual(len(found), published)
        self.assertEqual(found_by_a_retry, published)
        self.assertEqual(client.statistics.reconnects, cuts)

    async def holds(self, js: JetStream, count: int) -> None:
        """Until the stream holds so many."""
        end = reactor.seconds() + 20
        while (await js.api.call("STREAM.INFO.S"))["state"]["messages"] < count:
            assert reactor.seconds() < end
