from __future__ import annotations

import gc
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


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    with Failures() as seen:
        yield seen


# Connecting


@pytest.mark.parametrize("steps", range(5))
def test_cancelling_connect_at_every_step_leaves_nothing(net: Net, steps: int, logged: list[LogEvent]) -> None:
    net.server.slow = steps == 0
    connecting = Outcome(net.connecting())
    for _ in range(steps):
        if net.server.pipes:
            net.pipe.step()
    was_up = connecting.fired
    connecting.deferred.cancel()
    if not was_up:
        assert isinstance(connecting.error, (CancelledError, txnats.ClientClosed))
        net.settle()
        net.nothing_left()
    else:
        net.end(connecting.value)
    for waiting in net.server.waiting:
        late: Deferred[Any] = Deferred()
        net.let_in(net.server, waiting[0], late)
        late.addErrback(lambda _: None)
    net.settle()
    net.nothing_left()
    del connecting
    gc.collect()
    assert logged == []


def test_no_server(net: Net) -> None:
    net.server.up = False
    connecting = Outcome(net.connecting())
    net.settle()
    error = connecting.error
    assert isinstance(error, txnats.NoServersLeft)
    assert "nats://host:4222" in str(error)
    net.nothing_left()


def test_no_info_within_the_time(net: Net) -> None:
    net.server.greets = False
    connecting = Outcome(net.connecting(timeout=1.5))
    net.wait(1.6)
    assert "no INFO within 1.5 s" in str(connecting.error)
    net.nothing_left()


def test_retry_on_first_connect(net: Net) -> None:
    net.server.up = False
    connecting = Outcome(net.connecting(reconnect=txnats.ReconnectOptions(retry_on_first_connect=True)))
    net.wait(3)
    assert not connecting.fired
    net.server.up = True
    net.wait(6)
    assert connecting.value.status == "connected"
    assert len(net.told(events.Connected)) == 1
    assert net.told(events.Reconnected) == []
    net.end(connecting.value)


@pytest.mark.parametrize(
    "options",
    [{"timeout": -1}, {"timeout": "2"}, {"timeout": True}, {"timeout": float("nan")}, {"request_timeout": -1},
     {"inbox_prefix": "a b"}, {"inbox_prefix": ""}, {"inbox_prefix": "a.*"}, {"context": "x"}],
    ids=repr,
)  # fmt: skip
def test_bad_options_fail_the_deferred(net: Net, options: dict[str, Any]) -> None:
    connecting = Outcome(net.connecting(**options))
    assert isinstance(connecting.error, txnats.InvalidArgument)
    net.nothing_left()


def test_options_check_their_ranges() -> None:
    for make in (
        lambda: txnats.PingOptions(interval=-1),
        lambda: txnats.PingOptions(max_outstanding=0),
        lambda: txnats.ReconnectOptions(max_attempts=0),
        lambda: txnats.ReconnectOptions(first_wait=float("nan")),
        lambda: txnats.Limits(payload=0),
    ):
        with pytest.raises(txnats.InvalidArgument):
            make()


# Flush and rtt


def test_flush_and_rtt(net: Net) -> None:
    client = net.client()
    client.publish("a")
    flushed, took = Outcome(client.flush()), Outcome(client.rtt())
    assert not flushed.fired
    net.settle()
    assert flushed.value is None
    assert took.value == 0.0
    assert net.pipe.log.endswith(b"PUB a 0\r\n\r\nPING\r\nPING\r\n")


def test_flushes_share_a_ping_only_if_nothing_was_queued_behind_it(net: Net) -> None:
    client = net.client()
    start = len(net.pipe.log)
    client.publish("a")
    Outcome(client.flush())
    Outcome(client.flush())
    client.publish("a")
    Outcome(client.flush())
    net.clock.advance(0)
    assert bytes(net.pipe.log[start:]) == b"PUB a 0\r\n\r\nPING\r\nPUB a 0\r\n\r\nPING\r\n"


def test_flush_timeout_cancel_and_loss(net: Net) -> None:
    client = net.client()
    net.server.pongs = False
    timed, cancelled, lost = Outcome(client.flush(1)), Outcome(client.flush()), Outcome(client.flush())
    cancelled.deferred.cancel()
    assert isinstance(cancelled.error, CancelledError)
    net.wait(1.1)
    assert isinstance(timed.error, txnats.OperationTimeout)
    net.pipe.cut()
    net.settle()
    assert isinstance(lost.error, txnats.ConnectionLost)
    net.server.pongs = True
    net.wait(1)
    assert Outcome(client.rtt()).deferred is not None
    net.end(client)


