from __future__ import annotations

import pytest

import txnats
from tests.client.harness import Net, Outcome
from txnats.net.writer import BARRIER_BYTES, BARRIER_SECONDS
from txnats.state.outbox import SEAL_AT


@pytest.fixture
def net() -> Net:
    return Net()


def out(net: Net) -> bytes:
    return bytes(net.pipe.log)


def test_publishes_of_one_turn_leave_in_one_write(net: Net) -> None:
    client = net.client()
    before = len(net.pipe.writes)
    for number in range(50):
        client.publish("a", b"%d" % number)
    assert len(net.pipe.writes) == before
    net.clock.advance(0)
    assert len(net.pipe.writes) == before + 1
    assert net.pipe.writes[-1].count(b"PUB a") == 50


def test_what_a_handler_publishes_leaves_at_the_end_of_the_chunk(net: Net) -> None:
    client = net.client()
    client.subscribe("q", lambda message: message.respond(b"r"))
    net.settle()
    before = len(net.pipe.writes)
    net.pipe.protocol.dataReceived(b"MSG q 1 x 1\r\n1\r\n" * 10)
    assert len(net.pipe.writes) == before + 1
    assert net.pipe.writes[-1].count(b"PUB x") == 10
    assert [call for call in net.clock.getDelayedCalls() if call.getTime() <= net.clock.seconds()] == []


def test_however_much_is_published_it_leaves_when_the_turn_is_over(net: Net) -> None:
    """Who publishes without a pause must not keep the reactor from everything else."""
    client = net.client()
    before = len(net.pipe.writes)
    for _ in range(300):
        client.publish("a", b"x" * 1024)
    assert len(net.pipe.writes) == before
    net.clock.advance(0)
    assert len(net.pipe.writes) > before


def test_order_of_publishes_and_commands_is_kept(net: Net) -> None:
    client = net.client()
    start = len(out(net))
    client.publish("a", b"1")
    sub = client.subscribe("b")
    client.publish("b", b"2")
    sub.unsubscribe()
    client.publish("c", b"3")
    net.settle()
    assert out(net)[start:].startswith(b"PUB a 1\r\n1\r\nSUB b 1\r\nPUB b 1\r\n2\r\nUNSUB 1\r\nPUB c 1\r\n3\r\n")


def test_a_paused_connection_leaves_the_rest_in_the_outbox(net: Net) -> None:
    client = net.client(limits=txnats.Limits(outbox=1000, ready_below=500))
    net.pipe.busy()
    start = len(out(net))
    for _ in range(9):
        client.publish("a", b"x" * 90)
    with pytest.raises(txnats.OutboxFull) as caught:
        client.publish("a", b"x" * 90)
    assert "ready_to_write" in str(caught.value)
    net.settle()
    assert out(net)[start:] == b""
    waiting = Outcome(client.ready_to_write())
    assert waiting.results == []
    net.pipe.free()
    assert waiting.results == [None]
    assert out(net)[start:].count(b"PUB a") == 9
    assert Outcome(client.ready_to_write()).fired


def test_the_barrier_after_its_time(net: Net) -> None:
    client = net.client()
    start = len(out(net))
    client.publish("a")
    net.clock.advance(0)
    assert b"PING" not in out(net)[start:]
    assert client.statistics.unconfirmed == 1
    net.clock.advance(BARRIER_SECONDS)
    net.clock.advance(0)
    assert out(net)[start:].endswith(b"PING\r\n")
    net.settle()
    assert client.statistics.unconfirmed == 0
    net.wait(1)
    assert out(net)[start:].count(b"PING") == 1


