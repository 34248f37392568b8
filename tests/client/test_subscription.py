from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.logger import LogEvent

import txnats
from tests.client.harness import Failures, Net, Outcome
from txnats import Message, events


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[LogEvent]]:
    """Unhandled Deferreds; what handlers raise is logged as well and looked at where it matters."""
    with Failures() as seen:
        yield seen
    assert [event["log_failure"] for event in seen if "nats_event" not in event] == []


class Work:
    """A handler whose messages end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.ended: list[bytes] = []
        self.open: dict[bytes, Deferred[None]] = {}

    def __call__(self, message: Message) -> Deferred[None]:
        self.begun.append(message.payload)
        self.open[message.payload] = Deferred()
        return self.open[message.payload]

    def end(self, payload: bytes) -> None:
        self.ended.append(payload)
        self.open.pop(payload).callback(None)


def payloads(count: int, prefix: bytes = b"") -> list[bytes]:
    return [prefix + b"%d" % number for number in range(1, count + 1)]


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_concurrency_is_bounded_and_messages_begin_in_order(net: Net, concurrency: int) -> None:
    client = net.client()
    work = Work()
    sub = client.subscribe("a", work, concurrency=concurrency)
    net.settle()
    net.pipe.msg("a", *payloads(8))
    net.settle()
    for number in range(8):
        assert len(work.open) == min(concurrency, 8 - number)
        assert sub.pending == max(0, 8 - number - concurrency)
        work.end(next(reversed(work.open)))
    assert work.begun == payloads(8)
    assert sub.handled == 8
    net.end(client)


def test_keys_keep_their_order_and_others_go_on(net: Net) -> None:
    client = net.client()
    work = Work()
    client.subscribe("a", work, concurrency=3, key=lambda message: message.payload[:1])
    net.settle()
    net.pipe.msg("a", b"x1", b"x2", b"x3", b"y1", b"z1", b"z2")
    net.settle()
    assert work.begun == [b"x1", b"y1", b"z1"]
    work.end(b"z1")
    assert work.begun[-1] == b"z2"
    work.end(b"y1")
    assert len(work.open) == 2  # a place is free, and x still waits for x1
    work.end(b"x1")
    work.end(b"x2")
    work.end(b"x3")
    work.end(b"z2")
    assert work.open == {}
    net.end(client)


def test_a_key_that_raises_is_a_handler_that_failed(net: Net) -> None:
    client = net.client()
    got: list[bytes] = []

    def key(message: Message) -> Any:
        return {b"1": 1, b"3": 3}[message.payload]

    sub = client.subscribe("a", lambda message: got.append(message.payload), concurrency=2, key=key)
    net.settle()
    net.pipe.msg("a", b"1", b"2", b"3")
    net.settle()
    assert got == [b"1", b"3"]
    assert len(net.told(events.HandlerFailed)) == 1
    assert sub.handled == 3
    no_key: Any = lambda message: []  # noqa: E731
    unhashable = client.subscribe("b", print, key=no_key)
    net.settle()
    net.pipe.msg("b", b"1")
    net.settle()
    assert unhashable.handled == 1
    net.end(client)


@pytest.mark.parametrize("keyed", [False, True])
def test_a_hundred_thousand_at_once_do_not_recurse(net: Net, keyed: bool) -> None:
    client = net.client(limits=txnats.Limits(pending_messages=200_000))
    first: Deferred[None] = Deferred()
    seen: list[int] = []

    def handler(message: Message) -> Any:
        seen.append(1)
        return first if len(seen) == 1 else None

    key: Any = (lambda message: 0) if keyed else None
    client.subscribe("a", handler, key=key)
    net.settle()
    net.pipe.protocol.dataReceived(b"MSG a 1 1\r\nx\r\n" * 100_000)
    assert len(seen) == 1
    first.callback(None)
    assert len(seen) == 100_000
    net.end(client)


def test_handlers_that_raise_change_nothing_else(net: Net, logged: list[LogEvent]) -> None:
    client = net.client()
    got: list[bytes] = []

    def sync(message: Message) -> None:
        if message.payload == b"bad":
            raise ZeroDivisionError
        got.append(message.payload)

    async def coroutine(message: Message) -> None:
        await client.flush()
        sync(message)

    @inlineCallbacks
    def inline(message: Message) -> Any:
        yield client.flush()
        sync(message)

    for handler in (sync, coroutine, inline):
        client.subscribe("a", handler)
    client.publish("a", b"bad")
    client.publish("a", b"good")
    net.settle()
    assert got == [b"good"] * 3
    told = net.told(events.HandlerFailed)
    assert [type(event.error) for event in told] == [ZeroDivisionError] * 3
    assert len(logged) == 3
    assert client.status == "connected"
    net.end(client)


def test_a_handler_may_give_anything_back(net: Net) -> None:
    client = net.client()

    class Later:
        def __await__(self) -> Any:
            yield from client.flush().__await__()

    given: list[Any] = [None, 5, "x", Deferred, Later(), Deferred().addErrback(lambda _: None)]

    def handler(message: Message) -> Any:
        return given[int(message.payload)]

    sub = client.subscribe("a", handler, concurrency=10)
    net.settle()
    net.pipe.msg("a", *[b"%d" % number for number in range(len(given))])
    net.settle()
    assert sub.handled == len(given) - 1
    net.end(client)


# Limits


@pytest.mark.parametrize("policy", ["drop_new", "drop_old"])
def test_dropping_is_counted_and_told_once_an_episode(net: Net, policy: str) -> None:
    client = net.client()
    work = Work()
    sub = client.subscribe("a", work, pending_messages=4, slow_policy=policy)
    net.settle()
    net.pipe.msg("a", *payloads(10))
    net.settle()
    assert sub.dropped == 5
    assert len(net.told(events.SlowConsumer)) == 1
    expected = payloads(5) if policy == "drop_new" else [b"1", b"7", b"8", b"9", b"10"]
    while work.open:
        work.end(next(iter(work.open)))
    assert work.begun == expected
    net.pipe.msg("a", *payloads(6))
    net.settle()
    told = net.told(events.SlowConsumer)
    assert [event.dropped for event in told] == [1, 6]
    assert told[0].subscription is sub
    assert sub.delivered == 16
    while work.open:
        work.end(next(iter(work.open)))
    assert sub.delivered == sub.handled + sub.dropped
    net.end(client)


def test_bytes_are_counted_with_headers(net: Net) -> None:
    client = net.client()
    work = Work()
    block = len(b"NATS/1.0\r\na: b\r\n\r\n")
    sub = client.subscribe("a", work, pending_bytes=2 * (block + 10))
    net.settle()
    for _ in range(4):
        client.publish("a", b"x" * 10, headers={"a": "b"})
    net.settle()
    assert sub.pending == 2
    assert sub.pending_bytes == 2 * (block + 10)
    assert sub.dropped == 1
    net.end(client)
    assert sub.pending_bytes == 0


def test_policy_error_ends_the_subscription_alone(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a", pending_messages=2, slow_policy="error")
    other = client.subscribe("b")
    net.settle()
    done = Outcome(sub.when_done())
    net.pipe.msg("a", *payloads(5))
    net.settle()
    assert done.value == "slow consumer"
    assert isinstance(sub.error, txnats.SlowConsumer)
    assert isinstance(Outcome(sub.next()).error, txnats.SlowConsumer)
    assert other.is_active
    assert len(net.told(events.SlowConsumer)) == 1
    net.settle()
    assert [entry[0] for entry in net.pipe.subs.values()] == ["b"]
    net.end(client)


def test_policy_pause_drops_nothing(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a", pending_messages=4, slow_policy="pause")
    net.settle()
    for number in range(20):
        net.pipe.msg("a", b"%d" % number)
    net.settle()
    assert not net.pipe.is_reading()
    assert sub.pending == 5
    got = []
    for _ in range(20):
        got.append(Outcome(sub.next()).value.payload)
        net.settle()
    assert got == [b"%d" % number for number in range(20)]
    assert net.pipe.is_reading()
    net.end(client)


@pytest.mark.parametrize("end", ["unsubscribe", "close", "drain", "client"])
def test_reading_goes_on_when_the_one_that_paused_it_ends(net: Net, end: str) -> None:
    client = net.client()
    sub = client.subscribe("a", pending_messages=1, slow_policy="pause")
    other = client.subscribe("b")
    net.settle()
    net.pipe.msg("a", *payloads(3))
    net.settle()
    assert not net.pipe.is_reading()
    ends: dict[str, Callable[[], object]] = {
        "unsubscribe": sub.unsubscribe, "close": sub.close, "drain": lambda: sub.drain(1), "client": client.close,
    }  # fmt: skip
    ends[end]()
    net.wait(2)
    if end != "client":
        assert net.pipe.is_reading()
        client.publish("b", b"x")
        net.settle()
        assert Outcome(other.next()).fired
        net.end(client)
    else:
        net.wait(2)
        net.nothing_left()


# Ends


def test_max_messages(net: Net) -> None:
    client = net.client()
    got: list[bytes] = []
    sub = client.subscribe("a", lambda message: got.append(message.payload), max_messages=3)
    done = Outcome(sub.when_done())
    net.settle()
    assert b"UNSUB 1 3" in net.pipe.log
    net.pipe.send(b"".join(net.pipe._msg(b"1", "a", payload) for payload in payloads(5)))
    net.settle()
    assert got == payloads(3)
    assert done.value == "max_messages reached"
    assert client.statistics.subscriptions == 0
    net.end(client)


@pytest.mark.parametrize("had", [0, 2, 3, 5])
def test_unsubscribe_after_a_total(net: Net, had: int) -> None:
    client = net.client()
    sub = client.subscribe("a", lambda _: None)
    net.settle()
    if had:
        net.pipe.msg("a", *payloads(had))
    net.settle()
    sub.unsubscribe(3)
    assert sub.is_active == (had < 3)
    if had < 3:
        net.pipe.msg("a", *payloads(3 - had))
        net.settle()
    assert Outcome(sub.when_done()).value == "max_messages reached"
    assert sub.handled == max(3, had)
    net.end(client)


def test_unsubscribing_twice_and_after_the_end(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    net.settle()
    waiting = Outcome(sub.next())
    sub.unsubscribe()
    sub.unsubscribe()
    sub.unsubscribe(5)
    with pytest.raises(txnats.InvalidArgument):
        sub.unsubscribe(0)
    net.settle()
    assert net.pipe.log.count(b"UNSUB") == 1
    assert isinstance(waiting.error, txnats.EndOfStream)
    assert isinstance(Outcome(sub.ready()).error, txnats.NatsError)
    net.end(client)


@pytest.mark.parametrize("call", ["unsubscribe", "close", "limit", "drain", "client_close", "client_drain"])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_handler_may_end_its_own_subscription(net: Net, call: str, asynchronous: bool) -> None:
    client = net.client()
    got: list[bytes] = []
    calls: dict[str, Callable[[], object]] = {
        "unsubscribe": lambda: sub.unsubscribe(),
        "close": lambda: sub.close(),
        "limit": lambda: sub.unsubscribe(1),
        "drain": lambda: sub.drain(),
        "client_close": lambda: client.close(),
        "client_drain": lambda: client.drain(),
    }

    def handler(message: Message) -> object:
        got.append(message.payload)
        calls[call]()
        return None

    async def later(message: Message) -> None:
        await client.flush()
        handler(message)

    sub = client.subscribe("a", later if asynchronous else handler)
    done = Outcome(sub.when_done())
    net.settle()
    net.pipe.msg("a", b"1", b"2")
    net.settle()
    drained = call in ("drain", "client_drain") or (call == "limit" and asynchronous)
    assert got == ([b"1", b"2"] if drained else [b"1"])
    assert done.fired
    net.wait(3)
    net.end(client)


def test_drain_of_one_subscription(net: Net) -> None:
    client = net.client()
    work = Work()
    sub = client.subscribe("a", work)
    net.settle()
    net.pipe.msg("a", b"1", b"2")
    net.settle()
    net.server.reads = False
    draining, again = Outcome(sub.drain()), Outcome(sub.drain())
    net.pipe.msg("a", b"3")  # was under way
    net.settle()
    net.server.reads = True
    net.settle()
    for payload in payloads(3):
        work.end(payload)
    assert draining.value == again.value == txnats.Drained(handled=3, abandoned=0)
    assert Outcome(sub.when_done()).value == "drained"
    assert client.statistics.subscriptions == 0
    net.end(client)


def test_a_drained_stream_gives_what_is_left(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    net.settle()
    net.pipe.msg("a", b"1", b"2")
    net.settle()
    draining = Outcome(sub.drain())
    net.settle()
    assert not draining.fired
    got = Outcome(sub.collect())
    assert [message.payload for message in got.value] == [b"1", b"2"]
    assert draining.value == txnats.Drained(handled=2, abandoned=0)
    net.end(client)


def test_a_subscription_that_drains_is_told_when_the_client_closes(net: Net) -> None:
    client = net.client()
    work = Work()
    sub = client.subscribe("a", work)
    net.settle()
    net.pipe.msg("a", b"1")
    net.settle()
    draining, done = Outcome(sub.drain()), Outcome(sub.when_done())
    net.settle()  # the server has confirmed
    assert not draining.fired
    client.close()
    net.settle()
    assert draining.value == txnats.Drained(handled=0, abandoned=1)
    assert done.fired
    net.nothing_left()


def test_a_full_stream_that_nobody_reads_is_told_when_the_client_closes(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a", max_messages=1)
    done = Outcome(sub.when_done())
    net.settle()
    net.pipe.msg("a", b"1")
    net.settle()
    client.close()
    net.settle()
    assert done.fired


@pytest.mark.parametrize("moment", ["at once", "sent", "confirmed"])
def test_cancelling_a_drain(net: Net, moment: str) -> None:
    client = net.client()
    sub = client.subscribe("a", Work())
    net.settle()
    net.pipe.msg("a", b"1")
    net.settle()
    draining = Outcome(sub.drain())
    if moment == "sent":
        net.clock.advance(0)
    elif moment == "confirmed":
        net.settle()
    draining.deferred.cancel()
    assert isinstance(draining.error, CancelledError)
    net.end(client)


# Streams


def test_next(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    net.settle()
    first, second, timed = Outcome(sub.next()), Outcome(sub.next()), Outcome(sub.next(timeout=1))
    net.pipe.msg("a", b"1", b"2")
    net.settle()
    assert (first.value.payload, second.value.payload) == (b"1", b"2")
    net.wait(1.1)
    assert isinstance(timed.error, txnats.OperationTimeout)
    net.pipe.msg("a", b"3")
    net.settle()
    assert sub.pending == 1
    assert Outcome(sub.next(0.5)).value.payload == b"3"
    net.end(client)


def test_a_cancelled_next_loses_nothing(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    net.settle()
    waiting = [Outcome(sub.next()) for _ in range(3)]
    waiting[1].deferred.cancel()
    waiting[1].deferred.cancel()
    waiting[0].deferred.cancel()
    net.pipe.msg("a", b"1", b"2")
    net.settle()
    assert waiting[2].value.payload == b"1"
    assert Outcome(sub.next()).value.payload == b"2"
    net.end(client)


def test_next_with_a_handler_is_refused(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a", print)
    assert isinstance(Outcome(sub.next()).error, txnats.InvalidArgument)
    net.end(client)


@pytest.mark.parametrize("how", ["break", "raise", "cancel", "async with"])
def test_leaving_a_loop_leaves_nothing(net: Net, how: str) -> None:
    client = net.client()
    subs: list[txnats.Subscription] = []

    async def program() -> None:
        sub = client.subscribe("a")
        subs.append(sub)
        if how == "async with":
            async with sub:
                await sub.next()
            return
        async for message in sub:
            if how == "break":
                break
            if how == "raise":
                raise ZeroDivisionError(message)

    done = Outcome(Deferred.fromCoroutine(program()))
    net.settle()
    net.pipe.msg("a", b"1", b"2")
    net.settle()
    if how == "cancel":
        done.deferred.cancel()
    net.settle()
    assert done.fired
    assert Outcome(subs[0].when_done()).value == "unsubscribed"
    assert net.pipe.subs == {}
    assert client.statistics.subscriptions == 0
    net.end(client)


@pytest.mark.parametrize("end", ["max", "unsubscribe", "drain", "close", "denied", "slow"])
def test_how_a_loop_ends(net: Net, end: str) -> None:
    if end == "denied":
        net.server.denied.add("a")
    client = net.client()
    sub = client.subscribe("a", max_messages=2 if end == "max" else None)
    got: list[bytes] = []

    async def program() -> None:
        async for message in sub:
            got.append(message.payload)

    done = Outcome(Deferred.fromCoroutine(program()))
    net.settle()
    if end != "denied":
        net.pipe.msg("a", b"1", b"2")
    net.settle()
    ends: dict[str, Callable[[], object]] = {
        "unsubscribe": sub.unsubscribe, "drain": sub.drain, "close": client.close,
    }  # fmt: skip
    ends.get(end, lambda: None)()
    net.settle()
    match end:
        case "denied":
            assert isinstance(done.error, txnats.PermissionDenied)
        case "close":
            assert isinstance(done.error, txnats.ClientClosed)
        case "slow":
            client.close()
        case _:
            assert done.value is None
    if end != "denied":
        assert got == [b"1", b"2"]
    net.end(client)


def test_messages_that_are_here_when_the_server_refuses_or_the_client_closes(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    net.settle()
    net.pipe.msg("a", b"1")
    net.settle()
    client.close()
    net.settle()
    assert isinstance(Outcome(sub.next()).error, txnats.ClientClosed)
    assert Outcome(sub.collect(0)).value == []


def test_reentrant_next_keeps_the_order(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    net.settle()
    got: list[bytes] = []

    def take(message: Message) -> None:
        got.append(message.payload)
        sub.next().addCallback(take).addErrback(lambda _: None)

    sub.next().addCallback(take)
    net.pipe.msg("a", *payloads(50))
    net.settle()
    assert got == payloads(50)
    net.end(client)


@pytest.mark.parametrize("slow", [False, True])
def test_the_reason_of_the_end_is_the_first_one_for_good(net: Net, slow: bool) -> None:
    """It is ended from within its last message."""
    client = net.client()

    def end(_: Message) -> None:
        sub.unsubscribe()

    options: dict[str, Any] = {"slow_policy": "error", "pending_messages": 1} if slow else {"handler": end}
    sub = client.subscribe("a", max_messages=2 if slow else 1, **options)
    first = Outcome(sub.when_done())
    net.settle()
    net.pipe.msg("a", *[b"x"] * (2 if slow else 1))
    net.settle()
    assert first.value == Outcome(sub.when_done()).value == ("slow consumer" if slow else "unsubscribed")
    assert net.pipe.log.count(b"UNSUB") == 2  # the limit, and the end: once each
    net.end(client)


def test_when_done_waiters_are_their_own(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    first, second = Outcome(sub.when_done()), Outcome(sub.when_done())
    first.deferred.cancel()
    sub.unsubscribe()
    assert isinstance(first.error, CancelledError)
    assert second.value == "unsubscribed"
    net.end(client)


def test_ready(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    ready = Outcome(sub.ready())
    assert not ready.fired
    net.settle()
    assert ready.value is None
    net.server.up = False
    net.pipe.cut()
    net.settle()
    later = Outcome(client.subscribe("b").ready())
    net.server.up = True
    net.wait(1)
    assert later.value is None
    net.end(client)


def test_it_ends_while_ready_waits(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    ready = Outcome(sub.ready())
    sub.unsubscribe()
    net.settle()
    assert ready.fired
    net.end(client)


def test_a_message_of_an_ended_subscription_reaches_nobody(net: Net) -> None:
    client = net.client()
    got: list[bytes] = []
    one = client.subscribe("a", lambda message: got.append(message.payload))
    net.settle()
    net.pipe.msg("a", b"late")
    one.unsubscribe()
    two = client.subscribe("a", lambda message: got.append(message.payload))
    net.settle()
    assert got == []
    assert two.delivered == 0
    net.end(client)


class Elsewhere:
    """Work that is done elsewhere."""

    def __init__(self) -> None:
        self.running = self.handled = self.watched = self.excused = 0

    def accept(self, message: Message) -> None:
        self.running += 1

    def watch(self) -> None:
        self.watched += 1

    def excuse_caller(self) -> None:
        self.excused += 1


def test_a_drain_waits_for_those_to_whom_the_messages_were_diverted(net: Net) -> None:
    client = net.client()
    work = Elsewhere()
    sub = client.subscribe("a", lambda _: pytest.fail("it was diverted"))
    sub.divert(work)
    net.settle()
    net.pipe.msg("a", *payloads(3))
    net.settle()
    assert (work.running, work.watched, sub.handled) == (3, 0, 0)
    drained = Outcome(client.drain())
    net.settle()
    assert not drained.fired
    assert work.watched
    assert work.excused == 1
    work.running, work.handled = 0, 3
    sub.settled()
    net.settle()
    assert drained.value.handled == 3
    assert sub.handled == 3


def test_a_listener_is_called_at_once_and_may_publish_to_the_new_connection(net: Net) -> None:
    client = net.client()
    told: list[events.Event] = []

    def listen(event: events.Event) -> None:
        told.append(event)
        if isinstance(event, events.Reconnected):
            client.publish("back")
            raise RuntimeError("a fault of mine")

    stream = client.events().call(listen)
    client.subscribe("a", lambda _: None)
    net.settle()
    net.pipe.cut()
    with Failures() as seen:
        net.wait(1.0)
    assert [type(each) for each in told] == [events.Disconnected, events.Reconnecting, events.Reconnected]
    assert b"SUB a 1\r\nPUB back 0" in bytes(net.pipe.log)
    assert [str(each["log_failure"].value) for each in seen] == ["a fault of mine"]
    stream.close()
    net.pipe.cut()
    net.wait(1.0)
    assert len(told) == 3
    net.end(client)
