"""What no real server can be made to say on demand, said by one in memory: every status of a pull, and silence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

import txnats
from tests.client.harness import Outcome
from txnats.jetstream import JetStream
from txnats.jetstream.consume.consuming import Consuming
from txnats.jetstream.consume.events import ConsumeEvent, HeartbeatsMissed, Pinned, Pulled, Unpinned
from txnats.jetstream.consume.pull import Pull
from txnats.jetstream.consume.pull_request import Priority
from txnats.jetstream.errors import (
    BadPullRequest,
    ConsumerDeleted,
    ConsumerIsPush,
    ConsumerNotFound,
    JetStreamError,
    JetStreamUnavailable,
    NotSupported,
    PullLimitExceeded,
    WrongPinId,
)
from txnats.jetstream.message import JsMessage
from txnats.testing import FakeServer, MemoryNetwork, Reply
from txnats.testing.commands import Publish

NEXT = "$JS.API.CONSUMER.MSG.NEXT.S.C"
INFO = "$JS.API.CONSUMER.INFO.S.C"
FOUND = json.dumps({"type": "", "stream_name": "S", "name": "C", "config": {}}).encode()
NOT_FOUND = json.dumps({"error": {"code": 404, "err_code": 10014, "description": "consumer not found"}}).encode()

Said = Callable[[int], Iterable[Reply]]


def silence(_: int) -> Iterable[Reply]:
    return ()


class World:
    """A consumer in memory, whose answer to each pull is told by its number."""

    def __init__(self, *said: Said, info: bytes = FOUND) -> None:
        self.network = MemoryNetwork()
        self.server = FakeServer(self.network.clock, info={"jetstream": True})
        self.said = list(said)
        self.pulls: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.told: list[ConsumeEvent] = []
        self.seen: list[bytes] = []
        self.server.answer(NEXT, self._answer)
        self.server.answer(INFO, info)
        self.client = self.network.run(txnats.connect(self.network.clock, self.network.endpoint(self.server)))
        self.pull = Pull(JetStream(self.client), "S", "C")

    def _answer(self, request: Publish) -> Iterable[Reply]:
        number = len(self.pulls)
        self.pulls.append(json.loads(request.payload))
        self.times.append(round(self.network.clock.seconds(), 3))
        return self.said[number](number) if number < len(self.said) else ()

    def consume(self, **options: Any) -> Consuming:
        def handle(message: JsMessage) -> None:
            self.seen.append(message.payload)

        consuming = self.pull.consume(handle, on_event=self.told.append, **options)
        self.network.pump()
        return consuming

    def fetch(self, *arguments: Any, **options: Any) -> Outcome:
        outcome = Outcome(self.pull.fetch(*arguments, **options))
        self.network.pump()
        return outcome

    def end(self) -> None:
        self.network.run(self.client.close())
        self.network.advance(20.0)
        assert self.network.clock.getDelayedCalls() == []


def status(line: str, *, left: int | None = None, delay: float = 0.0) -> Said:
    headers = None if left is None else {"Nats-Pending-Messages": str(left), "Nats-Pending-Bytes": "0"}
    return lambda _: [Reply(status=line, headers=headers, delay=delay)]


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("404 No Messages", True),
        ("408 Request Timeout", False),
        ("409 Batch Completed", False),
        ("409 Message Size Exceeds MaxBytes", False),
        ("409 Leadership Change", True),
        ("409 Server Shutdown", True),
        ("409 Exceeded MaxWaiting", True),
        ("409 Exceeded MaxRequestBatch of 20", True),
        ("409 Exceeded MaxRequestExpires of 5s", True),
        ("503", True),
        ("499 Something New", True),
    ],
)
def test_a_loop_goes_on(line: str, event: bool) -> None:
    world = World(status(line, left=500 if line.startswith("40") and "No" not in line else None), status("100 Idle"))
    consuming = world.consume()
    world.network.advance(1.0)
    assert len(world.pulls) == 2
    assert bool(world.told) is event
    assert all(isinstance(each, Pulled) for each in world.told)
    assert consuming.is_active
    consuming.stop()
    world.end()


@pytest.mark.parametrize("line", ["408 Request Timeout", "409 Batch Completed", "423 Nats-Pin-Id mismatch"])
def test_pulls_that_come_to_nothing_at_once_do_not_follow_each_other_at_once(line: str) -> None:
    world = World(*[status(line)] * 500)
    consuming = world.consume(priority=Priority(group="A") if line.startswith("423") else None)
    world.network.advance(10.0)
    assert 20 < len(world.pulls) < 40
    assert consuming.is_active
    consuming.stop()
    world.end()


def test_pulls_that_wait_their_time_follow_each_other_at_once() -> None:
    def expires(_: int) -> list[Reply]:
        return [Reply(status="100 Idle Heartbeat", delay=1.0), Reply(status="408 Request Timeout", delay=2.0)]

    world = World(*[expires] * 20)
    consuming = world.consume(expires=2.0, heartbeat=1.0)
    world.network.advance(10.5)
    assert world.times == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    consuming.stop()
    world.end()


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("409 Consumer Deleted", ConsumerDeleted),
        ("409 Consumer is push based", ConsumerIsPush),
        ("400 Bad Request - no idea", BadPullRequest),
        ("412 Required Api Level", NotSupported),
        ("409 Exceeded MaxRequestBatch of 5000", PullLimitExceeded),
    ],
)
def test_a_loop_ends(line: str, error: type[JetStreamError]) -> None:
    world = World(status(line))
    consuming = world.consume()
    assert not consuming.is_active
    assert type(consuming.error) is error
    assert type(Outcome(consuming.when_done()).error) is error
    world.network.advance(100.0)
    assert len(world.pulls) == 1
    world.end()


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("404 No Messages", None),
        ("408 Request Timeout", None),
        ("409 Batch Completed", None),
        ("409 Consumer Deleted", ConsumerDeleted),
        ("409 Consumer is push based", ConsumerIsPush),
        ("409 Exceeded MaxWaiting", PullLimitExceeded),
        ("423 Nats-Pin-Id mismatch", WrongPinId),
        ("400 Bad Request - no idea", BadPullRequest),
        ("412 Required Api Level", NotSupported),
        ("499 Something New", JetStreamError),
    ],
)
def test_a_fetch_ends(line: str, error: type[JetStreamError] | None) -> None:
    world = World(status(line))
    fetched = world.fetch(10)
    assert fetched.fired
    if error is None:
        assert fetched.value == []
    else:
        assert type(fetched.error) is error
    world.end()


@pytest.mark.parametrize("line", ["409 Leadership Change", "409 Server Shutdown", "503"])
def test_a_fetch_goes_on(line: str) -> None:
    world = World(status(line), status("408 Request Timeout", delay=1.0))
    fetched = world.fetch(10)
    world.network.advance(0.5)
    assert (len(world.pulls), fetched.fired) == (2, False)
    world.network.advance(1.0)
    assert fetched.value == []
    world.end()


def test_a_fetch_that_nobody_serves_says_so_at_its_end() -> None:
    world = World(*[status("503")] * 100)
    fetched = world.fetch(10, 3.0)
    world.network.advance(3.4)
    assert not fetched.fired
    world.network.advance(0.2)
    assert isinstance(fetched.error, JetStreamUnavailable)
    assert 6 < len(world.pulls) < 20
    world.end()


def test_a_fetch_ends_although_the_server_is_silent() -> None:
    world = World()
    fetched = world.fetch(10, 3.0)
    world.network.advance(3.6)
    assert fetched.value == []
    world.end()


def test_a_fetch_pulls_again_when_heartbeats_are_missed() -> None:
    world = World()
    fetched = world.fetch(1, 8.0)
    world.network.advance(7.9)
    assert {pull["batch"] for pull in world.pulls} == {1}
    assert world.pulls[0]["idle_heartbeat"] == 2_000_000_000
    assert world.times[:2] == [0.0, 4.0]
    assert world.client.statistics.subscriptions == 1
    world.network.advance(1.0)
    assert fetched.value == []
    world.end()


def test_nobody_there_and_no_such_consumer_is_the_end() -> None:
    world = World(*[status("503")] * 10, info=NOT_FOUND)
    assert isinstance(world.consume().error, ConsumerNotFound)
    assert isinstance(world.fetch(1).error, ConsumerNotFound)
    world.end()


def test_a_loop_asks_for_what_its_leader_took_along() -> None:
    world = World(status("409 Leadership Change", delay=2.0), status("503"), status("503"), silence)
    consuming = world.consume()
    world.network.advance(5.0)
    assert [pull["batch"] for pull in world.pulls] == [500] * 4
    # A first pause of 50 ms, then longer ones.
    assert world.times == [0.0, 2.05, 2.15, 2.35]
    assert world.told == [Pulled(409, "Leadership Change")]
    consuming.stop()
    world.end()


def test_two_heartbeats_missed_and_another_pull() -> None:
    world = World(status("100 Idle Heartbeat", delay=4.0))
    consuming = world.consume(expires=10.0, heartbeat=5.0)
    world.network.advance(14.0)  # two heartbeats after the last sign
    assert world.told == []
    world.network.advance(2.0)
    assert world.told == [HeartbeatsMissed("S", "C")]
    assert len(world.pulls) == 2
    consuming.stop()
    world.end()


def test_heartbeats_keep_it_quiet() -> None:
    def beats(_: int) -> list[Reply]:
        return [Reply(status="100 Idle Heartbeat", delay=5.0 * each) for each in range(1, 20)]

    world = World(beats)
    consuming = world.consume(expires=30.0, heartbeat=5.0)
    world.network.advance(90.0)
    assert (world.told, len(world.pulls)) == ([], 1)
    consuming.stop()
    world.end()


def test_a_pin_is_told_sent_and_forgotten() -> None:
    def pinned(_: int) -> list[Reply]:
        return []

    world = World(pinned, status("423 Nats-Pin-Id mismatch"))
    consuming = world.consume(max_messages=2, threshold=1, priority=Priority(group="A"))
    inbox = consuming._loop._inbox  # type: ignore[attr-defined]
    for number in range(1):
        world.server.publish(f"{inbox}.1", b"%d" % number, reply="$JS.ACK.x", headers={"Nats-Pin-Id": "me"})
    world.network.pump()
    assert world.told == [Pinned("A", "me"), Unpinned("A", "Nats-Pin-Id mismatch")]
    assert [pull.get("id") for pull in world.pulls] == [None, "me", None]
    consuming.stop()
    world.end()


def test_what_is_neither_message_nor_status_is_ignored() -> None:
    world = World()
    consuming = world.consume()
    inbox = consuming._loop._inbox  # type: ignore[attr-defined]
    for subject in (f"{inbox}.1", f"{inbox}.x", f"{inbox}.{'9' * 30}"):
        world.server.publish(subject, b"what")
        world.server.publish(subject, b"", headers={"A": "b"})
    world.network.pump()
    assert (world.seen, world.told, consuming.is_active) == ([], [], True)
    consuming.stop()
    world.end()


def test_a_loop_waits_for_a_connection_and_pulls_once_there_is_one() -> None:
    world = World()
    world.server.kill()
    world.network.pump()
    consuming = world.consume()
    fetched = world.fetch(5, 60.0)
    world.network.advance(1.0)
    assert world.pulls == []
    world.server.start()
    world.network.advance(10.0)
    assert sorted(pull["batch"] for pull in world.pulls) == [5, 500]
    assert not fetched.fired
    consuming.stop()
    world.end()


def test_a_reconnect_is_one_new_pull_by_another_inbox() -> None:
    world = World()
    consuming = world.consume()
    first = consuming._loop._inbox  # type: ignore[attr-defined]
    for round_ in range(2, 5):
        world.server.drop()
        world.network.advance(1.0)
        assert len(world.pulls) == round_
    assert consuming._loop._inbox != first  # type: ignore[attr-defined]
    assert world.client.statistics.subscriptions == 2  # the inbox in use, and the advisory
    consuming.stop()
    world.end()


def test_a_pull_that_cannot_be_sent_is_tried_again() -> None:
    world = World()
    publish = world.client.publish
    calls: list[object] = []

    def full(*arguments: Any, **options: Any) -> None:
        calls.append(arguments)
        if len(calls) < 3:
            raise txnats.OutboxFull(waiting=1, limit=1, what="full", hint="wait")
        publish(*arguments, **options)

    world.client.publish = full  # type: ignore[method-assign]
    consuming = world.consume()
    world.network.advance(1.0)
    assert len(world.pulls) == 1
    consuming.stop()
    world.end()


def test_a_cancelled_wait_leaves_no_timer() -> None:
    world = World()
    waiting: Deferred[JsMessage] = world.pull.next(30.0)
    outcome = Outcome(waiting)
    world.network.pump()
    waiting.cancel()
    assert outcome.fired
    world.end()
