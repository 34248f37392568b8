from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

import txnats
from tests.client.harness import Failures, Net, Outcome
from txnats import Message, events


@pytest.fixture
def errors() -> Iterator[list[LogEvent]]:
    with Failures() as seen:
        yield seen


@pytest.fixture
def net() -> Net:
    return Net()


def test_the_harness(net: Net, errors: list[LogEvent]) -> None:
    client = net.client()
    sub = client.subscribe("a")
    client.publish("a", b"1")
    net.settle()
    assert Outcome(sub.next()).value.payload == b"1"
    asked = Outcome(client.request("b"))
    net.settle()
    assert isinstance(asked.error, txnats.NoResponders)
    flushed = Outcome(client.flush())
    net.settle()
    assert flushed.value is None
    net.end(client)
    assert errors == []


@pytest.mark.parametrize("keyed", [False, True])
def test_drain_in_a_handler_lets_the_messages_behind_it_run(net: Net, keyed: bool) -> None:
    client = net.client()
    handled = []
    reports = []

    async def handler(message: Message) -> None:
        handled.append(message.payload)
        if message.payload == b"1":
            reports.append(await client.drain())

    key: Any = (lambda message: 0) if keyed else None
    client.subscribe("a", handler, key=key)
    net.settle()
    net.pipe.msg("a", b"1", b"2", b"3")
    net.settle()
    assert handled == [b"1", b"2", b"3"]
    assert client.status == "closed"
    assert reports[0].abandoned == 0


@pytest.mark.parametrize("concurrency", [1, 2])
def test_drain_in_what_a_handler_left_behind_waits_for_the_messages_in_work(net: Net, concurrency: int) -> None:
    client = net.client()
    go: Deferred[None] = Deferred()
    work: Deferred[None] = Deferred()
    drained: list[object] = []

    async def later() -> None:
        await go
        drained.append(await sub.drain())

    def handler(message: Message) -> object:
        if message.payload == b"1":
            Deferred.fromCoroutine(later())
            return None
        return work

    sub = client.subscribe("a", handler, concurrency=concurrency)
    net.settle()
    net.pipe.msg("a", b"1")
    net.settle()
    net.pipe.msg("a", b"2")
    net.settle()
    go.callback(None)
    net.settle()
    assert drained == []  # message 2 is in work still, and it is not the caller
    work.callback(None)
    net.settle()
    assert drained == [txnats.Drained(handled=2, abandoned=0)]


def test_drain_in_what_a_finished_handler_left_behind_ends(net: Net) -> None:
    client = net.client()
    go: Deferred[None] = Deferred()
    drained: list[object] = []

    async def later() -> None:
        await go
        drained.append(await sub.drain())

    sub = client.subscribe("a", lambda _: Deferred.fromCoroutine(later()) and None)
    net.settle()
    net.pipe.msg("a", b"1")
    net.settle()
    go.callback(None)
    net.settle()
    assert drained == [txnats.Drained(handled=1, abandoned=0)]


def _when_done(client: txnats.Client) -> tuple[Callable[[], Deferred[Any]], Callable[[], object]]:
    sub = client.subscribe("a")
    return sub.when_done, sub.unsubscribe


def _next(client: txnats.Client) -> tuple[Callable[[], Deferred[Any]], Callable[[], object]]:
    sub = client.subscribe("a")
    return sub.next, sub.unsubscribe


def _sub_drain(client: txnats.Client) -> tuple[Callable[[], Deferred[Any]], Callable[[], object]]:
    sub = client.subscribe("a", lambda _: Deferred())
    return sub.drain, sub.unsubscribe


def _when_closed(client: txnats.Client) -> tuple[Callable[[], Deferred[Any]], Callable[[], object]]:
    return client.when_closed, client.close


@pytest.mark.parametrize("make", [_when_done, _next, _sub_drain, _when_closed])
def test_one_waiter_may_cancel_another_while_both_are_told(net: Net, make: Callable[..., Any]) -> None:
    client = net.client()
    wait, end = make(client)
    net.settle()
    first, second = wait(), wait()
    caught: list[BaseException] = []

    def cancel(result: object) -> None:
        try:
            second.cancel()
        except ValueError as error:
            caught.append(error)

    first.addBoth(cancel)
    other = Outcome(second)
    end()
    net.settle()
    assert caught == []
    assert len(other.results) == 1
    net.end(client)


def test_ready_to_write_waiter_may_cancel_another(net: Net) -> None:
    client = net.client(limits=txnats.Limits(ready_below=10))
    net.pipe.busy()
    client.publish("a", b"x" * 100)
    net.settle()
    first, second = client.ready_to_write(), client.ready_to_write()
    caught: list[BaseException] = []

    def cancel(result: object) -> None:
        try:
            second.cancel()
        except ValueError as error:
            caught.append(error)

    first.addBoth(cancel)
    other = Outcome(second)
    net.pipe.free()
    net.settle()
    assert caught == []
    assert len(other.results) == 1


