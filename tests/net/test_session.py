from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

import txnats
from tests.client.harness import Net, Outcome
from txnats import events


@pytest.fixture
def net() -> Net:
    return Net()


DUCK = b'INFO {"ldm": true, "max_payload": 1048576, "headers": true}\r\n'


def kinds(net: Net) -> list[type]:
    return [type(event) for event in net.events]


def test_order_of_repair(net: Net) -> None:
    client = net.client()
    seen: list[bytes] = []
    client.subscribe("s", queue="q")
    limited = client.subscribe("m", lambda _: None, max_messages=5)
    Outcome(client.request("nobody"))
    net.settle()
    net.pipe.msg("m", b"1", b"2")
    net.settle()
    assert limited.delivered == 2
    net.server.up = False
    net.pipe.cut()
    net.settle()
    client.publish("p", b"kept")
    late = client.subscribe("late")
    gone = client.subscribe("gone")
    gone.unsubscribe()
    flushed = Outcome(client.flush())
    net.events.clear()

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.Reconnected):
            seen.append(bytes(net.pipe.log))

    client._hub._on_event = on_event
    net.server.up = True
    net.wait(1)
    assert flushed.value is None
    assert len(seen) == 1
    log = seen[0].split(b"PING\r\n", 1)[1]
    lines = log.split(b"\r\n")
    inbox = next(line for line in lines if b"_INBOX" in line)
    assert lines[:6] == [b"SUB s q 1", b"SUB m 2", b"UNSUB 2 3", inbox, b"SUB late 4", b"PUB p 4"]
    assert late.is_active


def test_half_read_input_is_forgotten(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    net.settle()
    net.pipe.send(b"MSG a 1 10\r\n123")
    net.settle()
    net.pipe.cut()
    net.wait(1)
    net.pipe.send(b"4567890\r\n")
    net.settle()
    assert isinstance(net.told(events.Disconnected)[-1].reason, txnats.RemoteProtocolError)
    assert sub.delivered == 0
    net.end(client)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Stale Connection", txnats.ConnectionLost),
        ("Maximum Payload Violation", txnats.ConnectionLost),
        ("Authorization Violation", txnats.AuthenticationRefused),
        ("Authentication Timeout", txnats.AuthenticationRefused),
        ("User Authentication Expired", txnats.CredentialsExpired),
        ("Account Authentication Expired", txnats.CredentialsExpired),
    ],
)
def test_errors_behind_which_the_server_closes(net: Net, text: str, kind: type) -> None:
    client = net.client()
    net.pipe.send(f"-ERR '{text}'\r\n".encode())
    net.settle()
    assert client.status == "connected"
    net.pipe.cut()
    net.wait(1)
    (event,) = net.told(events.Disconnected)
    assert isinstance(event.reason, kind)
    assert text in str(event.reason)
    assert client.status == "connected"
    assert bool(net.told(events.AuthenticationExpired)) == ("Expired" in text)
    net.end(client)


@pytest.mark.parametrize("text", ["Invalid Subject", "maximum subscriptions exceeded", "brand new error"])
def test_errors_that_end_nothing(net: Net, text: str) -> None:
    client = net.client()
    net.pipe.send(f"-ERR '{text}'\r\n".encode())
    net.settle()
    assert net.told(events.ServerErrorReported) == [events.ServerErrorReported(text)]
    assert client.status == "connected"


@pytest.mark.parametrize("text", ["Secure Connection - TLS Required", "message headers not supported"])
def test_errors_that_close(net: Net, text: str) -> None:
    client = net.client()
    net.pipe.send(f"-ERR '{text}'\r\n".encode())
    closed = Outcome(client.when_closed())
    net.settle()
    assert isinstance(closed.value, txnats.ServerError)
    assert client.status == "closed"
    net.nothing_left()


def test_a_refused_subscription_ends_alone(net: Net) -> None:
    net.server.denied.add("x")
    client = net.client()
    refused, again, good = client.subscribe("x"), client.subscribe("x", lambda _: None), client.subscribe("y")
    ready, done, waiting = Outcome(refused.ready()), Outcome(again.when_done()), Outcome(refused.next())
    net.settle()
    assert isinstance(ready.error, txnats.PermissionDenied)
    assert isinstance(waiting.error, txnats.PermissionDenied)
    assert done.value == "denied"
    assert good.is_active
    assert net.told(events.PermissionDenied)[0] == events.PermissionDenied("subscribe", "x", None)
    net.pipe.cut()
    net.wait(1)
    assert b"SUB x" not in net.pipe.log
    assert b"SUB y" in net.pipe.log
    net.end(client)