def test_flush_after_close(net: Net) -> None:
    client = net.client()
    client.close()
    assert isinstance(Outcome(client.flush()).error, txnats.ClientClosed)
    assert isinstance(Outcome(client.rtt()).error, txnats.ClientClosed)
    net.settle()
    net.nothing_left()


def test_flush_while_down_is_ended_by_close(net: Net) -> None:
    client = net.client()
    net.server.up = False
    net.pipe.cut()
    net.settle()
    flushed = Outcome(client.flush(100))
    net.wait(1)
    assert not flushed.fired
    client.close()
    assert isinstance(flushed.error, txnats.ClientClosed)
    net.settle()
    net.nothing_left()


# Events


def test_events_are_bounded_and_count_what_was_missed(net: Net) -> None:
    client = net.client(limits=txnats.Limits(events=3))
    stream = client.events()
    for number in range(10):
        net.pipe.send(b"-ERR 'odd %d'\r\n" % number)
    net.settle()
    assert stream.missed == 7
    got = [Outcome(stream.next()).value.text for _ in range(3)]
    assert got == ["odd 7", "odd 8", "odd 9"]
    waiting = Outcome(stream.next())
    client.close()
    net.settle()
    assert isinstance(waiting.value, events.Closed)
    assert isinstance(Outcome(stream.next()).error, txnats.EndOfStream)
    after = Outcome(client.events().collect())
    assert after.value == [events.Closed(None, 0)]


def test_leaving_the_events_lets_go_of_them(net: Net) -> None:
    client = net.client()

    async def program() -> None:
        async for _ in client.events():
            break
        async with client.events() as stream:
            assert stream.missed == 0

    done = Outcome(Deferred.fromCoroutine(program()))
    net.pipe.send(b"-ERR 'odd'\r\n")
    net.settle()
    assert done.value is None
    assert client._hub._streams == set()


def test_last_words_leave_while_the_client_closes(net: Net, logged: list[LogEvent]) -> None:
    client = net.client()
    said: list[object] = []

    def last(reason: object) -> None:
        said.append(reason)
        client.publish("last", b"word")
        client.close()

    kept = client.events().call(lambda _: None, last)
    gone = client.events().call(lambda _: None, said.append)
    wrong = client.events().call(lambda _: None, lambda _: 1 / 0)
    gone.close()
    pipe = net.pipe
    client.close()
    net.settle()
    assert said == [None]
    assert pipe.published == [(b"last", None, b"word")]
    assert len(logged) == 1
    net.nothing_left()
    del kept, wrong


def test_without_a_connection_there_are_no_last_words(net: Net) -> None:
    client = net.client()
    said: list[object] = []
    stream = client.events().call(lambda _: None, said.append)
    net.server.up = False
    net.pipe.cut()
    client.close()
    net.settle()
    assert said == []
    net.nothing_left()
    del stream


def test_on_event_that_raises_changes_nothing(net: Net, logged: list[LogEvent]) -> None:
    def on_event(event: events.Event) -> None:
        raise ZeroDivisionError

    client = net.client(on_event=on_event)
    stream = client.events()
    net.pipe.cut()
    net.wait(1)
    client.close()
    net.settle()
    seen = [type(event) for event in Outcome(stream.collect()).value]
    assert seen == [events.Disconnected, events.Reconnecting, events.Reconnected, events.Closed]
    assert len(logged) == 5
    net.nothing_left()


ACTIONS: dict[str, Callable[[txnats.Client], object]] = {
    "publish": lambda client: client.publish("a", b"x"),
    "subscribe": lambda client: client.subscribe("b"),
    "request": lambda client: client.request("a").addErrback(lambda _: None),
    "many": lambda client: client.request_many("a"),
    "flush": lambda client: client.flush().addErrback(lambda _: None),
    "rtt": lambda client: client.rtt().addErrback(lambda _: None),
    "drain": lambda client: client.drain().addErrback(lambda _: None),
    "close": lambda client: client.close(),
    "reconnect": lambda client: client.reconnect(),
    "events": lambda client: client.events().close(),
    "statistics": lambda client: (client.statistics, client.status, repr(client)),
}


