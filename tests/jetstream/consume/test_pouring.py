"""Pouring when the acknowledgement cannot leave; the rest of its story is in test_messages."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

import txnats
from tests.client.harness import Failures, Outcome
from tests.jetstream.consume.test_last_words import SENT, World
from txnats.jetstream.consume.pull import Pull


@implementer(IConsumer)
class Target:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.producer: Any = None

    def registerProducer(self, producer: object, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if len(self.written) == 2:
            self.producer.pauseProducing()


def test_an_acknowledgement_that_cannot_leave_ends_it() -> None:
    world = World(reconnect=txnats.ReconnectOptions(buffer=0))
    target = Target()
    with Failures() as failures:
        pouring = Pull(world.js, "S", "C").messages().pour(target)
        done = Outcome(pouring.when_done())
        world.network.pump()
        assert (len(target.written), pouring.written) == (2, 2)
        world.server.kill()
        world.network.pump()
        pouring.resumeProducing()
        assert isinstance(done.error, txnats.OutboxFull)
        assert (len(target.written), pouring.written, target.producer) == (3, 2, None)
    assert failures == []
    assert SENT > 3
    world.finish()
