"""Ordered consumers on a real server: whatever befalls them, each message once, in order, and nothing left behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.jetstream.consume.world import Receiving, Work, numbers
from tests.jetstream.story import error_of, reactor, until
from txnats import ClientClosed, EndOfStream, InvalidOption
from txnats.jetstream import ConsumerConfig
from txnats.jetstream.assets.streams import Stream
from txnats.jetstream.consume.events import ConsumeEvent, Recreated
from txnats.jetstream.consume.ordered import Ordered
from txnats.jetstream.errors import JetStreamError, StreamNotFound


async def names(stream: Stream) -> list[str]:
    return [name async for name in stream.consumer_names()]


async def none_is_left(stream: Stream) -> None:
    """The server deletes in a turn of its own."""
    end = reactor.seconds() + 10.0
    while left := await names(stream):
        assert reactor.seconds() < end, left


@pytest.mark.usefixtures("class_server", "make_server")
class InOrder(Receiving):
    async def filled(self, count: int) -> Stream:
        stream = await self.stream(await self.js())
        if count:
            await self.fill(stream, 0, count)
        return stream

    async def test_all_in_order_and_its_consumer_goes(self) -> None:
        stream = await self.filled(2000)
        messages = Ordered(stream.js, stream.name).messages(max_messages=100)
        assert numbers(await messages.collect(2000)) == list(range(2000))
        (name,) = await names(stream)
        assert name.endswith("_0")
        messages.close()
        await none_is_left(stream)

    async def test_what_is_wanted_and_from_where_on(self) -> None:
        stream = await self.filled(9)
        config = ConsumerConfig(filter_subject=f"{stream.name}.1", deliver_policy="by_start_sequence", opt_start_seq=3)
        messages = Ordered(stream.js, stream.name, config).messages()
        assert numbers(await messages.collect(2)) == [4, 7]
        messages.close()
        last = Ordered(stream.js, stream.name, ConsumerConfig(deliver_policy="last_per_subject")).messages()
        assert numbers(await last.collect(3)) == [6, 7, 8]
        last.close()

    async def test_by_a_handler_in_order(self) -> None:
        stream = await self.filled(100)
        work = Work()
        created: list[dict[str, Any]] = []
        consuming = Ordered(stream.js, stream.name).consume(work, max_messages=20, on_created=created.append)
        await until(lambda: work.begun)
        assert created[0]["num_pending"] == 100
        while len(work.begun) < 100:
            work.end()
            await stream.js.client.flush()
        assert work.begun == list(range(100))
        work.end()
        drained = await consuming.drain()
        assert (drained.handled, drained.abandoned) == (100, 0)
        await none_is_left(stream)

    async def test_a_deleted_consumer_is_made_anew(self) -> None:
        stream = await self.filled(10)
        told: list[ConsumeEvent] = []
        messages = Ordered(stream.js, stream.name).messages(on_event=told.append)
        assert numbers(await messages.collect(10)) == list(range(10))
        for round_ in range(1, 4):
            (name,) = await names(stream)
            await stream.delete_consumer(name)
            await self.fill(stream, round_ * 10, round_ * 10 + 10)
            assert numbers(await messages.collect(10)) == list(range(round_ * 10, round_ * 10 + 10))
        assert all(isinstance(event, Recreated) for event in told)
        assert [event.sequence for event in told if isinstance(event, Recreated)] == [11, 21, 31]
        messages.close()
        await none_is_left(stream)

    async def test_a_message_that_is_missing_is_fetched_by_another_consumer(self) -> None:
        stream = await self.filled(0)
        told: list[ConsumeEvent] = []
        messages = Ordered(stream.js, stream.name).messages(on_event=told.append)
        await until(lambda: messages._loop._part)  # type: ignore[attr-defined]
        feed = messages._loop._part.loop._feed  # type: ignore[attr-defined]
        accept = feed.accept
        feed.accept = lambda message: None if message.payload in {b"3", b"4"} else accept(message)
        await self.fill(stream, 0, 20)
        assert numbers(await messages.collect(20)) == list(range(20))
        assert [event.why for event in told if isinstance(event, Recreated)] == ["a message is missing"]
        await until(lambda: len(messages._loop._left) == 1)  # type: ignore[attr-defined]
        assert len(await names(stream)) == 1
        messages.close()
        await none_is_left(stream)

    async def test_messages_that_come_twice_are_given_out_once(self) -> None:
        stream = await self.filled(0)
        messages = Ordered(stream.js, stream.name).messages()
        await until(lambda: messages._loop._part)  # type: ignore[attr-defined]
        feed = messages._loop._part.loop._feed  # type: ignore[attr-defined]
        accept = feed.accept
        feed.accept = lambda message: (accept(message), accept(message))
        await self.fill(stream, 0, 20)
        assert numbers(await messages.collect(20)) == list(range(20))
        messages.close()

    async def test_silence_makes_it_anew(self) -> None:
        stream = await self.filled(0)
        told: list[ConsumeEvent] = []
        messages = Ordered(stream.js, stream.name).messages(heartbeat=0.1, on_event=told.append)
        await until(lambda: messages._loop._part)  # type: ignore[attr-defined]
        messages._loop._part.loop._feed.accept = lambda _: None  # type: ignore[attr-defined]
        await until(lambda: [event for event in told if isinstance(event, Recreated)])
        await self.fill(stream, 0, 3)
        assert numbers(await messages.collect(3)) == [0, 1, 2]
        messages.close()

    async def test_a_stream_that_is_gone_is_the_end(self) -> None:
        stream = await self.filled(1)
        messages = Ordered(stream.js, stream.name).messages()
        assert numbers(await messages.collect(1)) == [0]
        await stream.delete()
        assert isinstance(await error_of(messages.next(10.0)), StreamNotFound)
        absent = Ordered(stream.js, stream.name).messages()
        assert isinstance(await error_of(absent.next(10.0)), StreamNotFound)

    async def test_what_cannot_be_configured(self) -> None:
        stream = await self.filled(0)
        with pytest.raises(InvalidOption):
            Ordered(stream.js, stream.name, ConsumerConfig(durable_name="d"))
        wrong = ConsumerConfig(deliver_policy="by_start_sequence")
        assert isinstance(await error_of(Ordered(stream.js, stream.name, wrong).messages().next(10.0)), JetStreamError)

    async def test_it_ends_with_its_client(self) -> None:
        stream = await self.filled(0)
        messages = Ordered(stream.js, stream.name).messages()
        waiting = messages.next()
        await stream.js.client.close()
        assert isinstance(await error_of(waiting), ClientClosed)

    async def test_a_client_that_drains_leaves_nothing_behind(self) -> None:
        stream = await self.filled(3)
        messages = Ordered(stream.js, stream.name).messages()
        assert numbers(await messages.collect(3)) == [0, 1, 2]
        await stream.js.client.drain()
        assert isinstance(await error_of(messages.next()), EndOfStream)
        await none_is_left(await (await self.js()).stream(stream.name))

    async def test_it_is_closed_before_it_began(self) -> None:
        stream = await self.filled(1)
        messages = Ordered(stream.js, stream.name).messages()
        messages.close()
        await stream.js.client.flush()
        await none_is_left(stream)
        consuming = Ordered(stream.js, stream.name).consume(lambda _: None)
        await consuming.drain()
        await none_is_left(stream)