@pytest.mark.parametrize(
    "kind",
    [
        events.Connected,
        events.Disconnected,
        events.Reconnecting,
        events.Reconnected,
        events.Closed,
        events.LameDuck,
        events.HandlerFailed,
        events.SlowConsumer,
    ],
)
@pytest.mark.parametrize("action", list(ACTIONS))
def test_anything_may_be_called_inside_on_event(kind: type, action: str, logged: list[LogEvent]) -> None:
    net = Net(1, 2)
    clients: list[txnats.Client] = []
    raised: list[BaseException] = []
    times: list[events.Event] = []

    def on_event(event: events.Event) -> None:
        if type(event) is kind and clients and len(raised) < 50:
            times.append(event)
            if len(times) > 5:
                return
            try:
                ACTIONS[action](clients[0])
            except txnats.NatsError as error:
                raised.append(error)

    from txnats.connecting import Options, build

    reconnect = txnats.ReconnectOptions(shuffle=False)
    options = Options(reconnect=reconnect, endpoint_factory=net.endpoint, on_event=on_event)
    client, session = build(net.clock, "nats://h:1,nats://h:2", options)
    clients.append(client)
    started = Outcome(session.start())

    def handler(message: Message) -> object:
        if message.payload == b"bad":
            raise txnats.NatsError("of the test")
        return Deferred()

    if client.status != "closed":
        client.subscribe("a", handler, pending_messages=1)
    net.settle()
    for pipe in net.open_pipes():
        if any(entry[0] == "a" for entry in pipe.subs.values()):
            pipe.msg("a", b"bad", b"1", b"2", b"3", b"4")
    net.wait(0.5, 0.1)
    for pipe in net.open_pipes():
        pipe.send(b'INFO {"ldm": true, "max_payload": 1048576}\r\n')
    net.wait(0.5, 0.1)
    for pipe in net.open_pipes():
        pipe.cut()
    net.wait(1, 0.1)
    closing = Outcome(client.close())
    net.wait(40, 1)
    assert closing.fired
    assert started.fired
    assert client.status == "closed"
    assert client.statistics.requests == client.statistics.subscriptions == 0
    net.nothing_left()
    gc.collect()
    assert [e["log_failure"] for e in logged if not e["log_failure"].check(txnats.NatsError)] == []


# Drain


def test_drain_reports(net: Net) -> None:
    client = net.client()
    work: list[Deferred[None]] = []

    def handler(message: Message) -> Deferred[None]:
        work.append(Deferred())
        return work[-1]

    client.subscribe("a", handler)
    client.subscribe("b", lambda message: client.publish("out", message.payload))
    net.settle()
    net.pipe.msg("a", b"1", b"2")
    net.pipe.msg("b", b"3")
    net.settle()
    draining, again = Outcome(client.drain()), Outcome(client.drain())
    assert client.status == "draining"
    with pytest.raises(txnats.ClientDraining):
        client.subscribe("c")
    with pytest.raises(txnats.ClientDraining):
        client.request_many("c")
    net.settle()
    assert not draining.fired
    client.publish("out", b"while draining")
    work[0].callback(None)
    net.settle()
    work[1].callback(None)
    net.settle()
    report = draining.value
    assert report is again.value
    assert (report.handled, report.abandoned, report.unsent) == (3, 0, 0)
    assert [subject for subject, _ in report.subscriptions] == ["a", "b"]
    assert [payload for _, _, payload in net.pipe.published] == [b"3", b"while draining"]
    assert client.status == "closed"
    assert Outcome(client.drain()).value is report
    net.nothing_left()


def test_drain_gives_up_in_time(net: Net) -> None:
    client = net.client()
    client.subscribe("a", lambda _: Deferred())
    net.settle()
    net.pipe.msg("a", b"1", b"2")
    net.settle()
    draining = Outcome(client.drain(timeout=2))
    net.wait(2.5)
    assert (draining.value.handled, draining.value.abandoned) == (0, 2)
    net.nothing_left()


