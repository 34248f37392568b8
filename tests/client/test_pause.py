"""The policy pause: the connection is read again as soon as half of the backlog is free, whatever had filled it."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

import txnats
from tests.client.harness import Net, Outcome
from txnats import events
from txnats.message import Message


@pytest.fixture
def net() -> Net:
    return Net()


def readable(net: Net, client: txnats.Client) -> None:
    """The whole connection is read: the server's answers arrive."""
    assert net.pipe.is_reading()
    flushed = Outcome(client.flush())
    net.settle()
    assert flushed.value is None


@pytest.mark.parametrize("kind", ["stream", "handler", "keyed"])
def test_a_message_above_the_limit_that_is_taken_at_once_pauses_nothing(net: Net, kind: str) -> None:
    client = net.client()
    got: list[int] = []

    def handler(message: Message) -> None:
        got.append(message.size)

    options: dict[str, Any] = {"keyed": {"key": lambda _: 1, "concurrency": 2}}.get(kind, {})
    sub = client.subscribe(
        "a", None if kind == "stream" else handler, slow_policy="pause", pending_bytes=1000, **options
    )
    net.settle()
    for _ in range(3):
        if kind == "stream":
            sub.next().addCallback(handler)
        net.pipe.msg("a", bytes(2000))
        net.settle()
    assert got == [2000] * 3
    assert not net.told(events.SlowConsumer)
    readable(net, client)
    net.end(client)


def test_a_message_above_the_limit_that_waits_pauses_until_it_is_taken(net: Net) -> None:
    client = net.client()
    work: list[Deferred[None]] = []

    def handler(_: Message) -> Deferred[None]:
        work.append(Deferred())
        return work[-1]

    client.subscribe("a", handler, slow_policy="pause", pending_bytes=1000)
    net.settle()
    net.pipe.msg("a", b"busy", bytes(2000))
    net.settle()
    assert not net.pipe.is_reading()
    assert len(net.told(events.SlowConsumer)) == 1
    work.pop(0).callback(None)
    readable(net, client)  # though that large one is in work
    work.pop(0).callback(None)
    net.end(client)


def _unsubscribe(sub: txnats.Subscription) -> None:
    sub.unsubscribe()


def _read(sub: txnats.Subscription) -> None:
    while sub.pending:
        sub.next()


@pytest.mark.parametrize("act", [_unsubscribe, _read])
def test_acting_when_slow_consumer_is_told(net: Net, act: Any) -> None:
    def on_event(event: events.Event) -> None:
        if isinstance(event, events.SlowConsumer):
            act(event.subscription)

    client = net.client(on_event=on_event)
    client.subscribe("slow", slow_policy="pause", pending_messages=2)
    net.settle()
    net.pipe.msg("slow", b"1", b"2", b"3", b"4")
    net.settle()
    readable(net, client)
    net.end(client)


def test_one_busy_handler_of_several_does_not_keep_it_paused(net: Net) -> None:
    client = net.client()
    work: list[Deferred[None]] = []

    def handler(_: Message) -> Deferred[None]:
        work.append(Deferred())
        return work[-1]

    sub = client.subscribe("a", handler, slow_policy="pause", pending_messages=4, concurrency=2)
    net.settle()
    net.pipe.msg("a", *[b"x"] * 7)
    net.settle()
    assert (len(work), sub.pending) == (2, 5)
    assert not net.pipe.is_reading()
    for left in (4, 3, 2):
        assert not net.pipe.is_reading()
        work.pop().callback(None)
        assert sub.pending == left
    readable(net, client)  # half is free; the first message is in work all the time
    net.end(client)
