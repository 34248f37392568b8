"""What is given back, and deleted, while a client ends: by drain and by close, on a server in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

import txnats
from tests.client.harness import Failures, Outcome
from txnats.jetstream import JetStream
from txnats.jetstream.consume.messages import Messages
from txnats.jetstream.consume.ordered import Ordered
from txnats.jetstream.consume.pull import Pull
from txnats.testing import FakeServer, MemoryNetwork, Reply
from txnats.testing.commands import Publish

SENT = 10


class World:
    """A consumer of ten messages in memory, which notes what is said of them and which consumers are there."""

    def __init__(self, **options: Any) -> None:
        self.network = MemoryNetwork()
        self.server = FakeServer(self.network.clock, info={"jetstream": True})
        self.given_back: list[str] = []
        self.consumers: set[str] = set()
        self.creates = True
        self.server.answer("$JS.API.CONSUMER.MSG.NEXT.S.C", self._deliver)
        self.server.answer("$JS.API.CONSUMER.CREATE.S.>", self._create)
        # Nobody waits for an answer to these: another client listens.
        self.other = self.network.run(txnats.connect(self.network.clock, self.network.endpoint(self.server)))
        self.other.subscribe("$JS.ACK.>", self._settle)
        self.other.subscribe("$JS.API.CONSUMER.DELETE.S.>", self._delete)
        endpoint = self.network.endpoint(self.server)
        self.client = self.network.run(txnats.connect(self.network.clock, endpoint, **options))
        self.js = JetStream(self.client)

    def _deliver(self, request: Publish) -> Iterable[Reply]:
        for number in range(1, SENT + 1):
            reply = f"$JS.ACK.S.C.1.{number}.{number}.1.0"
            self.server.publish((request.reply or b"").decode(), b"%d" % number, reply=reply)
        return ()

    def _settle(self, message: txnats.Message) -> None:
        if message.payload == b"-NAK":
            self.given_back.append(message.subject)

    def _create(self, request: Publish) -> Iterable[Reply]:
        name = request.subject.decode().rpartition(".")[2]
        self.consumers.add(name)
        return [Reply(json.dumps({"stream_name": "S", "name": name, "config": {}}).encode())] if self.creates else ()

    def _delete(self, request: txnats.Message) -> None:
        self.consumers.discard(request.subject.rpartition(".")[2])
        if request.reply is not None:
            request.respond(b'{"success":true}')

    def ordered(self, **options: Any) -> Messages:
        messages = Ordered(self.js, "S").messages(**options)
        self.network.pump()
        return messages

    def finish(self) -> None:
        self.network.run(self.client.close())
        self.network.run(self.other.close())
        self.network.advance(20.0)
        assert self.network.clock.getDelayedCalls() == []


def drain(world: World) -> None:
    world.network.run(world.client.drain(0.5))
    world.network.pump()


def close(world: World) -> None:
    world.network.run(world.client.close())
    world.network.pump()


Open = Callable[[World], object]


def consuming(world: World) -> object:
    return Pull(world.js, "S", "C").consume(lambda _: Deferred(), concurrency=3)


def reading(world: World) -> object:
    return Pull(world.js, "S", "C").messages()


def fetching(world: World) -> object:
    return Outcome(Pull(world.js, "S", "C").fetch(SENT + 1, 60.0))


@pytest.mark.parametrize("end", [drain, close])
@pytest.mark.parametrize(("open_", "left"), [(consuming, SENT - 3), (reading, SENT)])
def test_what_waits_is_given_back(open_: Open, left: int, end: Callable[[World], None]) -> None:
    world = World()
    held = open_(world)
    world.network.pump()
    assert world.given_back == []
    end(world)
    assert len(world.given_back) == left
    del held
    world.finish()


def test_what_a_fetch_has_is_given_back() -> None:
    world = World()
    held = fetching(world)
    world.network.pump()
    close(world)
    assert len(world.given_back) == SENT
    assert isinstance(held, Outcome)
    assert isinstance(held.error, txnats.ClientClosed)
    world.finish()


def test_without_a_connection_nothing_is_said() -> None:
    world = World()
    held = consuming(world)
    world.network.pump()
    world.server.kill()
    world.network.pump()
    close(world)
    assert world.given_back == []
    del held
    world.finish()


@pytest.mark.parametrize("creates", [True, False])
@pytest.mark.parametrize("end", [drain, close])
def test_an_ordered_consumer_is_deleted(end: Callable[[World], None], *, creates: bool) -> None:
    world = World()
    world.creates = creates
    messages = world.ordered()
    waiting = Outcome(messages.next())
    assert len(world.consumers) == 1
    end(world)
    assert world.consumers == set()
    assert waiting.fired
    world.finish()


def test_an_ordered_consumer_that_comes_into_a_draining_client() -> None:
    world = World()
    with Failures() as failures:
        messages = Ordered(world.js, "S").messages()
        waiting = Outcome(messages.next())
        world.network.run(world.client.drain(5.0))
        world.network.pump()
        assert waiting.fired
        assert world.consumers == set()
        world.finish()
    assert failures == []


def test_an_on_created_that_raises_is_told() -> None:
    world = World()
    with Failures() as failures:
        messages = world.ordered(on_created=lambda _: 1 / 0)
        assert len(failures) == 1
        messages.close()
        world.network.pump()
        world.finish()
    assert len(failures) == 1
    assert "on_created" in str(failures[0]["log_format"])