@pytest.mark.parametrize("state", ["connected", "down", "dialing", "stalled"])
def test_drain_from_each_state_ends_in_time(net: Net, state: str) -> None:
    client = net.client()
    client.subscribe("a", lambda _: None)
    net.settle()
    if state == "down":
        net.server.up = False
        net.pipe.cut()
    elif state == "dialing":
        net.server.slow = True
        net.pipe.cut()
    elif state == "stalled":
        net.server.reads = net.server.closes = False
    net.settle()
    client.publish("a", b"x")
    draining = Outcome(client.drain(timeout=2))
    net.wait(7)
    assert draining.fired
    assert client.status == "closed"
    assert draining.value.unsent == (1 if state in ("down", "dialing") else 0)
    net.wait(5)
    net.nothing_left()


def test_drain_while_down_finishes_when_the_link_is_back(net: Net) -> None:
    client = net.client()
    net.server.up = False
    net.pipe.cut()
    net.settle()
    client.publish("a", b"kept")
    draining = Outcome(client.drain())
    net.server.up = True
    net.wait(2)
    assert draining.value.unsent == 0
    assert net.pipe.published == [(b"a", None, b"kept")]
    net.nothing_left()


def test_a_loss_while_draining_is_the_end(net: Net) -> None:
    client = net.client()
    client.subscribe("a", lambda _: Deferred())
    net.settle()
    net.pipe.msg("a", b"1")
    net.settle()
    draining, closed = Outcome(client.drain()), Outcome(client.when_closed())
    net.settle()
    net.pipe.cut()
    net.settle()
    assert draining.fired
    assert isinstance(closed.value, txnats.ConnectionLost)
    assert net.server.attempts == 1
    net.nothing_left()


@pytest.mark.parametrize("style", ["awaited", "returned", "forgotten"])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_drain_inside_a_handler(net: Net, style: str, concurrency: int) -> None:
    client = net.client()
    reports: list[txnats.DrainReport] = []

    async def awaited(_: Message) -> None:
        reports.append(await client.drain())

    handlers: dict[str, Any] = {
        "awaited": awaited,
        "returned": lambda _: client.drain().addCallback(reports.append),
        "forgotten": lambda _: client.drain().addCallback(reports.append) and None,
    }
    client.subscribe("a", handlers[style], concurrency=concurrency)
    net.settle()
    net.pipe.msg("a", b"1")
    net.settle()
    assert len(reports) == 1
    assert client.status == "closed"
    net.nothing_left()


def test_cancelling_drain_does_not_stop_it(net: Net) -> None:
    client = net.client()
    first, second = Outcome(client.drain()), Outcome(client.drain())
    first.deferred.cancel()
    net.settle()
    assert isinstance(first.error, CancelledError)
    assert second.value.handled == 0
    net.nothing_left()


def test_close_while_draining(net: Net) -> None:
    client = net.client()
    client.subscribe("a", lambda _: Deferred())
    net.settle()
    net.pipe.msg("a", b"1")
    net.settle()
    draining = Outcome(client.drain())
    closing = Outcome(client.close())
    net.settle()
    assert closing.fired
    assert draining.value.abandoned == 1
    net.nothing_left()


# Close


@pytest.mark.parametrize("state", ["connected", "down", "dialing", "handshake", "draining", "closed", "stalled"])
def test_close_from_each_state(net: Net, state: str) -> None:
    client = net.client()
    sub = client.subscribe("a")
    waiting, done, ready = Outcome(sub.next()), Outcome(sub.when_done()), None
    net.settle()
    if state == "down":
        net.server.up = False
        net.pipe.cut()
    elif state == "dialing":
        net.server.slow = True
        net.pipe.cut()
    elif state == "handshake":
        net.server.greets = False
        net.pipe.cut()
    elif state == "draining":
        client.drain()
    elif state == "closed":
        client.close()
    elif state == "stalled":
        net.server.reads = net.server.closes = False
    net.clock.advance(0)
    ready = Outcome(sub.ready())
    closing = [Outcome(client.close()) for _ in range(3)]
    reasons = [Outcome(client.when_closed()) for _ in range(2)]
    net.settle()
    net.wait(3)
    assert all(each.fired for each in [*closing, *reasons, waiting, done, ready])
    assert [each.value for each in reasons] == [None, None]
    assert client.status == "closed"
    assert len(net.told(events.Closed)) == 1
    net.nothing_left()
    client.reconnect()
    net.settle()
    net.nothing_left()
    with pytest.raises(txnats.ClientClosed):
        client.publish("a")
    with pytest.raises(txnats.ClientClosed):
        client.subscribe("a")
    with pytest.raises(txnats.ClientClosed):
        client.request_many("a")
    sub.unsubscribe()
    assert isinstance(Outcome(sub.drain()).value, txnats.Drained)