def test_the_barrier_after_its_bytes(net: Net) -> None:
    client = net.client()
    net.server.reads = False
    start = len(out(net))
    for _ in range(5 * BARRIER_BYTES // 10_000):
        client.publish("a", b"x" * 10_000)
    net.clock.advance(0)
    # One behind BARRIER_BYTES, and no other while the server does not answer.
    behind = [part.count(b"PUB") * 10_000 for part in out(net)[start:].split(b"PING\r\n")]
    assert len(behind) == 2
    assert all(BARRIER_BYTES - 10_000 < each <= BARRIER_BYTES + SEAL_AT + 10_000 for each in behind[:-1])
    net.server.reads = True
    net.settle()
    net.wait(0.2)
    assert client.statistics.unconfirmed == 0


def test_a_barrier_goes_on_while_publishes_go_on(net: Net) -> None:
    client = net.client()
    for _ in range(20):
        client.publish("a")
        net.wait(0.05)
        assert client.statistics.unconfirmed <= 6


@pytest.mark.parametrize(
    ("limits", "replay_limit"),
    [(txnats.Limits(), 100_000), (txnats.Limits(outbox=50_000), 8_000_000), (txnats.Limits(outbox=50_000), 0)],
)
def test_ready_to_write_keeps_below_a_limit_that_is_smaller(net: Net, limits: txnats.Limits, replay_limit: int) -> None:
    client = net.client(
        limits=limits,
        reconnect=txnats.ReconnectOptions(replay_unconfirmed=bool(replay_limit), replay_limit=replay_limit),
    )
    net.server.reads = False
    net.pipe.busy()
    published = 0
    while (ready := Outcome(client.ready_to_write())).fired:
        client.publish("a", bytes(10_000))  # OutboxFull, if it is no back-pressure
        net.settle()
        published += 1
    assert published >= 3
    net.server.reads = True
    net.pipe.free()
    net.wait(1)
    assert ready.value is None
    assert len(net.pipe.published) == published
    net.end(client)


def test_ready_to_write_waits_for_a_connection_where_nothing_is_kept_without(net: Net) -> None:
    client = net.client(reconnect=txnats.ReconnectOptions(buffer=0))
    net.server.up = False
    net.pipe.cut()
    net.settle()
    ready = Outcome(client.ready_to_write())
    assert not ready.fired
    net.server.up = True
    net.wait(1)
    assert ready.value is None
    net.end(client)


def test_ready_to_write_fails_at_the_end(net: Net) -> None:
    client = net.client(limits=txnats.Limits(ready_below=10))
    net.pipe.busy()
    client.publish("a", b"x" * 100)
    net.settle()
    waiting, cancelled = Outcome(client.ready_to_write()), Outcome(client.ready_to_write())
    cancelled.deferred.cancel()
    client.close()
    net.settle()
    assert isinstance(waiting.error, txnats.ClientClosed)
    assert isinstance(Outcome(client.ready_to_write()).error, txnats.ClientClosed)


def test_the_reconnect_buffer_fails_at_its_byte_and_keeps_order(net: Net) -> None:
    client = net.client(reconnect=txnats.ReconnectOptions(buffer=100))
    net.server.up = False
    net.pipe.cut()
    net.settle()
    whole = len(b"PUB a 2\r\n00\r\n")
    for number in range(100 // whole):
        client.publish("a", b"%02d" % number)
    with pytest.raises(txnats.OutboxFull) as caught:
        client.publish("a", b"99")
    assert "Reconnected" in str(caught.value)
    net.server.up = True
    net.wait(1)
    assert [payload for _, _, payload in net.pipe.published] == [b"%02d" % n for n in range(100 // whole)]


def test_no_buffer_fails_at_once(net: Net) -> None:
    client = net.client(reconnect=txnats.ReconnectOptions(buffer=0))
    net.server.up = False
    net.pipe.cut()
    net.settle()
    with pytest.raises(txnats.OutboxFull):
        client.publish("a")
    assert isinstance(Outcome(client.request("a")).error, txnats.OutboxFull)
    assert client.statistics.requests == 0


def test_the_unconfirmed_are_told(net: Net) -> None:
    client = net.client()
    client.publish("a")
    Outcome(client.flush())
    net.settle()
    net.server.reads = False
    for _ in range(5):
        client.publish("a")
    net.settle()
    net.pipe.cut()
    net.settle()
    (event,) = net.told(txnats.events.Disconnected)
    assert event.unconfirmed == 5
    net.server.reads = True
    net.wait(1)
    assert client.statistics.unconfirmed == 0
    assert net.pipe.published == []


def test_replay_sends_the_unconfirmed_before_what_waits(net: Net) -> None:
    client = net.client(reconnect=txnats.ReconnectOptions(replay_unconfirmed=True))
    net.server.reads = False
    client.publish("a", b"1")
    client.publish("a", b"2")
    net.settle()
    net.server.up = False
    net.pipe.cut()
    client.publish("a", b"3")
    net.settle()
    net.server.up = net.server.reads = True
    net.wait(1)
    assert [payload for _, _, payload in net.pipe.published] == [b"1", b"2", b"3"]
    assert client.statistics.unconfirmed == 0


def test_close_writes_what_was_published(net: Net) -> None:
    client = net.client()
    client.publish("a", b"last")
    closing = Outcome(client.close())
    net.settle()
    assert closing.fired
    assert net.pipe.published == [(b"a", None, b"last")]
    assert net.told(txnats.events.Closed)[0].unsent == 0


def test_close_while_down_tells_the_unsent(net: Net) -> None:
    client = net.client()
    net.server.up = False
    net.pipe.cut()
    net.settle()
    client.publish("a")
    client.publish("a")
    client.close()
    net.settle()
    assert net.told(txnats.events.Closed)[0].unsent == 2
    with pytest.raises(txnats.ClientClosed):
        client.publish("a")
    net.nothing_left()