def test_a_refusal_with_a_sid_ends_just_that_one(net: Net) -> None:
    client = net.client()
    one, two = client.subscribe("x"), client.subscribe("x")
    net.settle()
    net.pipe.send(b'-ERR \'Permissions Violation for Subscription to "x" (sid "2")\'\r\n')
    net.settle()
    assert one.is_active
    assert not two.is_active


def test_a_refusal_with_a_queue_ends_just_that_group(net: Net) -> None:
    client = net.client()
    one, two = client.subscribe("x"), client.subscribe("x", queue="q")
    net.settle()
    net.pipe.send(b'-ERR \'Permissions Violation for Subscription to "x" using queue "q"\'\r\n')
    net.settle()
    assert one.is_active
    assert not two.is_active


def test_a_refused_publish_fails_its_request_and_the_next_flush(net: Net) -> None:
    net.server.denied.add("x")
    net.server.no_responders = False
    client = net.client()
    asked, other = Outcome(client.request("x")), Outcome(client.request("y"))
    net.settle()
    assert isinstance(asked.error, txnats.PermissionDenied)
    assert not other.fired
    flushed = Outcome(client.flush())
    net.settle()
    assert isinstance(flushed.error, txnats.PermissionDenied)
    again = Outcome(client.flush())
    net.settle()
    assert again.value is None


def test_a_refused_inbox_fails_all_requests_and_is_tried_again(net: Net) -> None:
    client = net.client()
    inbox = client._requests.inbox
    net.server.denied.add(inbox)
    asked = [Outcome(client.request("x")), Outcome(client.request("y"))]
    net.settle()
    for each in asked:
        assert isinstance(each.error, txnats.PermissionDenied)
    net.server.denied.clear()
    net.settle()
    again = Outcome(client.request("x"))
    net.settle()
    assert isinstance(again.error, txnats.NoResponders)


def test_a_smaller_max_payload_of_a_later_info_is_respected(net: Net) -> None:
    client = net.client()
    net.pipe.send(b'INFO {"max_payload": 5}\r\n')
    net.settle()
    client.publish("a", b"12345")
    with pytest.raises(txnats.PayloadTooLarge):
        client.publish("a", b"123456")
    assert client.server_info.max_payload == 5


def test_a_server_without_a_limit_takes_any_payload(net: Net) -> None:
    """What nats-server says with ``max_payload: -1``."""
    net.server.info["max_payload"] = -1
    client = net.client()
    client.publish("a", bytes(2_000_000))
    net.settle()
    assert [len(payload) for _, _, payload in net.pipe.published] == [2_000_000]
    net.pipe.send(b'INFO {"max_payload": 10, "headers": true}\r\n')
    net.settle()
    with pytest.raises(txnats.PayloadTooLarge):
        client.publish("a", bytes(11))
    net.end(client)


def test_servers_are_discovered_and_used() -> None:
    net = Net(1)
    net.servers[2] = type(net.server)(2)
    client = txnats.connect(net.clock, "nats://h:1", endpoint_factory=net.endpoint, on_event=net.events.append)
    got = Outcome(client)
    net.settle()
    net.pipe.send(b'INFO {"connect_urls": ["h:1", "other:2"], "max_payload": 100}\r\n')
    net.settle()
    assert net.told(events.ServersDiscovered) == [events.ServersDiscovered(("nats://other:2",), ())]
    net.server.up = False
    net.pipe.cut()
    net.wait(1)
    assert net.told(events.Reconnected) == [events.Reconnected("nats://other:2")]
    net.servers[1].up = True
    net.end(got.value)


def duck(net: Net, client: txnats.Client) -> None:
    net.servers[1].pipe.send(DUCK)
    net.settle()