@pytest.mark.parametrize("timeout", ["1", None.__class__, float("nan"), -1, True])
def test_a_timeout_that_is_none_is_refused_before_anything_is_sent(net: Net, timeout: Any) -> None:
    client = net.client()
    before = bytes(net.pipe.log)
    asked = Outcome(client.request("a", timeout=timeout))
    assert isinstance(asked.error, txnats.InvalidArgument)
    assert client.statistics.requests == 0
    net.settle()
    assert b"PUB" not in bytes(net.pipe.log)[len(before) :]


def test_a_nan_timeout_does_not_stop_the_others(net: Net) -> None:
    net.server.no_responders = False
    client = net.client()
    Outcome(client.request("a", timeout=float("nan")))
    good = Outcome(client.request("a", timeout=1))
    net.wait(5)
    assert isinstance(good.error, txnats.RequestTimeout)


@pytest.mark.parametrize("timeout", [-1, "1", float("nan")])
@pytest.mark.parametrize("what", ["flush", "rtt", "drain", "request_many", "next", "sub_drain"])
def test_a_bad_timeout_is_an_invalid_argument_and_leaves_nothing(net: Net, timeout: Any, what: str) -> None:
    client = net.client()
    sub = client.subscribe("a")
    net.settle()
    calls: dict[str, Callable[[], object]] = {
        "flush": lambda: client.flush(timeout),
        "rtt": lambda: client.rtt(timeout),
        "drain": lambda: client.drain(timeout),
        "request_many": lambda: client.request_many("b", timeout=timeout),
        "next": lambda: sub.next(timeout),
        "sub_drain": lambda: sub.drain(timeout),
    }
    before = len(net.clock.getDelayedCalls())

    def call() -> object:
        result = calls[what]()
        return Outcome(result).value if isinstance(result, Deferred) else result

    with pytest.raises(txnats.InvalidArgument):
        call()
    assert len(net.clock.getDelayedCalls()) == before
    assert client.status == "connected"
    assert sub.is_active
    net.end(client)


@pytest.mark.parametrize("headers", [5, [5], [("a",)], {"a": 5}, {5: "a"}, {"a": [5]}, "ab", [("a", "b", "c")]])
def test_bad_headers_of_a_request_leave_no_request(net: Net, headers: Any) -> None:
    client = net.client()
    asked = Outcome(client.request("a", headers=headers))
    assert isinstance(asked.error, txnats.InvalidArgument)
    assert client.statistics.requests == 0


def test_events_reach_iterators_in_the_order_in_which_they_happen(net: Net) -> None:
    def on_event(event: events.Event) -> None:
        if isinstance(event, events.SlowConsumer):
            client.close()

    client = net.client(on_event=on_event)
    stream = client.events()
    client.subscribe("a", lambda _: Deferred(), pending_messages=1)
    net.settle()
    net.pipe.msg("a", b"1", b"2", b"3")
    net.settle()
    seen = Outcome(stream.collect()).value
    assert [type(event) for event in seen] == [events.SlowConsumer, events.Closed]


def test_a_refused_request_many_is_told_at_once(net: Net) -> None:
    net.server.denied.add("secret")
    client = net.client()
    replies = client.request_many("secret")
    got = Outcome(replies.next())
    net.settle()
    assert isinstance(got.error, txnats.PermissionDenied)
    net.end(client)


def test_request_many_that_cannot_subscribe_leaves_no_timer(net: Net) -> None:
    client = net.client(limits=txnats.Limits(control_line_out=110))
    before = len(net.clock.getDelayedCalls())
    for ask in (client.request_many, lambda subject: Outcome(client.request(subject)).value):
        with pytest.raises(txnats.InvalidSubject, match="too long"):
            ask("a" * 60)  # fits without a reply subject, and not with one
    net.settle()
    assert client.statistics.requests == 0
    assert len(net.clock.getDelayedCalls()) == before


def test_is_last_that_raises_ends_the_iterator(net: Net) -> None:
    client = net.client()

    def is_last(_: Message) -> bool:
        raise ZeroDivisionError

    client.subscribe("a", lambda message: message.respond(b"x"))
    got = Outcome(client.request_many("a", is_last=is_last).next())
    net.settle()
    assert isinstance(got.error, ZeroDivisionError)


class Base(BaseException):
    pass


