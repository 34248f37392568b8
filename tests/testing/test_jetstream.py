"""What tests of programs can do with the JetStream in memory, beside what a server does."""

from __future__ import annotations

from typing import Any

import pytest

from txnats import RequestTimeout
from txnats.jetstream import ConsumerConfig, JetStream, StreamConfig, StreamSource, errors
from txnats.jetstream import error_codes as codes
from txnats.jetstream.consume import events as consuming
from txnats.testing import World
from txnats.testing.jetstream import Settlement

pytest_plugins = ["txnats.testing.fixtures"]


@pytest.fixture
def js(nats: World) -> JetStream:
    nats.jetstream.add_stream("ORDERS", ["orders.>"]).add_consumer("worker")
    return JetStream(nats.run(nats.connect()))


async def take(js: JetStream, count: int) -> list[Any]:
    consumer = await (await js.stream("ORDERS")).consumer("worker")
    return await consumer.fetch(count, max_wait=5.0)


def test_what_was_published_is_there_to_look_at(nats: World, js: JetStream) -> None:
    nats.run(js.publish("orders.1", b"tea", headers={"A": "1"}))
    (stored,) = nats.jetstream.streams["ORDERS"].messages
    assert (stored.sequence, stored.subject, stored.payload, stored.headers.get("A")) == (1, "orders.1", b"tea", "1")


def test_what_is_said_of_messages_is_recorded(nats: World, js: JetStream) -> None:
    orders = nats.jetstream.streams["ORDERS"]
    worker = orders.consumers["worker"]
    for number in range(4):
        orders.add("orders.1", b"%d" % number)
    messages = nats.run(take(js, 4))
    assert worker.in_work == [1, 2, 3, 4]
    messages[0].ack()
    messages[1].nak(delay=2.5)
    messages[2].in_progress()
    messages[2].term("broken")
    nats.run(messages[3].ack_sync())
    assert worker.settled == [
        Settlement(1, "ack"),
        Settlement(2, "nak", delay=2.5),
        Settlement(3, "in_progress"),
        Settlement(3, "term", reason="broken"),
        Settlement(4, "ack"),
    ]
    assert (worker.acked, worker.in_work) == ([1, 4], [2])
    (again,) = nats.run(take(js, 1))
    assert (again.payload, again.metadata.delivered) == (b"1", 2)


def test_publishes_are_refused_by_name(nats: World, js: JetStream) -> None:
    orders = nats.jetstream.streams["ORDERS"]
    orders.refuse(codes.InsufficientResources)
    orders.refuse(errors.WrongLastSequence, "wrong last sequence: 7")
    with pytest.raises(codes.InsufficientResources):
        nats.run(js.publish("orders.1"))
    with pytest.raises(errors.WrongLastSequence) as caught:
        nats.run(js.publish("orders.1"))
    assert caught.value.last_sequence == 7
    assert nats.run(js.publish("orders.1")).sequence == 1


def test_an_ack_that_does_not_come(nats: World, js: JetStream) -> None:
    orders = nats.jetstream.streams["ORDERS"]
    orders.withhold_acks()
    with pytest.raises(errors.PublishOutcomeUnknown):
        nats.run(js.publish("orders.1", timeout=5.0))
    assert len(orders.messages) == 1
    orders.withhold_acks()
    assert nats.run(js.publish("orders.1", message_id="a", timeout=5.0)).duplicate


def test_calls_are_refused_by_name(nats: World, js: JetStream) -> None:
    nats.jetstream.refuse("STREAM.INFO.*", errors.StreamNotFound)
    nats.jetstream.refuse(">", errors.JetStreamNotEnabled)
    with pytest.raises(errors.StreamNotFound):
        nats.run(js.stream("ORDERS"))
    with pytest.raises(errors.JetStreamNotEnabled):
        nats.run(js.stream("ORDERS"))
    assert nats.run(js.stream("ORDERS")).name == "ORDERS"
    nats.jetstream.ignore(">", times=100)
    with pytest.raises(RequestTimeout):
        nats.run(js.stream("ORDERS"))


def test_an_error_with_words_of_its_own(nats: World, js: JetStream) -> None:
    nats.jetstream.refuse("STREAM.CREATE.*", errors.JetStreamError(418, 12345, "a teapot"))
    with pytest.raises(errors.JetStreamError, match=r"a teapot \[418/12345\]"):
        nats.run(js.create_stream(StreamConfig(name="TEA", subjects=["tea"])))


def test_a_status_ends_the_pulls_that_wait(nats: World, js: JetStream) -> None:
    told: list[Any] = []

    async def main() -> None:
        consumer = await (await js.stream("ORDERS")).consumer("worker")
        messages = consumer.messages(on_event=told.append)
        reading = messages.next()
        await js.client.flush()
        nats.jetstream.streams["ORDERS"].consumers["worker"].say("409 Leadership Change")
        nats.jetstream.streams["ORDERS"].add("orders.1", b"after")
        assert (await reading).payload == b"after"
        messages.close()

    nats.run(main())
    assert all(isinstance(each, consuming.ConsumeEvent) for each in told)


def test_what_it_does_not_know_it_says(nats: World, js: JetStream) -> None:
    with pytest.raises(codes.BadRequest, match="knows no mirror: use NatsServer"):
        nats.run(js.create_stream(StreamConfig(name="M", mirror=StreamSource(name="ORDERS"))))
    stream = nats.run(js.stream("ORDERS"))
    with pytest.raises(codes.BadRequest, match="knows no deliver_subject"):
        nats.run(stream.create_push_consumer(ConsumerConfig(deliver_subject="d")))
    with pytest.raises(codes.BadRequest, match=r"knows no STREAM\.LEADER"):
        nats.run(js.api.call("STREAM.LEADER.STEPDOWN.ORDERS"))


def test_calls_that_cannot_be_read() -> None:
    world = World(jetstream=True)
    client = world.run(world.connect())
    refused = world.run(client.request("$JS.API.STREAM.CREATE.A", b"{"))
    assert b'"err_code":10025' in refused.payload
    world.jetstream.add_stream("A", ["a"]).add_consumer("c")
    world.jetstream.streams["A"].add("a", b"1")
    for body in (b"1", b"nonsense"):
        inbox = client.subscribe("here.*")
        client.publish("$JS.API.CONSUMER.MSG.NEXT.A.c", body, reply="here.1")
        world.jetstream.streams["A"].add("a", b"more")
        assert world.run(inbox.next(5.0)).subject == "a"
        inbox.unsubscribe()
    inbox = client.subscribe("here.*")
    client.publish("$JS.API.CONSUMER.MSG.NEXT.A.c", b"{", reply="here.1")
    assert world.run(inbox.next(5.0)).status == 400
    world.close()


def test_streams_outlive_the_server(nats: World, js: JetStream) -> None:
    nats.run(js.publish("orders.1", b"kept"))
    nats.suffer("server restarted")
    assert [each.payload for each in nats.run(take(js, 1))] == [b"kept"]


def test_a_plain_server_has_none(nats: World) -> None:
    js = JetStream(nats.run(nats.connect()))
    with pytest.raises(errors.JetStreamNotEnabled):
        nats.run(js.stream("ORDERS"))
    with pytest.raises(AssertionError, match="refused"):
        nats.jetstream.add_stream("S", ["s"], max_msg_size=1).add("s", b"too large")
