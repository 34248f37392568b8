"""JetStream as far as the in-memory server knows it: the same stories on a real one."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.contract.worlds import InMemory, OnNatsServer, Story, in_every_world
from txnats import OperationTimeout, kv
from txnats.jetstream import ConsumerConfig, Expect, JetStream, Stream, StreamConfig, errors
from txnats.jetstream import error_codes as codes

SOON = 5.0


async def error_of(deferred: Deferred[Any]) -> tuple[type[BaseException], int, int, str]:
    """An error as a program sees it."""
    with pytest.raises(errors.JetStreamError) as caught:
        await deferred
    error = caught.value
    return type(error), error.code, error.err_code, error.description


class Held(Story):
    async def home(self) -> tuple[JetStream, Stream]:
        await self.serve(jetstream=True)
        js = JetStream(await self.connect())
        return js, await js.create_stream(StreamConfig(name="ORDERS", subjects=["orders.>"], allow_direct=True))

    async def test_what_is_stored(self) -> None:
        js, stream = await self.home()
        first = await js.publish("orders.1", b"tea", headers={"A": "1"}, message_id="one")
        again = await js.publish("orders.1", b"tea", headers={"A": "1"}, message_id="one")
        second = await js.publish("orders.2", b"milk")
        assert (first.sequence, again.sequence, again.duplicate, second.sequence) == (1, 1, True, 2)
        state = (await stream.info()).state
        assert (state.messages, state.first_seq, state.last_seq, state.num_subjects) == (2, 1, 2, 2)
        assert state.bytes == 30 + 8 + 3 + 30 + 8 + 4 + 4 + len(b"NATS/1.0\r\nA: 1\r\nNats-Msg-Id: one\r\n\r\n")
        one = await stream.get_message(1)
        last = await stream.get_last("orders.2")
        assert (one.subject, one.payload, one.headers.get("A"), last.sequence) == ("orders.1", b"tea", "1", 2)
        with pytest.raises(errors.MessageNotFound):
            await stream.get_message(9)

    async def test_what_is_refused(self) -> None:
        js, stream = await self.home()
        await js.publish("orders.1", b"tea")
        assert await error_of(js.publish("orders.1", b"", expect=Expect(last_sequence=7))) == (
            errors.WrongLastSequence, 400, 10071, "wrong last sequence: 1",
        )  # fmt: skip
        assert await error_of(js.publish("orders.2", b"", expect=Expect(last_subject_sequence=7))) == (
            errors.WrongLastSequence, 400, 10071, "wrong last sequence: 0",
        )  # fmt: skip
        assert (await error_of(js.publish("orders.1", b"", expect=Expect(stream="OTHER"))))[2] == 10060
        assert await error_of(js.publish("nobody", b"")) == (
            errors.NoStreamForSubject, 503, 0, "no stream takes this subject",
        )  # fmt: skip
        assert await error_of(js.stream("NONE")) == (errors.StreamNotFound, 404, 10059, "stream not found")
        other = StreamConfig(name="ORDERS", subjects=["else"])
        assert (await error_of(js.create_stream(other)))[:3] == (errors.StreamNameInUse, 400, 10058)
        overlapping = StreamConfig(name="OTHER", subjects=["orders.1"])
        assert (await error_of(js.create_stream(overlapping)))[:3] == (codes.StreamSubjectOverlap, 400, 10065)
        assert await error_of(stream.consumer("none")) == (errors.ConsumerNotFound, 404, 10014, "consumer not found")
        assert (await js.publish("orders.1", b"")).sequence == 2

    async def test_limits_of_a_stream(self) -> None:
        await self.serve(jetstream=True)
        js = JetStream(await self.connect())
        config = StreamConfig(name="SMALL", subjects=["s.>"], max_msgs=3, max_msgs_per_subject=2)
        small = await js.create_stream(config)
        for number, subject in enumerate(["s.a", "s.a", "s.a", "s.b", "s.c"]):
            await js.publish(subject, b"%d" % number)
        state = (await small.info()).state
        assert (state.messages, state.first_seq, state.last_seq) == (3, 3, 5)
        full = StreamConfig(name="FULL", subjects=["f"], max_msgs=1, discard="new", max_msg_size=10)
        await js.create_stream(full)
        await js.publish("f", b"1")
        assert (await error_of(js.publish("f", b"2")))[1:] == (503, 10077, "maximum messages exceeded")
        assert (await error_of(js.publish("f", b"x" * 11)))[2:] == (10054, "message size exceeds maximum allowed")
        assert await small.purge() == 3
        state = (await small.info()).state
        assert (state.messages, state.first_seq, state.last_seq) == (0, 6, 5)

    async def test_a_consumer_at_work(self) -> None:
        js, stream = await self.home()
        for number in range(1, 6):
            await js.publish(f"orders.{number}", b"%d" % number)
        consumer = await stream.create_consumer(ConsumerConfig(durable_name="worker", max_deliver=2))
        one, two, three = await consumer.fetch(3, max_wait=SOON)
        assert [each.metadata.pending for each in (one, two, three)] == [4, 3, 2]
        one.ack()
        two.nak()
        three.term("broken")
        # Which of them is first is a matter of how soon the server looks at what was given back.
        left = sorted(await consumer.fetch(3, max_wait=SOON), key=lambda each: each.metadata.stream_sequence)
        assert [(each.metadata.stream_sequence, each.metadata.delivered) for each in left] == [(2, 2), (4, 1), (5, 1)]
        info = await consumer.info()
        assert (info.delivered.consumer_seq, info.delivered.stream_seq, info.num_ack_pending) == (6, 5, 3)
        assert (info.ack_floor.stream_seq, info.num_pending, info.num_redelivered) == (1, 0, 1)
        for each in left:
            await each.ack_sync()
        info = await consumer.info()
        assert (info.num_ack_pending, info.ack_floor.stream_seq, info.ack_floor.consumer_seq) == (0, 5, 6)
        assert await consumer.fetch(10, max_wait=0.2) == []

    async def test_what_comes_again(self) -> None:
        js, stream = await self.home()
        await js.publish("orders.1", b"1")
        config = ConsumerConfig(durable_name="impatient", ack_wait=0.5, max_deliver=3)
        consumer = await stream.create_consumer(config)
        seen = []
        for _ in range(3):
            message = await consumer.next(max_wait=SOON)
            assert message is not None
            seen.append(message.metadata.delivered)
        assert seen == [1, 2, 3]
        with pytest.raises(OperationTimeout):
            await consumer.next(max_wait=1.0)

    async def test_filters_and_where_it_begins(self) -> None:
        js, stream = await self.home()
        for subject in ("orders.a.1", "orders.b.1", "orders.a.2", "orders.a.1"):
            await js.publish(subject, subject.encode())

        async def got(**config: Any) -> list[int]:
            consumer = await stream.create_consumer(ConsumerConfig(**config))
            return [each.metadata.stream_sequence for each in await consumer.fetch(10, max_wait=0.2)]

        assert await got(filter_subject="orders.a.*") == [1, 3, 4]
        assert await got(filter_subjects=["orders.a.1", "orders.b.*"]) == [1, 2, 4]
        assert await got(deliver_policy="last") == [4]
        assert await got(deliver_policy="last_per_subject", filter_subject="orders.>") == [2, 3, 4]
        assert await got(deliver_policy="by_start_sequence", opt_start_seq=3) == [3, 4]
        assert await got(deliver_policy="new") == []

    async def test_those_who_wait_are_told(self) -> None:
        js, stream = await self.home()
        consumer = await stream.create_consumer(ConsumerConfig(durable_name="worker"))
        waiting = consumer.fetch(1, max_wait=SOON)
        await js.client.flush()
        await js.publish("orders.1", b"now")
        assert [each.payload for each in await waiting] == [b"now"]
        reading = consumer.messages().next()
        await js.client.flush()
        await stream.delete_consumer("worker")
        with pytest.raises(errors.ConsumerDeleted):
            await reading

    async def test_a_work_queue_forgets_what_is_done(self) -> None:
        await self.serve(jetstream=True)
        js = JetStream(await self.connect())
        jobs = await js.create_stream(StreamConfig(name="JOBS", subjects=["jobs"], retention="workqueue"))
        consumer = await jobs.create_consumer(ConsumerConfig(durable_name="worker"))
        for number in range(3):
            await js.publish("jobs", b"%d" % number)
        for message in await consumer.fetch(2, max_wait=SOON):
            await message.ack_sync()
        assert (await jobs.info()).state.messages == 1

    async def test_names_and_lists(self) -> None:
        js, stream = await self.home()
        await js.create_stream(StreamConfig(name="ALSO", subjects=["also"]))
        await stream.create_consumer(ConsumerConfig(durable_name="b"))
        await stream.create_consumer(ConsumerConfig(durable_name="a"))
        assert [name async for name in js.stream_names()] == ["ALSO", "ORDERS"]
        assert [name async for name in js.stream_names("also")] == ["ALSO"]
        assert [info.config.name async for info in js.streams()] == ["ALSO", "ORDERS"]
        assert sorted([name async for name in stream.consumer_names()]) == ["a", "b"]
        await js.delete_stream("ALSO")
        assert (await error_of(js.delete_stream("ALSO")))[0] is errors.StreamNotFound

    async def test_an_ordered_consumer(self) -> None:
        js, stream = await self.home()
        for number in range(20):
            await js.publish("orders.1", b"%d" % number)
        messages = stream.ordered_consumer().messages()
        assert [int(each.payload) for each in await messages.collect(20)] == list(range(20))
        messages.close()

    async def test_a_bucket(self) -> None:
        await self.serve(jetstream=True)
        bucket = await kv.create(JetStream(await self.connect()), kv.BucketConfig("profiles", history=2))
        first = await bucket.put("joe", b"1")
        assert (await bucket.get("joe")).value == b"1"
        second = await bucket.update("joe", b"2", first)
        with pytest.raises(kv.WrongRevision):
            await bucket.update("joe", b"3", first)
        with pytest.raises(kv.KeyExists):
            await bucket.create("joe", b"")
        await bucket.create("ann", b"3")
        assert sorted(await bucket.keys().collect()) == ["ann", "joe"]
        assert [entry.value async for entry in bucket.history("joe")] == [b"1", b"2"]
        await bucket.delete("joe")
        with pytest.raises(kv.KeyNotFound):
            await bucket.get("joe")
        assert second == 2
        assert await bucket.create("joe", b"again") == 5


globals().update(in_every_world(Held, (InMemory, OnNatsServer)))