def test_lame_duck_makes_before_it_breaks() -> None:
    net = Net(1, 2)
    client = net.client()
    one, two = net.servers[1], net.servers[2]
    got: list[bytes] = []
    client.subscribe("a", lambda message: got.append(message.payload), queue="g")
    net.settle()
    two.slow = True
    duck(net, client)
    assert net.told(events.LameDuck) == [events.LameDuck("nats://host:1")]
    client.publish("a", b"old")
    net.settle()
    assert got == [b"old"]
    two.slow = False
    for waiting in two.waiting:
        net.let_in(two, *waiting)
    net.settle()
    assert two.pipe.subs
    client.publish("a", b"new")
    net.settle()
    assert got == [b"old", b"new"]
    assert [payload for _, _, payload in two.pipe.published] == [b"new"]
    still_there = not one.pipe.gone
    assert still_there  # work for the group may still be on its way to it
    net.wait(1)
    assert one.pipe.gone
    assert not net.told(events.Disconnected)
    assert client.statistics.reconnects == 1
    net.end(client)


def test_lame_duck_subscribing_and_unsubscribing_on_the_way_reaches_both() -> None:
    net = Net(1, 2)
    client = net.client()
    one, two = net.servers[1], net.servers[2]
    first = client.subscribe("first")
    net.settle()
    two.pongs = True
    duck_server_reads = two.reads
    two.slow = True
    duck(net, client)
    factory, connecting = two.waiting.pop()
    two.slow = False
    net.let_in(two, factory, connecting)
    # Up to the point where the successor has been prepared and has not answered.
    for _ in range(3):
        two.pipe.step()
    second = client.subscribe("second")
    first.unsubscribe()
    net.settle()
    assert duck_server_reads
    assert [entry[0] for entry in two.pipe.subs.values()] == ["second"]
    assert second.is_active
    net.wait(1)
    assert one.pipe.gone
    net.end(client)


def test_a_request_in_flight_survives_a_lame_duck() -> None:
    net = Net(1, 2)
    net.servers[1].no_responders = False
    client = net.client()
    asked = Outcome(client.request("svc"))
    net.settle()
    (_, reply, _) = net.servers[1].pipe.published[-1]
    assert reply is not None
    net.servers[1].reads = False  # the old one is slow to let go
    duck(net, client)
    net.servers[1].pipe.msg(reply.decode(), b"answer")
    net.settle()
    assert asked.value.payload == b"answer"
    net.wait(6, 1)
    assert net.servers[1].pipe.gone
    net.end(client)


@pytest.mark.parametrize("action", ["close", "drain", "reconnect", "cut_old", "cut_new"])
@pytest.mark.parametrize("steps", range(6))
def test_a_lame_duck_may_be_interrupted_anywhere(action: str, steps: int) -> None:
    net = Net(1, 2)
    client = net.client()
    one, two = net.servers[1], net.servers[2]
    client.subscribe("a", lambda _: None)
    net.settle()
    one.pipe.protocol.dataReceived(DUCK)
    for _ in range(steps):
        two.pipe.step()
    actions: dict[str, Any] = {
        "close": client.close,
        "drain": client.drain,
        "reconnect": client.reconnect,
        "cut_old": one.pipe.cut,
        "cut_new": two.pipe.cut,
    }
    actions[action]()
    net.settle()
    net.wait(20, 0.25)
    if action in ("close", "drain"):
        assert client.status == "closed"
    else:
        assert client.status == "connected"
        flushed = Outcome(client.flush())
        net.settle()
        assert flushed.value is None
        assert sum(not pipe.gone for server in net.servers.values() for pipe in server.pipes) == 1
        net.end(client)
    net.nothing_left()


def test_a_lame_duck_alone_stays(net: Net) -> None:
    client = net.client()
    net.pipe.send(DUCK, DUCK)
    net.wait(20, 1)
    assert client.status == "connected"
    assert len(net.told(events.LameDuck)) == 1
    net.pipe.cut()
    net.wait(1)
    assert client.status == "connected"
    net.end(client)


def test_a_lame_duck_alone_moves_to_a_server_that_is_announced_later() -> None:
    net = Net(1)
    net.servers[2] = type(net.server)(2)
    got = Outcome(txnats.connect(net.clock, "nats://h:1", endpoint_factory=net.endpoint))
    net.settle()
    net.pipe.send(DUCK)
    net.wait(1)
    net.pipe.send(b'INFO {"ldm": true, "connect_urls": ["h:1", "h:2"], "max_payload": 100}\r\n')
    net.wait(2)
    assert net.servers[2].pipes, "it stays with a server that is about to end though another one is known"
    net.end(got.value)


