"""P10 and P11: who receives from JetStream goes on after a crash, and misses nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

import txnats
from tests.promises.promise import Promise, apart, reactor, sized, turns, until
from txnats.jetstream import ConsumerConfig, JetStream, StreamConfig
from txnats.jetstream.assets.streams import Stream
from txnats.jetstream.consume.events import Recreated
from txnats.jetstream.consume.ordered import Ordered
from txnats.jetstream.consume.pull import Pull
from txnats.jetstream.consume.push import Push
from txnats.jetstream.message import JsMessage
from txnats.server import Cluster, NatsServer

NAME = "NUMBERS"
ACK_WAIT = 1.0
"""A crash loses acknowledgements that the server had not written down: they come again after this."""


class Reader:
    """Collects numbers in one of the ways to receive, and settles them."""

    def __init__(self, client: txnats.Client, kind: str) -> None:
        self.client = client
        self.js = JetStream(client)
        self.kind = kind
        self.seen: set[int] = set()
        self.leave: Callable[[], object] = lambda: None
        self.found_at = 0.0
        self._over = False

    async def start(self) -> None:
        await getattr(self, f"_{self.kind}")()

    def wait(self) -> None:
        """Note when the next message comes."""
        self.found_at = 0.0

    def take(self, message: JsMessage) -> None:
        self.seen.add(int(message.payload))
        self.found_at = self.found_at or reactor.seconds()
        if self.kind != "ordered":
            message.ack()

    async def _consumer(self, **more: Any) -> Pull:
        config = ConsumerConfig(durable_name=self.kind, ack_wait=ACK_WAIT, max_ack_pending=100_000, **more)
        stream = await self.js.stream(NAME)
        await stream.create_consumer(config)
        return Pull(self.js, NAME, self.kind)

    async def _fetch(self) -> None:
        pull = await self._consumer()

        async def fetch() -> None:
            while not self._over:
                for message in await pull.fetch(50, 20.0):
                    self.take(message)

        self._run(fetch())

    async def _next(self) -> None:
        pull = await self._consumer()

        async def one_by_one() -> None:
            while not self._over:
                self.take(await pull.next(20.0))

        self._run(one_by_one())

    async def _messages(self) -> None:
        messages = (await self._consumer()).messages()

        async def read() -> None:
            async for message in messages:
                self.take(message)

        self._run(read())
        self.leave = messages.close

    async def _consume(self) -> None:
        self.leave = (await self._consumer()).consume(self.take).stop

    async def _push(self) -> None:
        subject = self.client.new_inbox()
        config = b'{"durable_name":"push","name":"push","deliver_subject":"%b","ack_policy":"explicit",'
        config += b'"ack_wait":1000000000,"max_ack_pending":100000,"idle_heartbeat":500000000,"flow_control":true}'
        body = b'{"stream_name":"%b","config":%b}' % (NAME.encode(), config % subject.encode())
        await self.js.api.call(f"CONSUMER.CREATE.{NAME}.push", body)
        push = Push(self.js, NAME, "push", deliver_subject=subject, heartbeat=0.5)
        self.leave = push.consume(self.take).stop

    async def _ordered(self) -> None:
        self.leave = Ordered(self.js, NAME).consume(self.take).stop

    def _run(self, reading: Coroutine[Any, Any, None]) -> None:
        running = Deferred.fromCoroutine(reading)
        running.addErrback(lambda failure: failure.trap(txnats.ClientClosed, CancelledError) and None)
        self.leave = running.cancel

    def end(self) -> None:
        self._over = True
        self.leave()


KINDS = ("fetch", "next", "messages", "consume", "push", "ordered")


async def publish(js: JetStream, start: int, end: int) -> None:
    """Numbers from start to end - 1, each acknowledged."""
    async with js.publisher(max_in_flight=256) as publisher:
        for number in range(start, end):
            await publisher.publish(f"{NAME}.n", b"%d" % number, message_id=str(number))


@pytest.mark.usefixtures("make_server")
class Receiving(Promise):
    @sized
    async def test_p10_receivers_resume(self, kills: int, messages: int) -> None:
        """One node is killed and started again: while receivers are idle, and while messages flow."""
        server: NatsServer = self.make_server(jetstream=True)
        publisher = JetStream(await self.client(server.url))
        await publisher.create_stream(StreamConfig(name=NAME, subjects=[f"{NAME}.>"]))
        readers = [Reader(await self.client(server.url), kind) for kind in KINDS]
        for reader in readers:
            await reader.start()
        seconds: dict[str, float] = dict.fromkeys(KINDS, 0.0)
        count = 0
        for kill in range(kills):
            await publish(publisher, count, count + messages)
            count += messages
            if kill % 2 == 0:  # idle at the kill; else in the midst of it
                await all_have(readers, count)
            await apart(server.kill)
            await apart(server.restart)
            start = reactor.seconds()
            count += messages
            for reader in readers:
                reader.wait()
            await publish(publisher, count - messages, count)
            await all_have(readers, count)
            for reader in readers:
                seconds[reader.kind] = max(seconds[reader.kind], round(reader.found_at - start, 3))
        missed = sum(count - len(reader.seen) for reader in readers)
        for reader in readers:
            reader.end()
            await reader.client.flush()
        left = await left_behind(await publisher.stream(NAME))
        self.tell(
            kills=kills, published=count, seconds=seconds, slowest=max(seconds.values()), missed=missed, left=left
        )
        assert missed == 0
        assert left == 0
        assert max(seconds.values()) < 2.0

    @sized
    async def test_p10_a_leader_dies(self, kills: int, messages: int) -> None:
        """In a cluster the consumer's leader steps down, then dies, be it the server in use or another."""
        cluster = Cluster(3, jetstream=True)
        self.addCleanup(apart, cluster.stop)
        await apart(cluster.start)
        publisher = JetStream(await self.client(cluster.urls), timeout=30.0)
        stream = await publisher.create_stream(StreamConfig(name=NAME, subjects=[f"{NAME}.>"], num_replicas=3))
        config = ConsumerConfig(durable_name="worker", ack_wait=ACK_WAIT, max_ack_pending=100_000)
        consumer = await stream.create_consumer(config)
        seen: set[int] = set()

        def take(message: JsMessage) -> None:
            seen.add(int(message.payload))
            message.ack()

        client = await self.client(cluster.urls)
        consuming = Pull(JetStream(client), NAME, "worker").consume(take)
        slowest, count = 0.0, 0
        led = None
        while led is None or not led.leader or not (await consumer.info()).num_waiting:
            led = (await consumer.info()).cluster
        await consumer.step_down_leader()
        while (leads := (await consumer.info(timeout=30.0)).cluster) is None or leads.leader in {"", led.leader}:
            pass
        start = reactor.seconds()
        await publish(publisher, 0, messages)
        count += messages
        await until(lambda: len(seen) == count)
        stepped_down = round(reactor.seconds() - start, 3)
        for kill in range(kills):
            await publish(publisher, count, count + messages)
            count += messages
            await until(lambda: len(seen) == count)  # noqa: B023
            leader = (await consumer.info()).cluster
            assert leader is not None
            index = next(i for i, each in enumerate(cluster.servers) if each.config.name == leader.leader)
            # At first another one than the client's own, then its own.
            while (client.server_info.server_name == leader.leader) != bool(kill % 2):
                before = client.statistics.reconnects
                client.reconnect()
                await until(lambda: client.statistics.reconnects > before)  # noqa: B023
            await apart(cluster.kill, index)
            await publish(publisher, count, count + messages)
            count += messages
            await consumer.info(timeout=30.0)
            start = reactor.seconds()
            await until(lambda: len(seen) == count)  # noqa: B023
            slowest = max(slowest, round(reactor.seconds() - start, 3))
            await apart(cluster.restart, index)
        consuming.stop()
        self.tell(kills=kills, published=count, slowest=slowest, stepped_down=stepped_down, missed=count - len(seen))
        assert len(seen) == count
        assert slowest < 2.0 + ACK_WAIT

    @sized
    async def test_p11_in_order_through_faults(self, messages: int, faults: int) -> None:
        """Consumers deleted, connections cut, servers killed, heartbeats lost: each message once and in order."""
        server: NatsServer = self.make_server(jetstream=True)
        publisher = JetStream(await self.client(server.url))
        stream = await publisher.create_stream(StreamConfig(name=NAME, subjects=[f"{NAME}.>"]))
        await publish(publisher, 0, messages)
        client = await self.client(server.url)
        told: list[object] = []
        state = {"next": 0, "gaps": 0, "repeats": 0}

        def take(message: JsMessage) -> None:
            number = int(message.payload)
            if number > state["next"]:
                state["gaps"] += 1
            elif number < state["next"]:
                state["repeats"] += 1
            state["next"] = number + 1
            if state["next"] in stops:
                consuming.pauseProducing()

        stops = {messages * (fault + 1) // (faults + 1) for fault in range(faults)}
        consuming = Ordered(JetStream(client), NAME).consume(take, heartbeat=0.2, on_event=told.append)
        start = reactor.seconds()
        for fault, stop in enumerate(sorted(stops)):
            await until(lambda: state["next"] >= stop)  # noqa: B023
            consuming.resumeProducing()
            match fault % 4:
                case 0:
                    async for name in stream.consumer_names():
                        await stream.delete_consumer(name)
                case 1:
                    await apart(server.kill)
                    await apart(server.restart)
                case 2:
                    client.reconnect()
                case 3:
                    await apart(server.suspend)
                    await turns(0.7)  # three heartbeats and more
                    await apart(server.resume)
        await until(lambda: state["next"] >= messages, 60.0)
        seconds = reactor.seconds() - start
        drained = await consuming.drain()
        await client.flush()
        left = await left_behind(await publisher.stream(NAME))
        self.tell(
            messages=messages,
            faults=faults,
            gaps=state["gaps"],
            repeats=state["repeats"],
            consumers=1 + sum(isinstance(event, Recreated) for event in told),
            left=left,
            reading_seconds=round(seconds, 2),
        )
        assert (state["gaps"], state["repeats"], state["next"]) == (0, 0, messages)
        assert drained.handled == messages
        assert left == 0


async def all_have(readers: list[Reader], count: int) -> None:
    """Every reader has seen so many numbers."""
    end = reactor.seconds() + 60.0
    while behind := {reader.kind: len(reader.seen) for reader in readers if len(reader.seen) < count}:
        assert reactor.seconds() < end, f"behind {count}: {behind}"
        await turns(0.002)


async def left_behind(stream: Stream) -> int:
    """Pulls, and consumers that nobody has asked for, that are still at the server after some time."""
    end = reactor.seconds() + 5.0
    while True:
        infos = [info async for info in stream.consumers()]
        left = sum(info.num_waiting for info in infos) + sum(not info.config.durable_name for info in infos)
        if not left or reactor.seconds() > end:
            return left