def test_a_handler_that_ends_with_a_base_exception_after_a_wait_frees_its_place(net: Net) -> None:
    client = net.client()
    go: Deferred[None] = Deferred()
    handled = []

    async def handler(message: Message) -> None:
        handled.append(message.payload)
        if message.payload == b"1":
            await go
            raise Base

    client.subscribe("a", handler)
    net.settle()
    net.pipe.msg("a", b"1", b"2")
    net.settle()
    go.callback(None)
    net.settle()
    assert handled == [b"1", b"2"]


@pytest.mark.parametrize("again", [False, True])
def test_an_endpoint_factory_that_raises_is_a_failed_attempt(net: Net, again: bool) -> None:
    bad = not again

    def factory(host: str, port: int) -> Any:
        if bad:
            raise ZeroDivisionError("no endpoint today")
        return net.endpoint(host, port)

    connecting = Outcome(txnats.connect(net.clock, "nats://h:4222", endpoint_factory=factory))
    if not again:
        assert isinstance(connecting.error, txnats.NatsError)
        return
    net.settle()
    client = connecting.value
    bad = True
    net.pipe.cut()
    net.settle()
    bad = False
    net.wait(2)
    assert client.status == "connected"


def test_a_delay_that_raises_closes_the_client_with_that_reason(net: Net) -> None:
    def delay(passes: int) -> float:
        raise ZeroDivisionError("no delay today")

    client = net.client(reconnect=txnats.ReconnectOptions(delay=delay))
    closed = Outcome(client.when_closed())
    net.server.up = False
    net.pipe.cut()
    net.settle()
    assert isinstance(closed.value, txnats.InvalidArgument)


def test_a_choice_that_raises_closes_the_client_with_that_reason(net: Net) -> None:
    def choose(names: Any, passes: int) -> tuple[str, float]:
        raise ZeroDivisionError("no choice today")

    connecting = Outcome(net.connecting(reconnect=txnats.ReconnectOptions(choose=choose)))
    net.settle()
    assert isinstance(connecting.error, txnats.InvalidArgument)


def test_no_wait_and_attempts_that_fail_at_once_do_not_block_the_reactor(net: Net) -> None:
    net.server.up = False
    attempts = []

    def delay(passes: int) -> float:
        attempts.append(passes)
        assert len(attempts) < 50, "all in one reactor turn"
        return 0

    connecting = Outcome(
        net.connecting(reconnect=txnats.ReconnectOptions(delay=delay, max_attempts=-1, retry_on_first_connect=True))
    )
    connecting.deferred.cancel()
    assert isinstance(connecting.error, Exception)


def test_many_servers_that_fail_at_once(net: Net) -> None:
    urls = ",".join(f"ws://h{number}" for number in range(900))
    connecting = Outcome(txnats.connect(net.clock, urls, tls=txnats.TlsOptions()))
    net.settle()
    assert isinstance(connecting.error, txnats.TlsUnavailable)


@pytest.mark.parametrize("servers", [5, object(), [5], b"nats://h", "tls:h:443:certificate=/nonexistent", "tcp:"])
def test_bad_servers_fail_the_deferred(net: Net, servers: Any) -> None:
    connecting = Outcome(txnats.connect(net.clock, servers))
    assert isinstance(connecting.error, txnats.InvalidArgument)


@pytest.mark.parametrize("name", ["inbox_prefix", "name"])
def test_an_option_of_a_wrong_type_fails_the_deferred(net: Net, name: str) -> None:
    options: Any = {name: 5}
    connecting = Outcome(txnats.connect(net.clock, "nats://h:4222", endpoint_factory=net.endpoint, **options))
    assert isinstance(connecting.error, txnats.InvalidArgument)


def test_lame_duck_publishes_of_the_old_connection_have_a_known_fate() -> None:
    net = Net(1, 2)
    client = net.client()
    one, two = net.servers[1], net.servers[2]
    one.pipe.send(b'INFO {"ldm": true, "max_payload": 1048576, "headers": true}\r\n')
    two.slow = True
    net.settle()
    one.reads = False  # the old one takes bytes and reads none of them any more
    for _ in range(3):
        client.publish("a", b"x")
    net.settle()
    two.slow = False
    for waiting in two.waiting:
        net.let_in(two, *waiting)
    net.settle()
    assert len(net.told(events.Reconnected)) == 1
    # The publishes went to the old server, which dies; those after it go to the new one, which confirms them.
    client.publish("a", b"y")
    flushed = Outcome(client.flush())
    net.settle()
    assert flushed.fired
    assert [payload for _, _, payload in two.pipe.published] == [b"y"]
    one.pipe.cut()
    net.wait(10)
    reported = sum(event.unconfirmed for event in net.told(events.Disconnected))
    assert reported == 3  # or they were sent again; they must not vanish
    net.end(client)


