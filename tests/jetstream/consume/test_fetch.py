"""Fetching from a real server: what comes, what is left, and what the server says when there is nothing."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError

from tests.jetstream.consume.world import Receiving, numbers
from tests.jetstream.story import error_of
from txnats import ClientClosed, InvalidArgument, OperationTimeout
from txnats.jetstream import ConsumerConfig
from txnats.jetstream.assets.consumers import Consumer
from txnats.jetstream.consume.fetch_budget import FetchBudget
from txnats.jetstream.consume.fetching import Fetch
from txnats.jetstream.consume.pull import Pull
from txnats.jetstream.consume.pull_request import PullRequest
from txnats.jetstream.errors import (
    BadPullRequest,
    ConsumerDeleted,
    ConsumerIsPush,
    ConsumerNotFound,
    MessageExceedsMaxBytes,
    PullLimitExceeded,
    StreamNotFound,
)


@pytest.mark.usefixtures("class_server", "make_server")
class Fetching(Receiving):
    async def test_as_many_as_are_wanted(self) -> None:
        _, consumer = await self.world(10)
        assert numbers(await consumer.fetch(4)) == [0, 1, 2, 3]
        assert numbers(await consumer.fetch(100, 0.2)) == [4, 5, 6, 7, 8, 9]

    async def test_none_is_an_empty_list(self) -> None:
        _, consumer = await self.world()
        assert await consumer.fetch(5, 0.1) == []
        assert await consumer.fetch_no_wait(5) == []
        assert await consumer.fetch_bytes(1000, 0.1) == []
        assert isinstance(await error_of(consumer.next(0.1)), OperationTimeout)
        await until_waiting(consumer, 0)

    async def test_it_waits_for_what_comes_later(self) -> None:
        stream, consumer = await self.world()
        waiting = consumer.fetch(2, 20.0)
        following = consumer.next(20.0)
        await self.fill(stream, 0, 3)
        assert sorted([*numbers(await waiting), int((await following).payload)]) == [0, 1, 2]

    async def test_what_is_there_without_waiting(self) -> None:
        _, consumer = await self.world(3)
        assert numbers(await consumer.fetch_no_wait(2)) == [0, 1]
        assert numbers(await consumer.fetch_no_wait(5)) == [2]

    async def test_bytes(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        consumer = await self.consumer(stream)
        await self.fill(stream, 0, 10, size=100)
        first = await consumer.fetch_bytes(700, 2.0)
        assert 2 <= len(first) < 7
        assert numbers(first) == list(range(len(first)))
        error = await error_of(consumer.fetch_bytes(50, 2.0))
        assert isinstance(error, MessageExceedsMaxBytes)
        assert "max_bytes" in error.hint
        size = len(stream.name) + 2 + len(first[0].reply or "") + 100
        assert numbers(await consumer.fetch_bytes(size, 2.0)) == [len(first)]

    async def test_a_cancelled_fetch_gives_back_what_has_come(self) -> None:
        stream, consumer = await self.world(5)
        waiting = consumer.fetch(10, 30.0)
        await until_delivered(consumer, 5)
        waiting.cancel()
        assert isinstance(await error_of(waiting), CancelledError)
        again = await consumer.fetch(5, 5.0)
        assert numbers(again) == [0, 1, 2, 3, 4]
        assert {message.metadata.delivered for message in again} == {2}
        # The pull of before gets nothing any more.
        for message in again:
            message.ack()
        await self.fill(stream, 5, 8)
        assert numbers(await consumer.fetch(3, 5.0)) == [5, 6, 7]
        await until_settled(consumer, 3)
        assert (await consumer.info()).num_redelivered == 0

    async def test_what_comes_after_a_cancelled_fetch_is_given_back(self) -> None:
        stream, consumer = await self.world()
        client = stream.js.client
        for number in range(20):
            waiting = consumer.fetch(1, 30.0)
            await client.flush()
            # On its way while the pull is taken back.
            client.publish(f"{stream.name}.0", b"%d" % number)
            waiting.cancel()
            assert isinstance(await error_of(waiting), CancelledError)
            (message,) = await consumer.fetch(1, 5.0)
            assert int(message.payload) == number
            message.ack()

    async def test_no_such_consumer_or_stream(self) -> None:
        stream, _ = await self.world()
        assert isinstance(await error_of(Pull(stream.js, stream.name, "absent").fetch(1, 5.0)), ConsumerNotFound)
        assert isinstance(await error_of(Pull(stream.js, "absent", "absent").next(5.0)), StreamNotFound)

    async def test_the_consumer_or_its_stream_is_deleted_meanwhile(self) -> None:
        stream, consumer = await self.world()
        waiting = consumer.fetch(1, 30.0)
        await until_waiting(consumer, 1)
        await consumer.delete()
        assert isinstance(await error_of(waiting), ConsumerDeleted)
        consumer = await self.consumer(stream)
        waiting = consumer.fetch(1, 30.0)
        await until_waiting(consumer, 1)
        await stream.delete()
        assert isinstance(await error_of(waiting), ConsumerDeleted)

    async def test_what_has_come_is_given_even_if_it_ends_badly(self) -> None:
        _, consumer = await self.world(3)
        waiting = consumer.fetch(10, 30.0)
        await until_delivered(consumer, 3)
        await consumer.delete()
        assert numbers(await waiting) == [0, 1, 2]

    async def test_a_push_consumer_cannot_be_pulled_from(self) -> None:
        stream, _ = await self.world()
        name = "P"
        await stream.js.api.call(
            f"CONSUMER.CREATE.{stream.name}.{name}",
            b'{"stream_name":"%b","config":{"durable_name":"P","name":"P","deliver_subject":"d","ack_policy":"none"}}'
            % stream.name.encode(),
        )
        error = await error_of(Pull(stream.js, stream.name, name).fetch(1, 5.0))
        assert isinstance(error, ConsumerIsPush)
        assert "push" in str(error)

    async def test_limits_of_the_consumer(self) -> None:
        stream, _ = await self.world()
        consumer = await self.consumer(stream, max_batch=5, max_expires=1.0, max_bytes=1000, max_waiting=1)
        for asking in (consumer.fetch(6, 0.5), consumer.fetch(5, 1.5), consumer.fetch_bytes(1001, 0.5, messages=5)):
            error = await error_of(asking)
            assert isinstance(error, PullLimitExceeded)
            assert "Exceeded MaxRequest" in str(error)
        waiting = consumer.fetch(1, 0.9)
        error = await error_of(consumer.fetch(1, 0.9))
        assert isinstance(error, PullLimitExceeded)
        assert "MaxWaiting" in str(error)
        assert await waiting == []

    async def test_a_pull_that_the_server_does_not_understand(self) -> None:
        stream, consumer = await self.world()

        class Wrong(FetchBudget):
            def pull(self, expires: float, heartbeat: float) -> PullRequest:
                self.pulls += 1
                return PullRequest(token=self.pulls, batch=1, expires=0.0, heartbeat=1.0)

        budget = Wrong("S > C", messages=1, size=None, no_wait=False)
        error = await error_of(Fetch(stream.js, stream.name, consumer.name, budget, 5.0).done)
        assert isinstance(error, BadPullRequest)
        assert "heartbeat" in str(error)

    async def test_wrong_arguments_send_nothing(self) -> None:
        _, consumer = await self.world()
        for asking in (
            consumer.fetch(0),
            consumer.fetch(1, -1.0),
            consumer.fetch_bytes(0),
            consumer.fetch(2_000_000),
            consumer.next(float("nan")),
        ):
            assert isinstance(await error_of(asking), InvalidArgument)

    async def test_a_client_that_ends_ends_it(self) -> None:
        stream, consumer = await self.world()
        waiting = consumer.fetch(1, 30.0)
        await stream.js.client.close()
        assert isinstance(await error_of(waiting), ClientClosed)
        assert isinstance(await error_of(consumer.fetch(1)), ClientClosed)

    async def test_a_client_that_drains_ends_it_with_what_is_there(self) -> None:
        stream, consumer = await self.world(2)
        waiting = consumer.fetch(5, 30.0)
        await until_delivered(consumer, 2)
        draining = stream.js.client.drain()
        assert numbers(await waiting) == [0, 1]
        await draining

    async def test_without_acknowledgements(self) -> None:
        stream, _ = await self.world(3)
        consumer = await stream.create_consumer(ConsumerConfig(durable_name="none", ack_policy="none"))
        assert numbers(await consumer.fetch(3)) == [0, 1, 2]


async def until_delivered(consumer: Consumer, sequence: int) -> None:
    """The server has delivered so many, and they are here."""
    while (await consumer.info()).delivered.consumer_seq < sequence:
        pass
    await consumer.js.client.flush()


async def until_waiting(consumer: Consumer, count: int) -> None:
    """The server holds so many pulls."""
    while (await consumer.info()).num_waiting != count:
        pass


async def until_settled(consumer: Consumer, unsettled: int = 0) -> None:
    """The server, which takes acknowledgements in a turn of its own, waits for so many."""
    while (await consumer.info()).num_ack_pending != unsettled:
        pass
