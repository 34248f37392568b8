"""``consume`` on a real server: refills, keys, pauses, every way to end."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater

from tests.jetstream.consume.test_fetch import until_delivered, until_settled, until_waiting
from tests.jetstream.consume.world import Receiving, Work, numbers
from tests.jetstream.story import error_of, reactor, until
from txnats import ClientClosed, InvalidArgument, InvalidOption
from txnats.jetstream.consume.events import ConsumeEvent, HandlerFailed, HeartbeatsMissed, Pulled
from txnats.jetstream.errors import ConsumerDeleted, ConsumerNotFound, MessageExceedsMaxBytes, StreamNotFound
from txnats.jetstream.message import JsMessage


@pytest.mark.usefixtures("class_server", "make_server")
class Consuming(Receiving):
    async def test_all_messages_are_handled_in_order_and_settled(self) -> None:
        _, consumer = await self.world(2000)
        seen: list[int] = []

        def handle(message: JsMessage) -> None:
            seen.append(int(message.payload))
            message.ack()

        consuming = consumer.consume(handler=handle, max_messages=100)
        await until(lambda: len(seen) >= 2000)
        drained = await consuming.drain()
        assert (drained.handled, drained.abandoned) == (2000, 0)
        assert seen == list(range(2000))
        await consuming.when_done()
        assert not consuming.is_active
        await until_settled(consumer)
        info = await consumer.info()
        assert (info.num_pending, info.num_redelivered) == (0, 0)
        await until_waiting(consumer, 0)

    async def test_coroutines_and_deferreds_one_at_a_time_or_several(self) -> None:
        for concurrency in (1, 7):
            _, consumer = await self.world(60)
            busy, most, seen = 0, 0, []

            async def handle(message: JsMessage) -> None:
                nonlocal busy, most
                busy += 1
                most = max(most, busy)
                await deferLater(reactor, 0)
                seen.append(int(message.payload))  # noqa: B023
                message.ack()
                busy -= 1

            consuming = consumer.consume(handle, max_messages=20, concurrency=concurrency)
            await until(lambda: len(seen) >= 60)  # noqa: B023
            assert most == concurrency
            assert sorted(seen) == list(range(60))
            consuming.stop()
            await consuming.when_done()

    async def test_order_by_key(self) -> None:
        _, consumer = await self.world(30)
        work = Work()
        consuming = consumer.consume(work, concurrency=10, key=lambda message: message.subject)
        await until(lambda: len(work.begun) == 3)
        assert work.begun == [0, 1, 2]
        work.end(1)
        assert work.begun == [0, 1, 2, 4]
        while len(work.begun) < 30:
            work.end()
        assert [[n for n in work.begun if n % 3 == key] for key in range(3)] == [
            list(range(key, 30, 3)) for key in range(3)
        ]
        work.end()
        await consuming.drain()

    async def test_no_more_are_out_than_may_be(self) -> None:
        stream, consumer = await self.world(100)
        work = Work()
        consuming = consumer.consume(work, max_messages=10)
        await until_delivered(consumer, 10)
        await stream.js.client.flush()
        assert (work.begun, consuming.pending) == ([0], 9)
        assert (await consumer.info()).num_waiting == 0
        for number in range(20):
            await until(lambda: number in work.open)  # noqa: B023
            work.end(number)
        await until_delivered(consumer, 25)
        assert consuming.pending + len(work.open) <= 11
        consuming.stop()
        work.end()
        await consuming.when_done()

    async def test_bytes_bound_it_too(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        consumer = await self.consumer(stream)
        await self.fill(stream, 0, 300, size=1000)
        seen: list[int] = []
        most = 0

        async def handle(message: JsMessage) -> None:
            nonlocal most
            await deferLater(reactor, 0)
            most = max(most, consuming.pending)
            seen.append(int(message.payload))
            message.ack()

        consuming = consumer.consume(handle, max_bytes=10_000)
        await until(lambda: len(seen) >= 300)
        assert seen == list(range(300))
        assert most < 10
        await consuming.drain()

    async def test_a_message_larger_than_all_bytes_is_the_end(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        consumer = await self.consumer(stream)
        await self.fill(stream, 0, 1, size=10_000)
        consuming = consumer.consume(lambda _: None, max_bytes=5000)
        assert isinstance(await error_of(consuming.when_done()), MessageExceedsMaxBytes)
        assert isinstance(consuming.error, MessageExceedsMaxBytes)

    async def test_lower_limits_of_the_consumer_are_kept(self) -> None:
        stream, _ = await self.world(100)
        consumer = await self.consumer(stream, max_batch=10, max_expires=2.0)
        told: list[ConsumeEvent] = []
        seen: list[int] = []

        def handle(message: JsMessage) -> None:
            seen.append(int(message.payload))
            message.ack()

        consuming = consumer.consume(handle, max_messages=50, on_event=told.append)
        await until(lambda: len(seen) >= 100)
        assert seen == list(range(100))
        assert {type(event) for event in told} == {Pulled}
        assert {event.code for event in told if isinstance(event, Pulled)} == {409}
        await consuming.drain()

    async def test_more_loops_than_may_wait_take_turns(self) -> None:
        stream, _ = await self.world()
        consumer = await self.consumer(stream, max_waiting=1)
        seen: list[int] = []
        told: list[ConsumeEvent] = []

        def handle(message: JsMessage) -> None:
            seen.append(int(message.payload))
            message.ack()

        loops = [consumer.consume(handle, expires=1.0, on_event=told.append) for _ in range(2)]
        # The server says nothing to a pull with heartbeats that finds no room: it is the silence that tells.
        await until(lambda: told)
        assert isinstance(told[0], HeartbeatsMissed)
        loops[0].stop()
        loops[1].stop()
        one = consumer.consume(handle, expires=1.0)
        await self.fill(stream, 0, 5)
        await until(lambda: len(seen) >= 5)
        one.stop()

    async def test_what_was_not_handled_is_given_back_at_once(self) -> None:
        _, consumer = await self.world(20)
        work = Work()
        consuming = consumer.consume(work)
        await until(lambda: consuming.pending == 19)
        consuming.stop()
        consuming.stop()
        again = await consumer.fetch(19, 5.0)
        assert sorted(numbers(again)) == list(range(1, 20))
        assert not consuming.is_active
        done = consuming.when_done()
        assert not done.called  # one is in work
        work.end(0)
        await done
        assert (await consuming.drain()).handled == 1

    async def test_a_drain_handles_what_is_here_and_pulls_no_more(self) -> None:
        _, consumer = await self.world(20)
        work = Work()
        consuming = consumer.consume(work, max_messages=10)
        await until(lambda: consuming.pending == 9)
        draining = consuming.drain()
        while not draining.called:
            work.end()
            await deferLater(reactor, 0)
        assert work.begun == list(range(10))
        assert (await draining).handled == 10
        assert numbers(await consumer.fetch(10)) == list(range(10, 20))

    async def test_a_drain_that_takes_too_long_gives_back_the_rest(self) -> None:
        _, consumer = await self.world(5)
        work = Work()
        consuming = consumer.consume(work)
        await until(lambda: consuming.pending == 4)
        drained = await consuming.drain(0.05)
        assert (drained.handled, drained.abandoned) == (0, 5)
        assert sorted(numbers(await consumer.fetch(4, 5.0))) == [1, 2, 3, 4]
        work.end()

    async def test_a_handler_may_drain_its_own_loop(self) -> None:
        _, consumer = await self.world(5)
        results: list[Any] = []

        async def handle(message: JsMessage) -> None:
            message.ack()
            if message.payload == b"2":
                results.append(await consuming.drain())

        consuming = consumer.consume(handle)
        await until(lambda: results)
        assert results[0].handled == 4

    async def test_a_client_that_drains_waits_for_the_handlers(self) -> None:
        stream, consumer = await self.world(5)
        handled: list[int] = []

        async def handle(message: JsMessage) -> None:
            await deferLater(reactor, 0.01)
            handled.append(int(message.payload))
            message.ack()

        consuming = consumer.consume(handle)
        await until(lambda: handled)
        report = await stream.js.client.drain()
        assert handled == [0, 1, 2, 3, 4]
        assert report.abandoned == 0
        await consuming.when_done()
        other = await self.js()
        seen_by_another = await (await other.stream(stream.name)).consumer(consumer.name)
        await until_settled(seen_by_another)
        assert (await seen_by_another.info()).num_pending == 0

    async def test_a_client_that_closes_ends_it(self) -> None:
        stream, consumer = await self.world()
        consuming = consumer.consume(lambda _: None)
        await stream.js.client.close()
        assert isinstance(await error_of(consuming.when_done()), ClientClosed)
        with pytest.raises(ClientClosed):
            consumer.consume(lambda _: None)

    async def test_the_consumer_or_its_stream_is_deleted(self) -> None:
        stream, consumer = await self.world()
        consuming = consumer.consume(lambda _: None)
        await until_waiting(consumer, 1)
        await consumer.delete()
        assert isinstance(await error_of(consuming.when_done()), ConsumerDeleted)
        assert isinstance(await error_of(consumer.consume(lambda _: None).when_done()), ConsumerNotFound)
        consumer = await self.consumer(stream)
        consuming = consumer.consume(lambda _: None)
        await until_waiting(consumer, 1)
        await stream.delete()
        assert isinstance(await error_of(consuming.when_done()), ConsumerDeleted)
        assert isinstance(await error_of(consumer.consume(lambda _: None).when_done()), StreamNotFound)

    async def test_what_is_here_is_handled_when_the_consumer_is_deleted(self) -> None:
        _, consumer = await self.world(3)
        work = Work()
        consuming = consumer.consume(work)
        await until(lambda: consuming.pending == 2)
        await consumer.delete()
        done = consuming.when_done()
        await until(lambda: not consuming.is_active)
        for number in range(3):
            assert not done.called
            work.end(number)
        assert isinstance(await error_of(done), ConsumerDeleted)

    async def test_a_handler_that_raises_ends_nothing(self) -> None:
        _, consumer = await self.world(4, ack_wait=30.0)
        told: list[ConsumeEvent] = []
        seen: list[int] = []

        def handle(message: JsMessage) -> object:
            seen.append(int(message.payload))
            if message.payload == b"1":
                raise ValueError("at once")
            if message.payload == b"2":
                failing: Deferred[None] = succeed(None)
                return failing.addCallback(lambda _: 1 / 0)
            message.ack()
            return None

        consuming = consumer.consume(handle, on_event=told.append)
        await until(lambda: len(seen) == 4)
        failures = [event for event in told if isinstance(event, HandlerFailed)]
        assert [type(event.error) for event in failures] == [ValueError, ZeroDivisionError]
        assert len(self.flushLoggedErrors(ValueError, ZeroDivisionError)) == 2
        await consuming.drain()
        await until_settled(consumer, 2)

    async def test_an_on_event_that_raises_is_logged(self) -> None:
        _, consumer = await self.world(1)

        def handle(_: JsMessage) -> None:
            raise ValueError

        def on_event(_: ConsumeEvent) -> None:
            raise KeyError

        consuming = consumer.consume(handle, on_event=on_event)
        await until(lambda: consuming.handled == 1)
        assert len(self.flushLoggedErrors(ValueError, KeyError)) == 2
        consuming.stop()

    async def test_a_paused_loop_hands_nothing_over_and_pulls_no_more_than_it_may(self) -> None:
        _, consumer = await self.world(50)
        seen: list[int] = []

        def handle(message: JsMessage) -> None:
            seen.append(int(message.payload))
            message.ack()
            if len(seen) % 10 == 0:
                consuming.pauseProducing()

        consuming = consumer.consume(handle, max_messages=20)
        for count in (10, 20, 30, 40, 50):
            await until(lambda: len(seen) == count)  # noqa: B023
            await consumer.info()
            assert len(seen) == count
            assert consuming.pending <= 20
            consuming.resumeProducing()
        consuming.stopProducing()
        await consuming.when_done()

    async def test_wrong_arguments(self) -> None:
        stream, consumer = await self.world()
        subscriptions = stream.js.client.statistics.subscriptions
        for wrong in (
            {"max_messages": 0},
            {"max_messages": 2_000_000},
            {"max_bytes": 0},
            {"expires": 0.5},
            {"heartbeat": 16.0},
            {"heartbeat": 0.0},
            {"threshold": 501},
            {"threshold": 0},
            {"concurrency": 0},
            {"key": "x"},
        ):
            with pytest.raises(InvalidOption):
                consumer.consume(lambda _: None, **wrong)
        with pytest.raises(InvalidArgument):
            consumer.consume("no handler")  # type: ignore[arg-type]
        assert stream.js.client.statistics.subscriptions == subscriptions
        consuming = consumer.consume(lambda _: None)
        assert isinstance(await error_of(consuming.drain(-1.0)), InvalidArgument)
        assert consumer.name in repr(consuming)
        consuming.stop()

    async def test_nothing_is_left_behind(self) -> None:
        stream, consumer = await self.world()
        client = stream.js.client
        await client.flush()
        before = client.statistics.subscriptions
        for _ in range(5):
            consumer.consume(lambda _: None).stop()
            consumer.messages().close()
        await client.flush()
        await until(lambda: client.statistics.subscriptions == before)
        assert not client._hub._streams
