"""Consumers on a real server: made, changed, listed, paused, reset, unpinned, deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.jetstream.story import JetStreamStory, error_of, until
from txnats import InvalidArgument
from txnats.jetstream import (
    Consumer,
    ConsumerConfig,
    ConsumerNameInUse,
    ConsumerNotFound,
    JetStream,
    JsMessage,
    Stream,
    StreamConfig,
    error_codes,
    errors,
)


@pytest.mark.usefixtures("class_server", "make_server")
class ConsumerStory(JetStreamStory):
    async def filled(self, name: str, count: int = 6, **fields: Any) -> tuple[JetStream, Stream]:
        """A stream with ``name.0`` and ``name.1`` in turn, the sequence as payload."""
        js = await self.js()
        stream = await js.create_stream(StreamConfig(name=name, subjects=[f"{name}.>"], **fields))
        for number in range(1, count + 1):
            await js.publish(f"{name}.{number % 2}", f"{number}")
        return js, stream


class TestMaking(ConsumerStory):
    async def test_create_update_and_either(self) -> None:
        _, stream = await self.filled("MAKE")
        config = ConsumerConfig(durable_name="d", max_ack_pending=10)
        made = await stream.create_consumer(config)
        assert (await stream.create_consumer(config)).cached.created == made.cached.created
        other = config.replace(max_ack_pending=11)
        assert type(await error_of(stream.create_consumer(other))) is ConsumerNameInUse
        assert (await stream.update_consumer(other)).config.max_ack_pending == 11
        assert (await stream.create_or_update_consumer(config)).config.max_ack_pending == 10
        assert (await made.update(made.config.replace(max_ack_pending=12))).config.max_ack_pending == 12
        absent = config.replace(durable_name="absent")
        assert type(await error_of(stream.update_consumer(absent))) is ConsumerNotFound
        assert isinstance(await error_of(made.update(absent)), InvalidArgument)
        assert isinstance(await error_of(stream.update_consumer(ConsumerConfig())), InvalidArgument)

    async def test_one_without_a_name_gets_one(self) -> None:
        _, stream = await self.filled("NAMELESS")
        one, two = await stream.create_consumer(ConsumerConfig()), await stream.create_consumer(ConsumerConfig())
        assert one.name != two.name
        assert [message.payload for message in await one.fetch(2)] == [b"1", b"2"]

    async def test_filters_of_every_form(self) -> None:
        _, stream = await self.filled("FILTER")
        cases: list[tuple[dict[str, Any], list[int]]] = [
            ({"filter_subject": "FILTER.1"}, [1, 3, 5]),
            ({"filter_subject": "FILTER.*"}, [1, 2, 3, 4, 5, 6]),
            ({"filter_subject": "FILTER.>"}, [1, 2, 3, 4, 5, 6]),
            ({"filter_subjects": ["FILTER.0"]}, [2, 4, 6]),
            ({"filter_subjects": ["FILTER.0", "FILTER.1"]}, [1, 2, 3, 4, 5, 6]),
        ]
        for fields, wanted in cases:
            for names in ({}, {"durable_name": "d"}, {"name": "n"}):
                consumer = await stream.create_consumer(ConsumerConfig(**{**fields, **names}))
                assert [int(each.payload) for each in await consumer.fetch(6, 0.2)] == wanted
                await consumer.delete()

    async def test_listing(self) -> None:
        _, stream = await self.filled("LIST", 0)
        wanted = [f"c{number:03}" for number in range(300)]
        for name in wanted:
            await stream.create_consumer(ConsumerConfig(durable_name=name, mem_storage=True))
        assert sorted(await stream.consumer_names().collect()) == wanted
        assert sorted([info.name async for info in stream.consumers()]) == wanted

    async def test_absent_ones(self) -> None:
        js, stream = await self.filled("ABSENT", 0)
        assert type(await error_of(stream.consumer("no"))) is ConsumerNotFound
        assert type(await error_of(stream.delete_consumer("no"))) is ConsumerNotFound
        assert isinstance(await error_of(stream.consumer("a.b")), InvalidArgument)
        assert isinstance(await error_of(stream.delete_consumer("")), InvalidArgument)
        await js.delete_stream("ABSENT")
        assert type(await error_of(stream.create_consumer(ConsumerConfig()))) is errors.StreamNotFound
        assert type(await error_of(stream.consumer_names().collect())) is errors.StreamNotFound

    async def test_the_servers_own_rules_are_told(self) -> None:
        _, stream = await self.filled("RULES", retention="workqueue")
        await stream.create_consumer(ConsumerConfig(durable_name="one"))
        error = await error_of(stream.create_consumer(ConsumerConfig(durable_name="two")))
        assert type(error) is error_codes.ConsumerWQMultipleUnfiltered


class TestKinds(ConsumerStory):
    async def test_push_and_pull_are_not_confused(self) -> None:
        _, stream = await self.filled("KINDS")
        push = await stream.create_push_consumer(ConsumerConfig(durable_name="push", deliver_subject="to.me"))
        assert push.config.deliver_subject == "to.me"
        await stream.create_consumer(ConsumerConfig(durable_name="pull"))
        assert type(await error_of(stream.consumer("push"))) is errors.ConsumerIsPush
        assert isinstance(await error_of(stream.push_consumer("pull")), InvalidArgument)
        assert (await stream.push_consumer("push")).name == "push"
        config = ConsumerConfig(durable_name="x", deliver_subject="y")
        assert isinstance(await error_of(stream.create_consumer(config)), InvalidArgument)

    async def test_a_push_consumer_sends_to_an_inbox_of_ours(self) -> None:
        _, stream = await self.filled("PUSH")
        push = await stream.create_push_consumer(ConsumerConfig())
        got: list[bytes] = []

        def take(message: JsMessage) -> None:
            got.append(message.payload)
            message.ack()

        consuming = push.consume(take)
        await until(lambda: len(got) == 6)
        consuming.stop()
        assert got == [b"1", b"2", b"3", b"4", b"5", b"6"]

    async def test_an_ordered_consumer_reads_in_order(self) -> None:
        _, stream = await self.filled("ORDER")
        for config in (None, ConsumerConfig(filter_subject="ORDER.>")):
            async with stream.ordered_consumer(config).messages() as messages:
                assert [(await messages.next(5)).payload for _ in range(6)] == [b"1", b"2", b"3", b"4", b"5", b"6"]
        with pytest.raises(InvalidArgument):
            stream.ordered_consumer(ConsumerConfig(durable_name="d"))


class TestManaging(ConsumerStory):
    async def made(self, name: str, **fields: Any) -> Consumer:
        _, stream = await self.filled(name)
        return await stream.create_consumer(ConsumerConfig(durable_name="d", **fields))

    async def test_info_tells_where_it_is(self) -> None:
        consumer = await self.made("WHERE")
        messages = await consumer.fetch(3)
        await messages[0].ack_sync()
        info = await consumer.info()
        assert (info.num_pending, info.num_ack_pending, info.delivered.stream_seq) == (3, 2, 3)
        assert (info.ack_floor.stream_seq, consumer.cached) == (1, info)
        assert not info.extra

    async def test_pause_and_resume(self) -> None:
        consumer = await self.made("PAUSE")
        until_then = datetime.now(UTC) + timedelta(hours=1)
        paused = await consumer.pause(until_then)
        assert (paused.paused, paused.pause_until) == (True, until_then)
        assert 3500 < paused.pause_remaining <= 3600
        assert (await consumer.info()).paused
        assert await consumer.fetch(1, 0.2) == []
        assert not (await consumer.resume()).paused
        assert len(await consumer.fetch(1)) == 1
        naive = datetime(2026, 1, 1)  # noqa: DTZ001
        assert isinstance(await error_of(consumer.pause(naive)), InvalidArgument)

    async def test_reset(self) -> None:
        consumer = await self.made("RESET")
        for message in await consumer.fetch(4):
            await message.ack_sync()
        await consumer.fetch(1)
        info = await consumer.reset()
        assert info.reset_seq == 5
        assert [int(each.payload) for each in await consumer.fetch(2)] == [5, 6]
        assert (await consumer.reset(2)).reset_seq == 2
        assert [int(each.payload) for each in await consumer.fetch(9, 0.2)] == [2, 3, 4, 5, 6]
        assert isinstance(await error_of(consumer.reset(-1)), InvalidArgument)

    async def test_unpin(self) -> None:
        consumer = await self.made("PIN", priority_policy="pinned_client", priority_groups=["A"])
        await consumer.unpin("A")
        assert type(await error_of(consumer.unpin("B"))) is error_codes.ConsumerInvalidPriorityGroup

    async def test_delete(self) -> None:
        consumer = await self.made("DELETE")
        await consumer.delete()
        assert type(await error_of(consumer.info())) is ConsumerNotFound
        assert type(await error_of(consumer.delete())) is ConsumerNotFound

    async def test_a_metric_of_its_own_words(self) -> None:
        consumer = await self.made("REPR")
        assert "REPR > d, 6 to deliver" in repr(consumer)
