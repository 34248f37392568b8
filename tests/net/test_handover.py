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
