"""What subscribing and asking for a PONG leave waiting has a bound, however slowly the server takes it."""

from __future__ import annotations

import pytest

import txnats
from tests.client.harness import Net, Outcome
from txnats.state.pings import MOST_WAITERS


@pytest.fixture
def net() -> Net:
    return Net()


def test_subscribing_to_a_server_that_does_not_read(net: Net) -> None:
    client = net.client(limits=txnats.Limits(outbox=10_000))
    net.settle()
    net.pipe.busy()
    client.publish("a", bytes(9_000))
    sub = client.subscribe("b", lambda _: None)  # a full outbox is no reason to refuse it

    def subscribe_without_an_end() -> None:
        for _ in range(10_000):
            client.subscribe("some.subject", lambda _: None).unsubscribe()

    with pytest.raises(txnats.OutboxFull) as caught:
        subscribe_without_an_end()
    assert "commands" in str(caught.value)
    assert client.statistics.subscriptions == 1
    assert client.statistics.waiting_bytes < 20_100
    with pytest.raises(txnats.OutboxFull):
        sub.unsubscribe(max_messages=5)
    with pytest.raises(txnats.OutboxFull):
        client.request_many("a")
    assert isinstance(Outcome(client.request("a")).error, txnats.OutboxFull)
    sub.unsubscribe()  # the end of one is always taken
    assert client.statistics.subscriptions == 0
    net.pipe.free()
    net.settle()
    asked = Outcome(client.request("a"))
    net.settle()
    assert isinstance(asked.error, txnats.NoResponders)
    net.end(client)


def test_pings_that_nobody_waits_for_any_more_are_bounded(net: Net) -> None:
    client = net.client(ping=txnats.PingOptions(interval=0))
    net.settle()
    net.server.reads = False
    sub = client.subscribe("a", lambda _: None)
    for _ in range(MOST_WAITERS):
        asked = Outcome(client.rtt())
        asked.deferred.cancel()
    for ask in (client.rtt, client.flush, sub.ready):
        assert isinstance(Outcome(ask()).error, txnats.OutboxFull)
    drained = Outcome(sub.drain())
    net.settle()
    assert not drained.fired
    net.pipe.send(b"PONG\r\n" * (MOST_WAITERS + 1))
    net.settle()
    assert drained.value.abandoned == 0
    flushed = Outcome(client.flush())
    net.pipe.send(b"PONG\r\n")
    net.settle()
    assert flushed.value is None
    net.end(client)
