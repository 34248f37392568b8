from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionLost as TransportLost
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import directlyProvides

from tests.client.harness import Outcome
from tests.one_by_one import one_by_one
from txnats.errors import (
    AuthenticationRefused,
    ConnectionLost,
    DialFailed,
    NatsError,
    RemoteProtocolError,
    StaleConnection,
    TlsUnavailable,
)
from txnats.message import Message
from txnats.net.connection import CLOSE_WITHIN, Connection
from txnats.options import Limits, PingOptions
from txnats.state.handshake import Handshake
from txnats.wire.info import ConnectInfo, ServerInfo
from txnats.wire.parser import Parser

INFO = b'INFO {"server_id":"A","max_payload":100}\r\n'


class Told:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []

    def informed(self, connection: Connection, info: ServerInfo) -> None:
        self.log.append(("informed", info.server_id))

    def error(self, connection: Connection, text: str) -> None:
        self.log.append(("error", text))

    def confirmed(self, connection: Connection, mark: int) -> None:
        self.log.append(("confirmed", mark))

    def ask(self, connection: Connection) -> None:
        self.log.append(("ask",))
        connection.pings.sent(0, 0)
        connection.write(b"PING\r\n")

    def writable(self, connection: Connection) -> None:
        self.log.append(("writable",))

    def lost(self, connection: Connection, reason: NatsError) -> None:
        self.log.append(("lost", reason))

    def of(self, kind: str) -> list[Any]:
        return [entry for entry in self.log if entry[0] == kind]


class Cut(StringTransport):
    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


class Rig:
    def __init__(self, ping: PingOptions = PingOptions(), transport: Cut | None = None) -> None:
        self.clock = Clock()
        self.told = Told()
        self.messages: list[Message] = []
        self.deliver: Callable[[Message], None] = self.messages.append
        self.transport: Any = transport or Cut()
        self.connection = Connection(
            clock=self.clock,
            server="nats://h:1",
            handshake=Handshake("nats://h:1", ConnectInfo(verbose=False), lambda nonce: {"user": "u"}),
            parser=Parser(Limits()),
            ping=ping,
            deliver=one_by_one(lambda message: self.deliver(message)),
            listener=self.told,
        )
        self.ready = Outcome(self.connection.ready)
        self.ended = Outcome(self.connection.ended)

    def connect(self) -> None:
        self.connection.makeConnection(self.transport)

    def live(self) -> Rig:
        self.connect()
        self.connection.dataReceived(INFO)
        self.connection.dataReceived(b"PONG\r\n")
        assert self.ready.value is self.connection
        self.transport.clear()
        self.told.log.clear()
        return self

    def is_over(self) -> bool:
        return self.connection.is_over

    def was_cut(self) -> bool:
        return bool(self.transport.aborted)

    def lose(self, reason: Exception | None = None) -> None:
        self.connection.connectionLost(Failure(reason or ConnectionDone()))


def test_connect_and_ping_leave_in_one_write() -> None:
    rig = Rig()
    writes: list[bytes] = []
    rig.connect()
    rig.transport.write = writes.append
    rig.connection.dataReceived(INFO)
    assert len(writes) == 1
    line, rest = writes[0].split(b"\r\n", 1)
    assert rest == b"PING\r\n"
    assert json.loads(line.removeprefix(b"CONNECT ")) == {"verbose": False, "user": "u"}
    assert not rig.ready.fired


def test_later_infos_are_merged_and_never_answered() -> None:
    rig = Rig()
    rig.connect()
    rig.connection.dataReceived(INFO)
    rig.transport.clear()
    rig.connection.dataReceived(b'INFO {"server_id":"B"}\r\n+OK\r\nPING\r\nPONG\r\nINFO {"server_id":"C"}\r\n')
    assert rig.transport.value() == b"PONG\r\n"
    assert rig.connection.info is not None
    assert rig.connection.info.server_id == "C"
    assert rig.told.of("informed") == [("informed", "C")]


