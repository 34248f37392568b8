"""Advisories: read from text, and told by a real server."""

from __future__ import annotations

import json

import pytest

from tests.jetstream.story import JetStreamStory, error_of
from txnats import ClientClosed, RemoteProtocolError
from txnats.jetstream import ConsumerConfig, StreamConfig, advisories
from txnats.jetstream.advisories import BY_TYPE, Advisory, read


@pytest.mark.parametrize("wire", BY_TYPE)
def test_each_kind_is_read(wire: str) -> None:
    told = {"type": wire, "id": "x", "timestamp": "2026-01-01T00:00:00.5Z", "domain": "hub", "of_the_future": 1}
    advisory = read(json.dumps(told).encode())
    assert type(advisory) is BY_TYPE[wire]
    assert (advisory.id, advisory.domain, advisory.extra) == ("x", "hub", {"of_the_future": 1})
    assert advisory.timestamp is not None


def test_an_unknown_kind_stays_generic() -> None:
    advisory = read(b'{"type":"io.nats.jetstream.advisory.v9.news","stream":"S"}')
    assert type(advisory) is Advisory
    assert (advisory.type, advisory.extra) == ("io.nats.jetstream.advisory.v9.news", {"stream": "S"})


@pytest.mark.parametrize("text", [b"", b"[]", b'{"id":5}'])
def test_what_cannot_be_read(text: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read(text)


@pytest.mark.usefixtures("class_server")
class TestOfAServer(JetStreamStory):
    async def test_what_happens_is_told(self) -> None:
        js = await self.js()
        told = js.advisories()
        await told.ready()

        async def expect(kind: type[Advisory], **facts: object) -> None:
            advisory = await told.next(5.0)
            while isinstance(advisory, advisories.ApiAudit):
                advisory = await told.next(5.0)
            assert type(advisory) is kind
            assert {name: getattr(advisory, name) for name in facts} == facts

        stream = await js.create_stream(StreamConfig(name="TOLD", subjects=["told"]))
        await expect(advisories.StreamAction, stream="TOLD", action="create")
        await stream.update(stream.config.replace(max_msgs=5))
        await expect(advisories.StreamAction, stream="TOLD", action="modify")
        consumer = await stream.create_consumer(ConsumerConfig(durable_name="d"))
        await expect(advisories.ConsumerAction, consumer="d", action="create")
        await js.publish("told", b"x")
        (message,) = await consumer.fetch(1)
        message.term("spoiled")
        await expect(advisories.MessageTerminated, consumer="d", stream_seq=1, reason="spoiled")
        await consumer.delete()
        await expect(advisories.ConsumerAction, consumer="d", action="delete")
        await stream.delete()
        await expect(advisories.StreamAction, stream="TOLD", action="delete")
        told.close()
        assert (told.missed, told.unreadable) == (0, 0)

    async def test_a_part_of_them_and_metrics(self) -> None:
        js = await self.js()
        told = js.advisories("CONSUMER.MAX_DELIVERIES.>", metrics=True)
        await told.ready()
        stream = await js.create_stream(StreamConfig(name="PART", subjects=["part"]))
        config = ConsumerConfig(durable_name="d", max_deliver=1, ack_wait=0.05, sample_freq="100%")
        consumer = await stream.create_consumer(config)
        for _ in range(2):
            await js.publish("part", b"x")
        messages = await consumer.fetch(2)
        await messages[0].ack_sync()
        kinds = {type(await told.next(5.0)) for _ in range(2)}
        assert kinds == {advisories.ConsumerAck, advisories.MaxDeliver}

    async def test_nonsense_is_counted_and_the_end_is_told(self) -> None:
        js = await self.js()
        told = js.advisories()
        await told.ready()
        js.client.publish("$JS.EVENT.ADVISORY.X", b"nonsense")
        js.client.publish("$JS.EVENT.ADVISORY.X", b'{"type":"mine"}')
        assert (await told.next(5.0)).type == "mine"
        assert told.unreadable == 1
        await js.client.close()
        assert isinstance(await error_of(told.next()), ClientClosed)
