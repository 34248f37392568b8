"""The move from a lame duck to another server: what each of the two is told, and what becomes of what each has."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

import txnats
from tests.client.harness import FakeServer, Net, Outcome
from txnats import events
from txnats.message import Message

DUCK = b'INFO {"ldm": true, "max_payload": 1048576, "headers": true}\r\n'


class Move:
    """A client whose server becomes a lame duck, beside a good one."""

    def __init__(self, **options: Any) -> None:
        self.net = Net(1, 2)
        self.client = self.net.client(**options)
        self.old, self.new = self.net.servers[1], self.net.servers[2]

    def begin(self) -> None:
        """The old server is a lame duck; the new one lets us in and does not answer yet."""
        self.new.slow = True
        self.old.pipe.send(DUCK)
        self.net.settle()
        self.new.slow = False

    def go_on(self) -> None:
        for waiting in self.new.waiting:
            self.net.let_in(self.new, *waiting)
        self.new.waiting.clear()
        self.net.settle()

    def make(self) -> None:
        """The client publishes at the new server from now on."""
        self.begin()
        self.go_on()
        assert len(self.net.told(events.Reconnected)) == 1

    def publish(self, count: int, payload: bytes = b"x") -> None:
        for _ in range(count):
            self.client.publish("p", payload)
        self.net.settle()

    def arrived(self, server: FakeServer) -> int:
        return len(server.pipe.published)


# What each server counts


def test_a_move_that_was_given_up_changes_no_count() -> None:
    move = Move()
    net, client = move.net, move.client
    sub = client.subscribe("a", lambda _: None)
    net.settle()
    net.servers[1].pipe.msg("a", *[b"x"] * 10)
    net.settle()
    move.begin()
    move.new.pongs = False
    factory, connecting = move.new.waiting.pop()
    net.let_in(move.new, factory, connecting)
    net.settle()
    move.new.pipe.send(b"PONG\r\n")  # the one that ends its handshake; that of its preparation never comes
    net.settle()
    assert move.new.pipe.subs
    net.wait(16, 1)
    assert move.new.pipe.gone
    sub.unsubscribe(max_messages=15)
    net.settle()
    assert move.old.pipe.log.endswith(b"UNSUB 1 15\r\n")
    net.end(client)


def test_each_server_is_told_of_a_limit_in_its_own_numbers() -> None:
    move = Move()
    net, client = move.net, move.client
    sub = client.subscribe("a", lambda _: None)
    net.settle()
    move.old.pipe.msg("a", *[b"x"] * 10)
    net.settle()
    move.begin()
    factory, connecting = move.new.waiting.pop()
    net.let_in(move.new, factory, connecting)
    while b"SUB a 1" not in bytes(move.new.pipe.log):
        net.clock.advance(0)
        move.new.pipe.step()
    sub.unsubscribe(max_messages=15)
    net.settle()
    assert b"UNSUB 1 15\r\n" in move.old.pipe.log
    assert b"UNSUB 1 5\r\n" in move.new.pipe.log
    assert len(net.told(events.Reconnected)) == 1
    move.new.pipe.msg("a", b"x")
    net.settle()
    sub.unsubscribe(max_messages=20)
    net.settle()
    assert move.new.pipe.log.endswith(b"UNSUB 1 10\r\n")
    net.end(client)


# What becomes of publishes


def test_flush_waits_for_the_server_that_was_left_too() -> None:
    move = Move()
    net, client = move.net, move.client
    move.old.reads = False
    move.publish(3)
    move.make()
    flushed = Outcome(client.flush())
    asked = Outcome(client.rtt())
    net.wait(0.3)
    assert asked.fired  # that one is about the server in use
    assert not flushed.fired
    assert client.statistics.unconfirmed == 3
    move.old.reads = True
    net.settle()
    assert flushed.value is None
    assert (client.statistics.unconfirmed, move.arrived(move.old)) == (0, 3)
    net.wait(1)
    assert not net.told(events.Disconnected)
    net.end(client)


@pytest.mark.parametrize("replay", [False, True])
def test_flush_tells_when_the_server_that_was_left_has_not_read(replay: bool) -> None:
    move = Move(reconnect=txnats.ReconnectOptions(shuffle=False, replay_unconfirmed=replay))
    net, client = move.net, move.client
    move.old.reads = False
    move.publish(3)
    move.make()
    flushed, cancelled = Outcome(client.flush()), Outcome(client.flush())
    cancelled.deferred.cancel()
    move.old.pipe.cut()
    net.settle()
    assert [event.unconfirmed for event in net.told(events.Disconnected)] == [3]
    if replay:
        assert flushed.value is None
        assert move.arrived(move.new) == 3
    else:
        assert isinstance(flushed.error, txnats.ConnectionLost)
    net.end(client)


@pytest.mark.parametrize("what", ["cut", "close"])
def test_flush_ends_with_the_connection_in_use(what: str) -> None:
    move = Move()
    net, client = move.net, move.client
    move.old.reads = False
    move.publish(3)
    move.make()
    flushed = Outcome(client.flush())
    if what == "cut":
        move.new.pipe.cut()
    else:
        client.close()
    assert isinstance(flushed.error, txnats.ConnectionLost if what == "cut" else txnats.ClientClosed)
    net.settle()
    net.end(client)


@pytest.mark.parametrize("end", ["drain", "close"])
@pytest.mark.parametrize("reads", [False, True])
def test_the_end_writes_out_what_the_server_that_was_left_was_handed(end: str, reads: bool) -> None:
    move = Move()
    net, client = move.net, move.client
    move.old.reads = False
    move.publish(3)
    move.make()
    move.publish(1)
    move.old.closes = False
    ended = Outcome(getattr(client, end)(*([3.0] if end == "drain" else [])))
    net.wait(0.2)
    move.old.reads = move.old.closes = reads
    net.wait(10)
    lost = [event.unconfirmed for event in net.told(events.Disconnected)]
    (closed,) = net.told(events.Closed)
    assert move.arrived(move.old) == (3 if reads else 0)
    assert move.arrived(move.new) == 1
    if end == "drain":
        assert lost == []
        assert closed == events.Closed(None, 0, 0 if reads else 3)
        assert (ended.value.unsent, ended.value.unconfirmed) == (0, closed.unconfirmed)
    else:
        assert closed == events.Closed(None, 0, 4)  # close does not wait for their word
    net.nothing_left()


def test_a_drain_counts_what_is_lost_on_its_way() -> None:
    move = Move()
    net, client = move.net, move.client
    move.old.reads = False
    move.publish(3)
    move.make()
    drained = Outcome(client.drain())
    net.settle()
    move.old.pipe.cut()
    net.wait(3)
    assert (drained.value.unsent, drained.value.unconfirmed) == (0, 3)
    assert [event.unconfirmed for event in net.told(events.Disconnected)] == [3]
    assert net.told(events.Closed) == [events.Closed(None, 0, 0)]
    net.nothing_left()


def test_ready_to_write_hears_of_room_that_the_server_that_was_left_makes() -> None:
    move = Move(
        limits=txnats.Limits(ready_below=1000),
        ping=txnats.PingOptions(interval=0),
        reconnect=txnats.ReconnectOptions(shuffle=False, replay_unconfirmed=True),
    )
    net, client = move.net, move.client
    move.old.pongs = False
    move.publish(3, bytes(1000))
    move.make()
    ready = Outcome(client.ready_to_write())
    net.settle()
    assert not ready.fired
    move.old.pipe.send(b"PONG\r\n" * 2)
    net.settle()
    assert ready.value is None
    net.end(client)


# What becomes of messages


def test_a_client_that_is_behind_gets_all_that_the_lame_duck_had_for_it() -> None:
    move = Move()
    net, client = move.net, move.client
    got: list[bytes] = []
    work: list[Deferred[None]] = []

    def handler(message: Message) -> Deferred[None]:
        got.append(message.payload)
        work.append(Deferred())
        return work[-1]

    client.subscribe("a", handler, slow_policy="pause", pending_messages=2)
    net.settle()
    move.begin()
    sent = [b"%d" % number for number in range(30)]
    for payload in sent:
        move.old.pipe.msg("a", payload)
    move.go_on()
    assert len(net.told(events.Reconnected)) == 1
    while work:
        net.wait(2, 1)
        work.pop(0).callback(None)
        net.settle()
    net.wait(2)
    assert got == sent
    assert move.old.pipe.gone
    assert not net.told(events.Disconnected)
    net.end(client)


@pytest.mark.parametrize("seconds", [0, 0.1])
def test_a_lame_duck_that_ends_before_it_has_handed_over_all_is_told(seconds: float) -> None:
    move = Move()
    net, client = move.net, move.client
    client.subscribe("a", lambda _: None)
    move.old.pongs = False
    net.settle()
    move.make()
    net.wait(seconds)
    move.old.pipe.cut()
    net.settle()
    (event,) = net.told(events.Disconnected)
    assert (event.unconfirmed, event.server) == (0, "nats://host:1")
    assert client.status == "connected"
    net.end(client)


def test_a_lame_duck_that_does_not_let_go_is_told() -> None:
    move = Move()
    net, client = move.net, move.client
    move.old.pongs = False
    move.make()
    net.wait(4.9)
    assert net.open_pipes() == [move.old.pipe, move.new.pipe]
    net.wait(0.2)
    assert net.open_pipes() == [move.new.pipe]
    assert "did not let us go" in str(net.told(events.Disconnected)[0].reason)
    net.end(client)


def test_draining_a_queue_subscription_loses_nothing_of_either_server() -> None:
    """The one that was left goes on with work for a group for a while: it is asked for no more at once."""
    move = Move()
    net, client = move.net, move.client
    got: list[bytes] = []
    sub = client.subscribe("a", lambda message: got.append(message.payload), queue="g")
    net.settle()
    move.make()
    assert move.old.pipe.subs
    drained = Outcome(sub.drain())
    move.old.pipe.msg("a", b"old")
    move.new.pipe.msg("a", b"new")
    net.settle()
    assert sorted(got) == [b"new", b"old"]
    assert drained.value.handled == 2
    assert not move.old.pipe.subs
    net.wait(1)
    net.end(client)