def test_pings_of_a_chunk_get_one_pong_behind_its_messages() -> None:
    rig = Rig().live()
    rig.connection.dataReceived(b"PING\r\n" * 1000 + b"MSG a 1 1\r\nx\r\n")
    assert rig.transport.value() == b"PONG\r\n"
    assert len(rig.messages) == 1
    rig.connection.dataReceived(b"PING\r\n")
    assert rig.transport.value() == b"PONG\r\n" * 2


def test_while_the_peer_does_not_read_one_pong_waits_for_all() -> None:
    rig = Rig().live()
    rig.connection.pauseProducing()
    for _ in range(100):
        rig.connection.dataReceived(b"PING\r\n")
    assert rig.transport.value() == b""
    rig.connection.resumeProducing()
    assert rig.transport.value() == b"PONG\r\n"
    rig.connection.resumeProducing()
    assert rig.transport.value() == b"PONG\r\n"


def test_a_thousand_pongs_unasked_are_nothing() -> None:
    rig = Rig().live()
    rig.connection.dataReceived(b"PONG\r\n" * 1000)
    assert rig.told.of("confirmed") == []
    assert not rig.is_over()


@pytest.mark.parametrize("interval", [0.5, 30.0])
@pytest.mark.parametrize("outstanding", [1, 2, 5])
def test_silence_is_a_loss_after_the_interval_times_the_pings_and_one(interval: float, outstanding: int) -> None:
    rig = Rig(PingOptions(interval=interval, max_outstanding=outstanding)).live()
    for asked in range(outstanding):
        rig.clock.advance(interval * 0.99)
        assert len(rig.told.of("ask")) == min(asked, 1)
        rig.clock.advance(interval * 0.01)
        assert not rig.is_over()
        rig.connection.write(b"PUB a 0\r\n\r\n")  # only what comes in counts
    rig.clock.advance(interval * 0.99)
    assert not rig.is_over()
    rig.clock.advance(interval * 0.02)
    assert rig.is_over()
    assert rig.transport.aborted
    rig.lose(TransportLost())
    (lost,) = rig.told.of("lost")
    assert isinstance(lost[1], StaleConnection)
    assert f"{interval * (outstanding + 1):g} s" in str(lost[1])
    assert rig.clock.getDelayedCalls() == []


@pytest.mark.parametrize("byte", [b"M", b"PONG\r\n", b"+OK\r\n"])
def test_any_byte_keeps_it_alive(byte: bytes) -> None:
    rig = Rig(PingOptions(interval=10, max_outstanding=1)).live()
    rig.clock.advance(9)
    rig.connection.dataReceived(byte)
    for _ in range(11):
        rig.clock.advance(1)
        assert not rig.is_over()
    assert len(rig.told.of("ask")) == 1
    rig.clock.advance(7)
    assert not rig.is_over()
    rig.clock.advance(2.5)
    assert rig.is_over()


def test_interval_zero_never_asks() -> None:
    rig = Rig(PingOptions(interval=0)).live()
    assert rig.clock.getDelayedCalls() == []


def test_a_suspended_process_asks_before_it_calls_it_a_loss() -> None:
    rig = Rig(PingOptions(interval=2, max_outstanding=2)).live()
    rig.clock.advance(86_400)
    assert not rig.is_over()
    assert len(rig.told.of("ask")) == 1
    rig.connection.dataReceived(b"PONG\r\n")
    rig.clock.advance(1.9)
    assert not rig.is_over()


def test_paused_reading_stops_the_keep_alive() -> None:
    rig = Rig(PingOptions(interval=2)).live()
    rig.connection.pause_reading()
    assert rig.clock.getDelayedCalls() == []
    rig.clock.advance(100)
    rig.connection.resume_reading()
    rig.connection.resume_reading()
    assert len(rig.clock.getDelayedCalls()) == 1
    rig.lose()
    assert rig.clock.getDelayedCalls() == []
    rig.connection.pause_reading()
    rig.connection.resume_reading()
    assert rig.clock.getDelayedCalls() == []


