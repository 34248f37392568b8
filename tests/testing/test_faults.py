"""What can be made to go wrong."""

from __future__ import annotations

import pytest

import txnats
from tests.testing.stage import Stage
from txnats import errors, events

# Logging in


def test_no_info() -> None:
    stage = Stage()
    stage.server.faults.no_info = True
    with pytest.raises(errors.NatsError, match="no INFO within 2 s"):
        stage.connect()
    assert stage.clock.seconds() == 2.0
    assert stage.server.connections == []


def test_a_login_is_refused_with_any_text() -> None:
    stage = Stage(user="joe", password="secret")
    stage.server.faults.refuse_login = "User Authentication Expired"
    joe = txnats.UserPassword("joe", "secret")
    with pytest.raises(errors.CredentialsExpired):
        stage.connect(auth=joe)
    stage.server.faults.refuse_login = None
    stage.connect(auth=joe)


def test_who_does_not_log_in_is_sent_away() -> None:
    stage = Stage(token="t")
    client = stage.raw()
    assert stage.run(client.until(None)).endswith(b"-ERR 'Authentication Timeout'\r\n")
    assert stage.clock.seconds() == 2.0


# PING and PONG


def test_pongs_are_withheld() -> None:
    stage = Stage()
    client = stage.connect()
    stage.server.faults.withhold_pongs = True
    with pytest.raises(errors.OperationTimeout):
        stage.run(client.flush(timeout=3.0))


def test_pongs_are_late() -> None:
    stage = Stage()
    client = stage.connect()
    stage.server.faults.pong_delay = 0.25
    assert stage.run(client.rtt()) == 0.25


def test_who_answers_no_ping_is_stale() -> None:
    stage = Stage(ping_interval=10.0)
    client = stage.connect()
    stage.network.advance(100.0)
    assert client.status is txnats.Status.CONNECTED
    end = stage.raw().until(None)
    stage.network.advance(29.0)
    assert not end.called
    stage.network.advance(1.0)
    assert stage.run(end).endswith(b"PING\r\nPING\r\n-ERR 'Stale Connection'\r\n")


# Connections


def test_a_crash_is_survived() -> None:
    stage = Stage()
    client = stage.connect()
    stage.server.kill()
    stage.network.advance(3.0)
    assert (client.status, client.statistics.reconnects) == (txnats.Status.RECONNECTING, 0)
    stage.server.start()
    stage.network.advance(10.0)
    assert (client.status, client.statistics.reconnects) == (txnats.Status.CONNECTED, 1)
    assert stage.server.accepted == 2


def test_one_connection_is_dropped() -> None:
    stage = Stage()
    client, other = stage.connect(name="joe"), stage.connect(name="sue")
    assert [connection.options.name for connection in stage.server.connections] == ["joe", "sue"]
    stage.server.connections[0].drop()
    stage.network.advance(1.0)
    assert (client.statistics.reconnects, other.statistics.reconnects) == (1, 0)
    sub = other.subscribe("a")
    stage.run(sub.ready())
    stage.server.drop()
    assert not stage.server.publish("a")
    stage.network.advance(1.0)
    assert (client.statistics.reconnects, other.statistics.reconnects) == (2, 1)


def test_any_bytes_are_said() -> None:
    stage = Stage()
    stage.connect()
    stage.server.send(b"-ERR 'Something New'\r\n")
    stage.network.pump()
    assert events.ServerErrorReported("Something New") in stage.happened
    stage.server.send(b"NONSENSE\r\n")
    stage.network.pump()
    (lost,) = [event for event in stage.happened if isinstance(event, events.Disconnected)]
    assert isinstance(lost.reason, errors.RemoteProtocolError)


def test_what_is_sent_stays_unread() -> None:
    stage = Stage()
    client = stage.connect()
    stage.server.pause_reading()
    waiting = client.flush(timeout=1_000.0)
    stage.network.advance(5.0)
    assert not waiting.called
    late = stage.raw()
    late.write(b"PING\r\n")
    stage.network.pump()
    assert not stage.server.connections[1].commands
    stage.server.resume_reading()
    stage.run(waiting)
    assert stage.server.connections[1].commands


def test_who_reads_too_slowly_is_cut() -> None:
    stage = Stage(max_pending=100_000)
    slow = stage.raw()
    slow.write(b'CONNECT {"verbose":false}\r\nSUB a 1\r\n')
    stage.network.pump()
    slow.pause()
    for _ in range(20):
        stage.server.publish("a", bytes(20_000))
        stage.network.pump()
    assert stage.server.connections == []


def test_a_lame_duck_closes_one_connection_after_the_other() -> None:
    stage = Stage(lame_duck_grace_period=5.0, lame_duck_duration=60.0)
    raws = [stage.raw() for _ in range(3)]
    for raw in raws:
        raw.write(b'CONNECT {"verbose":false,"protocol":1}\r\n')
    stage.network.pump()
    stage.server.lame_duck()
    open_at = []
    for moment in (4.9, 0.2, 1.0, 1.0):
        stage.network.advance(moment)
        open_at.append(len(stage.server.connections))
    assert open_at == [3, 2, 1, 0]
    assert all(b'"ldm":true' in stage.run(raw.until(None)) for raw in raws)