def test_close_inside_a_handler(net: Net) -> None:
    client = net.client()
    ended = []

    async def handler(message: Message) -> None:
        await client.close()
        ended.append(message.payload)

    client.subscribe("a", handler)
    net.settle()
    net.pipe.msg("a", b"1", b"2")
    net.settle()
    assert ended == [b"1"]
    net.nothing_left()


def test_when_closed_may_be_cancelled(net: Net) -> None:
    client = net.client()
    waiting = Outcome(client.when_closed())
    waiting.deferred.cancel()
    closing = client.close()
    closing.addErrback(lambda _: None)
    closing.cancel()
    net.settle()
    assert isinstance(waiting.error, CancelledError)
    net.nothing_left()


def test_async_with(net: Net) -> None:
    async def program(fail: bool) -> txnats.Client:
        async with await net.connecting() as client:
            client.publish("a", b"x")
            if fail:
                raise ZeroDivisionError
        return client

    good, bad = Outcome(Deferred.fromCoroutine(program(False))), Outcome(Deferred.fromCoroutine(program(True)))
    net.settle()
    assert good.value.status == "closed"
    assert isinstance(bad.error, ZeroDivisionError)
    net.nothing_left()


# The same program three times


def _callbacks(net: Net) -> Deferred[list[bytes]]:
    def connected(client: txnats.Client) -> Deferred[list[bytes]]:
        client.subscribe("svc", lambda message: message.respond(message.payload.upper()))

        def answered(reply: Message) -> Deferred[list[bytes]]:
            return client.drain().addCallback(lambda _: [reply.payload])

        return client.request("svc", b"hello").addCallback(answered)

    return net.connecting().addCallback(connected)


@inlineCallbacks
def _inline(net: Net) -> Any:
    client = yield net.connecting()
    client.subscribe("svc", lambda message: message.respond(message.payload.upper()))
    reply = yield client.request("svc", b"hello")
    yield client.drain()
    return [reply.payload]


async def _coroutine(net: Net) -> list[bytes]:
    async with await net.connecting() as client:

        async def handler(message: Message) -> None:
            message.respond(message.payload.upper())

        client.subscribe("svc", handler)
        reply = await client.request("svc", b"hello")
    return [reply.payload]


@pytest.mark.parametrize("program", [_callbacks, _inline, lambda net: Deferred.fromCoroutine(_coroutine(net))])
def test_the_same_program(net: Net, program: Callable[[Net], Deferred[list[bytes]]], logged: list[LogEvent]) -> None:
    done = Outcome(program(net))
    net.settle()
    assert done.value == [b"HELLO"]
    net.nothing_left()
    gc.collect()
    assert logged == []


def test_what_reacts_to_a_failed_request_may_ask_again_while_the_client_closes(net: Net) -> None:
    net.server.no_responders = False
    client = net.client()
    again: list[Outcome] = []

    def retry(failure: Any) -> None:
        again.append(Outcome(client.request("a")))
        again.append(Outcome(client.flush()))
        again.append(Outcome(client.ready_to_write()))

    for _ in range(3):
        client.request("a").addErrback(retry)
    client.close()
    net.settle()
    assert len(again) == 9
    assert all(each.fired for each in again)
    net.nothing_left()


def test_what_reacts_to_a_lost_flush_may_do_anything(net: Net) -> None:
    client = net.client()
    net.server.pongs = False
    outcomes: list[Outcome] = []

    def react(failure: Any) -> None:
        outcomes.append(Outcome(client.flush()))
        client.publish("a", b"kept")
        outcomes.append(Outcome(client.subscribe("b").ready()))

    client.flush().addErrback(react)
    net.settle()
    net.server.pongs = True
    net.pipe.cut()
    net.wait(1)
    assert [each.value for each in outcomes] == [None, None]
    assert net.pipe.published == [(b"a", None, b"kept")]
    assert net.told(events.Disconnected)[0].unconfirmed == 0
    net.end(client)


def test_closing_in_what_reacts_to_a_lost_flush(net: Net) -> None:
    client = net.client()
    net.server.pongs = False

    def react(failure: Any) -> None:
        client.close()

    client.flush().addErrback(react)
    net.settle()
    net.pipe.cut()
    net.settle()
    assert client.status == "closed"
    net.nothing_left()