def test_close_waits_for_the_socket_and_no_longer_than_its_deadline() -> None:
    rig = Rig().live()
    rig.connection.write(b"last")
    closed = Outcome(rig.connection.close())
    again = Outcome(rig.connection.close())
    assert rig.transport.disconnecting
    assert rig.transport.producer is None
    assert closed.results == []
    rig.clock.advance(CLOSE_WITHIN - 0.01)
    assert not rig.transport.aborted
    rig.clock.advance(0.02)
    assert rig.was_cut()
    rig.lose()
    assert closed.results == again.results == [None]
    assert Outcome(rig.connection.close()).results == [None]
    assert rig.told.of("lost") == []
    assert rig.clock.getDelayedCalls() == []


def test_close_that_is_taken_leaves_no_timer() -> None:
    rig = Rig().live()
    closed = Outcome(rig.connection.close())
    rig.lose()
    assert closed.fired
    assert rig.clock.getDelayedCalls() == []
    assert not rig.transport.aborted


def test_what_is_written_or_read_after_the_end_is_nothing() -> None:
    rig = Rig().live()
    rig.connection.fail(ConnectionLost("h", "test"))
    rig.connection.write(b"x")
    rig.connection.dataReceived(b"MSG a 1 1\r\nx\r\n")
    rig.connection.fail(ConnectionLost("h", "second"))
    assert rig.messages == []
    assert rig.transport.value() == b""
    rig.lose()
    assert rig.told.of("lost")[0][1].why == "test"


def test_the_reason_that_the_server_gave_is_the_reason() -> None:
    rig = Rig().live()
    rig.connection.because(AuthenticationRefused("h", "no"))
    rig.lose()
    assert isinstance(rig.told.of("lost")[0][1], AuthenticationRefused)


def test_the_operating_systems_reason_is_told() -> None:
    rig = Rig().live()
    rig.lose(TransportLost("peer reset"))
    assert "reset" in str(rig.told.of("lost")[0][1])


def test_a_fault_cuts_and_names_the_server() -> None:
    rig = Rig().live()
    rig.connection.dataReceived(b"MSG a 1 1\r\nx\r\nMSG a 1 -5\r\n")
    assert len(rig.messages) == 1
    assert rig.transport.aborted
    rig.lose()
    error = rig.told.of("lost")[0][1]
    assert isinstance(error, RemoteProtocolError)
    assert error.where == "nats://h:1"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PONG\r\n", RemoteProtocolError),
        (b"MSG a 1 1\r\nx\r\n", RemoteProtocolError),
        (b"+OK\r\n", RemoteProtocolError),
        (b"HTTP/1.1 400 Bad Request\r\n", RemoteProtocolError),
        (b"-ERR 'Authorization Violation'\r\n", AuthenticationRefused),
        (INFO + b"-ERR 'Authorization Violation'\r\n", AuthenticationRefused),
        (INFO + b"MSG a 1 1\r\nx\r\n", RemoteProtocolError),
        (b'INFO {"tls_required":true}\r\n', TlsUnavailable),
        (b'INFO {"max_payload":"x"}\r\n', RemoteProtocolError),
    ],
)
def test_a_handshake_that_goes_wrong(data: bytes, kind: type[NatsError]) -> None:
    rig = Rig()
    rig.connect()
    rig.connection.dataReceived(data)
    assert rig.transport.aborted
    rig.lose()
    error = rig.ready.error
    assert isinstance(error, kind)
    assert rig.told.log == []
    assert rig.messages == []
    assert rig.ended.fired
    if not data.startswith(INFO):
        assert b"CONNECT" not in rig.transport.value()


def test_an_end_before_the_handshake_is_a_failed_dial() -> None:
    rig = Rig()
    rig.connect()
    rig.lose()
    assert isinstance(rig.ready.error, DialFailed)
    assert rig.told.log == []