def test_a_second_move_before_the_first_was_confirmed_forgets_no_publish() -> None:
    net = Net(1, 2, 3)
    client = net.client()
    duck = b'INFO {"ldm": true, "max_payload": 1048576, "headers": true}\r\n'
    first = next(server for server in net.servers.values() if server.pipes)
    first.reads = False
    for _ in range(3):
        client.publish("a", b"x")
    net.settle()
    first.pipe.send(duck)
    net.settle()
    second = next(server for server in net.servers.values() if server.pipes and server is not first)
    assert len(net.told(events.Reconnected)) == 1
    net.wait(1.5)
    second.pipe.send(duck)
    net.wait(1.5)
    assert len(net.told(events.Reconnected)) == 2
    assert [event.unconfirmed for event in net.told(events.Disconnected)] == [3]
    net.wait(10)
    assert sum(event.unconfirmed for event in net.told(events.Disconnected)) == 3
    net.end(client)


def test_lame_duck_old_connection_confirms_what_it_read() -> None:
    net = Net(1, 2)
    client = net.client()
    one, two = net.servers[1], net.servers[2]
    two.slow = True
    one.pipe.send(b'INFO {"ldm": true, "max_payload": 1048576, "headers": true}\r\n')
    net.settle()
    client.publish("a", b"x")
    two.slow = False
    for waiting in two.waiting:
        net.let_in(two, *waiting)
    net.settle()
    net.wait(1)
    assert one.pipe.gone
    assert client.statistics.unconfirmed == 0


def test_lame_duck_while_reading_is_paused_pauses_the_new_connection() -> None:
    net = Net(1, 2)
    client = net.client()
    one, two = net.servers[1], net.servers[2]
    work: list[Deferred[None]] = []

    def handler(_: Message) -> Deferred[None]:
        work.append(Deferred())
        return work[-1]

    client.subscribe("a", handler, pending_messages=2, slow_policy="pause")
    two.slow = True
    net.settle()
    one.pipe.send(b'INFO {"ldm": true, "max_payload": 1048576, "headers": true}\r\n')
    net.settle()
    one.pipe.msg("a", b"1", b"2", b"3", b"4")
    net.settle()
    assert not one.pipe.is_reading()
    two.slow = False
    for waiting in two.waiting:
        net.let_in(two, *waiting)
    net.settle()
    assert len(net.told(events.Reconnected)) == 1
    assert not two.pipe.is_reading()
    while work:
        work.pop().callback(None)
        net.settle()
    net.wait(1)
    assert two.pipe.is_reading()
    assert one.pipe.gone
    net.end(client)


def test_a_connection_that_was_built_and_never_connected_does_not_hold_up_close(net: Net) -> None:
    net.server.slow = True
    connecting = net.connecting()
    got = Outcome(connecting)
    factory, endpoint_deferred = net.server.waiting[0]
    assert factory.buildProtocol(cast(Any, None)) is not None  # a wrapping endpoint that then fails
    endpoint_deferred.errback(OSError("no"))
    net.settle()
    assert isinstance(got.error, txnats.NatsError)


def test_a_slow_endpoint_leaves_no_unhandled_error(errors: list[LogEvent], net: Net) -> None:
    """The transport stands, the endpoint's Deferred has not fired (a wrapper waits for something), time is over."""
    net.server.slow = True
    got = Outcome(net.connecting())
    factory, _ = net.server.waiting[0]
    never: Deferred[Any] = Deferred()
    net.let_in(net.server, factory, never)
    del factory
    net.server.waiting.clear()
    net.wait(3)
    assert isinstance(got.error, txnats.NatsError)
    net.nothing_left()
    net.server.pipes.clear()
    del got
    gc.collect()
    assert errors == []


def test_cancelled_flushes_do_not_pile_up(net: Net) -> None:
    client = net.client()
    net.server.up = False
    net.pipe.cut()
    net.settle()
    for _ in range(70_000):
        waiting = client.flush()
        waiting.addErrback(lambda _: None)
        waiting.cancel()
    net.server.up = True
    flushed = Outcome(client.flush())
    net.wait(2)
    assert flushed.value is None


def test_close_in_on_event_disconnected(net: Net, errors: list[LogEvent]) -> None:
    def on_event(event: events.Event) -> None:
        net.events.append(event)
        if isinstance(event, events.Disconnected):
            client.close()

    client = net.client(on_event=on_event)
    stream = client.events()
    net.pipe.cut()
    net.settle()
    assert client.status == "closed"
    seen = Outcome(stream.collect()).value
    assert [type(event) for event in seen][:1] == [events.Disconnected]
    assert [type(event) for event in seen][-1:] == [events.Closed]
    net.nothing_left()
    assert errors == []