def test_pause_holds_after_a_reconnect(net: Net) -> None:
    client = net.client()
    work: Deferred[None] = Deferred()
    client.subscribe("a", lambda _: work, pending_messages=1, slow_policy="pause")
    net.settle()
    net.pipe.msg("a", b"1", b"2", b"3")
    net.settle()
    assert not net.pipe.is_reading()
    net.wait(2)
    net.pipe.cut()
    net.settle()
    assert len(net.server.pipes) == 2
    assert not net.pipe.is_reading()
    work.callback(None)
    net.settle()
    assert net.pipe.is_reading()
    net.end(client)


def test_force_reconnect(net: Net) -> None:
    client = net.client()
    client.publish("a", b"1")
    client.reconnect()
    client.publish("a", b"2")
    net.wait(1)
    assert len(net.server.pipes) == 2
    assert client.status == "connected"
    assert kinds(net) == [events.Connected, events.Disconnected, events.Reconnecting, events.Reconnected]
    net.end(client)


def test_a_hundred_reconnects_leave_nothing(net: Net) -> None:
    client = net.client()
    client.subscribe("a", lambda _: None)
    for _ in range(100):
        net.wait(2, 1)
        net.pipe.cut()
        net.settle()
        assert client.status == "connected"
    assert client.statistics.reconnects == 100
    assert len(client._session._open) == 1
    assert len(net.clock.getDelayedCalls()) == 1
    net.end(client)


@pytest.mark.parametrize("said", [b"HTTP/1.1 400\r\n", b"-ERR 'maximum connections exceeded'\r\n", b""])
def test_a_server_that_takes_us_in_and_drops_us_at_once_is_not_asked_without_a_pause(net: Net, said: bytes) -> None:
    client = net.client()
    pongs = 0

    def drop() -> None:
        nonlocal pongs
        pipe = net.pipe
        if not pipe.gone and not pipe.closing and client.status == "connected":
            pongs += 1
            if said:
                pipe.protocol.dataReceived(said)
            pipe.cut()

    for _ in range(400):  # four seconds
        net.clock.advance(0.01)
        for pipe in net.open_pipes():
            while pipe.step():
                pass
        drop()
    assert net.server.attempts < 40
    net.end(client)


def test_a_move_while_reading_is_paused_still_comes_to_its_end() -> None:
    net = Net(1, 2)
    client = net.client()
    one, two = net.servers[1], net.servers[2]
    sub = client.subscribe("a", pending_messages=1, slow_policy="pause")
    net.settle()
    one.pipe.msg("a", b"1", b"2", b"3")
    two.slow = True
    one.pipe.protocol.dataReceived(DUCK)
    two.slow = False
    (waiting,) = two.waiting
    factory, connecting = waiting
    net.let_in(two, factory, connecting)  # its handshake begins
    one.pipe.step()  # and now reading is paused
    assert not one.pipe.is_reading()
    net.settle()
    net.wait(1)
    got = []
    while sub.pending:
        got.append(Outcome(sub.next()).value.payload)
        net.settle()
    net.wait(3)
    assert got == [b"1", b"2", b"3"]
    assert one.pipe.gone
    assert client.status == "connected"
    flushed = Outcome(client.flush())
    net.settle()
    assert flushed.value is None
    net.end(client)


def test_a_replayed_publish_that_the_next_server_never_takes_does_not_loop() -> None:
    net = Net(1, 2)
    net.servers[2].info["max_payload"] = 10
    client = net.client(reconnect=txnats.ReconnectOptions(shuffle=False, replay_unconfirmed=True))
    net.servers[1].reads = False
    client.publish("a", b"x" * 100)
    net.settle()
    net.servers[1].up = False
    net.servers[1].pipe.cut()
    for _ in range(100):
        net.wait(0.1)
        pipe = net.servers[2].pipe if net.servers[2].pipes else None
        if pipe is not None and not pipe.gone and any(len(payload) > 10 for _, _, payload in pipe.published):
            pipe.send(b"-ERR 'Maximum Payload Violation'\r\n")
            net.settle()
            pipe.cut()
    assert net.servers[2].attempts < 40