@pytest.mark.parametrize("said", [b"", INFO])
def test_cancelling_ready_cuts_the_socket(said: bytes) -> None:
    rig = Rig()
    rig.connect()
    if said:
        rig.connection.dataReceived(said)
    rig.connection.ready.cancel()
    assert rig.transport.aborted
    assert isinstance(rig.ready.error, CancelledError)
    rig.lose()
    assert rig.clock.getDelayedCalls() == []


def test_given_up_before_there_is_a_transport() -> None:
    rig = Rig()
    rig.connection.fail(DialFailed("h", "given up"))
    assert isinstance(rig.ready.error, DialFailed)
    rig.connect()
    assert rig.transport.aborted
    rig.lose()
    assert rig.ended.fired


def test_what_is_delivered_while_a_message_handler_closes() -> None:
    rig = Rig().live()

    def deliver(message: Message) -> None:
        rig.messages.append(message)
        rig.connection.close()

    rig.deliver = deliver
    rig.connection.dataReceived(b"MSG a 1 1\r\nx\r\nMSG a 1 1\r\ny\r\nPING\r\n-ERR 'x'\r\n")
    assert rig.transport.value() == b""
    assert rig.told.log == []


def test_a_deliver_that_raises_does_not_leave_it_reading() -> None:
    rig = Rig().live()

    def deliver(message: Message) -> None:
        raise ZeroDivisionError

    rig.deliver = deliver
    with pytest.raises(ZeroDivisionError):
        rig.connection.dataReceived(b"MSG a 1 1\r\nx\r\n")
    assert not rig.connection.reading


def test_waiters_hear_of_the_loss_before_the_listener() -> None:
    rig = Rig().live()
    heard: list[object] = []
    rig.connection.pings.sent(5, 1, heard.append)
    rig.connection.pings.sent(6, 2, heard.append)
    rig.connection.dataReceived(b"PONG\r\n")
    assert heard == [None]
    assert rig.told.of("confirmed") == [("confirmed", 5)]
    rig.lose()
    assert isinstance(heard[1], ConnectionLost)
    assert len(heard) == 2


def test_after_leave_the_listener_hears_nothing_but_waiters_do() -> None:
    rig = Rig().live()
    heard: list[object] = []
    rig.connection.pings.sent(5, 1, heard.append)
    rig.connection.leave()
    rig.connection.dataReceived(b"-ERR 'x'\r\nINFO {}\r\nPONG\r\n")
    rig.lose()
    assert heard == [None]
    assert rig.told.log == []


class Tcp(Cut):
    options: list[tuple[str, bool]]

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.options.append(("nodelay", enabled))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.options.append(("keepalive", enabled))


def test_tcp_options() -> None:
    transport = Tcp()
    transport.options = []
    directlyProvides(transport, ITCPTransport)
    Rig(transport=transport).connect()
    assert transport.options == [("nodelay", True), ("keepalive", True)]


def test_a_transport_that_cannot_abort_is_asked_to_close() -> None:
    class Plain:
        closing = False

        def registerProducer(self, producer: object, streaming: bool) -> None: ...
        def loseConnection(self) -> None:
            self.closing = True

    transport: Any = Plain()
    rig = Rig(transport=transport)
    rig.connect()
    rig.connection.fail(ConnectionLost("h", "x"))
    assert transport.closing


def test_stop_producing_is_as_a_pause() -> None:
    rig = Rig().live()
    rig.connection.stopProducing()
    assert rig.connection.paused


def test_a_transport_without_back_pressure_is_refused() -> None:
    class Channel:
        """As SSH channels are."""

        closed = False

        def write(self, data: bytes) -> None:
            raise AssertionError("not a byte is written")

        def loseConnection(self) -> None:
            self.closed = True

    rig = Rig()
    channel: Any = Channel()
    rig.connection.makeConnection(channel)
    assert channel.closed
    rig.connection.connectionLost(Failure(ConnectionDone()))
    assert "is no IConsumer" in str(rig.ready.error)
