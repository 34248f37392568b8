"""``messages`` on a real server: an iterator that pulls ahead, and its pouring into Twisted consumers."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IConsumer
from twisted.internet.task import deferLater
from zope.interface import implementer

from tests.jetstream.consume.test_fetch import until_settled, until_waiting
from tests.jetstream.consume.world import Receiving, numbers
from tests.jetstream.story import error_of, reactor, until
from txnats import ClientClosed, EndOfStream, OperationTimeout
from txnats.jetstream.errors import ConsumerDeleted


@implementer(IConsumer)
class Target:
    """A consumer that is full after some writes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.written: list[bytes] = []
        self.producer: object = None
        self.streaming = False

    def registerProducer(self, producer: object, streaming: bool) -> None:
        self.producer, self.streaming = producer, streaming

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if len(self.written) % self.room == 0:
            self.producer.pauseProducing()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("class_server", "make_server")
class Messages(Receiving):
    async def test_a_loop_over_all(self) -> None:
        _, consumer = await self.world(1000)
        seen = []
        async for message in consumer.messages(max_messages=64):
            seen.append(int(message.payload))
            message.ack()
            if len(seen) == 1000:
                break
        assert seen == list(range(1000))
        await until_settled(consumer)
        await until_waiting(consumer, 0)

    async def test_leaving_gives_back_what_was_not_read(self) -> None:
        _, consumer = await self.world(10)
        async for message in consumer.messages():
            message.ack()
            break
        again = await consumer.fetch(9, 5.0)
        assert sorted(numbers(again)) == list(range(1, 10))

    async def test_next_and_collect(self) -> None:
        stream, consumer = await self.world(3)
        messages = consumer.messages()
        assert (await messages.next()).payload == b"0"
        assert numbers(await messages.collect(2)) == [1, 2]
        assert isinstance(await error_of(messages.next(0.05)), OperationTimeout)
        waiting = messages.next()
        waiting.cancel()
        assert isinstance(await error_of(waiting), CancelledError)
        await self.fill(stream, 3, 4)
        assert (await messages.next(5.0)).payload == b"3"
        messages.close()
        assert isinstance(await error_of(messages.next()), EndOfStream)

    async def test_a_drain_ends_behind_what_is_here(self) -> None:
        _, consumer = await self.world(20)
        messages = consumer.messages(max_messages=10)
        await until(lambda: messages.pending == 10)
        draining = messages.drain()
        assert numbers(await messages.collect()) == list(range(10))
        assert ((await draining).handled, (await messages.drain()).handled) == (10, 10)
        assert numbers(await consumer.fetch(20, 0.5)) == list(range(10, 20))

    async def test_a_drain_in_vain_gives_back_the_rest(self) -> None:
        _, consumer = await self.world(5)
        messages = consumer.messages()
        await until(lambda: messages.pending == 5)
        assert (await messages.drain(0.05)).abandoned == 5
        assert sorted(numbers(await consumer.fetch(5, 5.0))) == [0, 1, 2, 3, 4]

    async def test_a_deleted_consumer_ends_it_behind_what_is_here(self) -> None:
        _, consumer = await self.world(3)
        messages = consumer.messages()
        await until(lambda: messages.pending == 3)
        await consumer.delete()
        assert numbers(await messages.collect(3)) == [0, 1, 2]
        assert isinstance(await error_of(messages.next()), ConsumerDeleted)

    async def test_a_client_that_ends(self) -> None:
        stream, consumer = await self.world()
        messages = consumer.messages()
        waiting = messages.next()
        await stream.js.client.close()
        assert isinstance(await error_of(waiting), ClientClosed)

    async def test_a_client_that_drains_waits_for_the_reader(self) -> None:
        stream, consumer = await self.world(3)
        messages = consumer.messages()
        await until(lambda: messages.pending == 3)
        draining = stream.js.client.drain()
        for number in range(3):
            await deferLater(reactor, 0.01)
            assert not draining.called
            message = await messages.next()
            assert int(message.payload) == number
            message.ack()
        await draining
        assert isinstance(await error_of(messages.next()), EndOfStream)

    async def test_poured_as_fast_as_the_target_takes_it(self) -> None:
        _, consumer = await self.world(100)
        target = Target(room=10)
        messages = consumer.messages(max_messages=20)
        pouring = messages.pour(target, lambda message: message.payload + b"\n")
        assert target.streaming
        for count in range(10, 101, 10):
            await until(lambda: len(target.written) >= count)  # noqa: B023
            await consumer.info()
            assert len(target.written) == count
            pouring.resumeProducing()
        assert b"".join(target.written) == b"".join(b"%d\n" % number for number in range(100))
        pouring.stopProducing()
        pouring.stopProducing()
        assert await pouring.when_done() == 100
        assert target.producer is None
        await until_settled(consumer)
        assert (await consumer.info()).num_pending == 0

    async def test_poured_until_the_iterator_ends(self) -> None:
        _, consumer = await self.world(10)
        target = Target(room=1000)
        pouring = consumer.messages().pour(target)
        done = pouring.when_done()
        await until(lambda: len(target.written) == 10)
        await consumer.delete()
        assert isinstance(await error_of(done), ConsumerDeleted)
        assert isinstance(await error_of(pouring.when_done()), ConsumerDeleted)

    async def test_a_target_that_raises_ends_it_and_gives_back(self) -> None:
        _, consumer = await self.world(3)
        pouring = consumer.messages().pour(Target(room=1000), lambda message: 1 // int(message.payload) * b"x")
        assert isinstance(await error_of(pouring.when_done()), ZeroDivisionError)
        assert sorted(numbers(await consumer.fetch(3, 5.0))) == [0, 1, 2]
