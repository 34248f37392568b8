"""A WebSocket between a socket and the connection that it carries: both sides' bytes, pressure both ways, every end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint, ITCPTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer

from tests.client.harness import Failures, Outcome
from tests.net.test_connection import INFO, Cut, Told
from tests.one_by_one import one_by_one
from tests.wire.websocket_server import PING, WebSocketServer, closing, frame
from txnats.errors import ConnectionLost, DialFailed, NatsError, RemoteProtocolError, WebSocketClosed, WebSocketRefused
from txnats.message import Message
from txnats.net.connection import CLOSE_WITHIN, Connection
from txnats.net.dial import dial
from txnats.net.websocket import WebSocketEndpoint
from txnats.options import Limits, PingOptions
from txnats.state.handshake import Handshake
from txnats.wire.info import ConnectInfo
from txnats.wire.parser import Parser
from txnats.wire.websocket import WebSocket


@pytest.fixture(autouse=True)
def no_unhandled() -> Iterator[None]:
    with Failures() as seen:
        yield
    assert [event["log_failure"] for event in seen] == []


class Socket(Cut):
    """A socket that takes what it is given; ``said`` is what is new."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.delayed: list[bool] = []

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.delayed.append(not enabled)

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """As asked."""

    def said(self) -> bytes:
        value: bytes = self.value()
        self.clear()
        return value


@implementer(IStreamClientEndpoint)
class Rig:
    """A connection to a WebSocket server in memory."""

    def __init__(
        self, *, compression: bool = False, ping: PingOptions = PingOptions(), max_size: int = 1 << 20
    ) -> None:
        self.clock = Clock()
        self.told = Told()
        self.messages: list[Message] = []
        self.on_message: Callable[[Message], None] = self.messages.append
        self.socket = Socket()
        directlyProvides(self.socket, ITCPTransport)
        self.server = WebSocketServer(compression=compression)
        self.protocol: Any = None
        self.connection: Connection
        self._ping = ping

        def make() -> WebSocket:
            return WebSocket("ws://h:80", host="h", port=80, compression=compression, max_size=max_size)

        endpoint = WebSocketEndpoint(self.clock, self, make)
        self.ready = Outcome(dial(self.clock, endpoint, self._make, server="ws://h:80", timeout=2.0))

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        self.protocol = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        self.protocol.makeConnection(self.socket)
        return succeed(self.protocol)

    def _make(self) -> Connection:
        self.connection = Connection(
            clock=self.clock,
            server="ws://h:80",
            handshake=Handshake("ws://h:80", ConnectInfo(), lambda nonce: {}),
            parser=Parser(Limits()),
            ping=self._ping,
            deliver=one_by_one(lambda message: self.on_message(message)),
            listener=self.told,
        )
        return self.connection

    def open(self) -> Rig:
        self.receive(self.server.feed(self.socket.said()))
        return self

    def live(self) -> Rig:
        self.open()
        self.send(INFO)
        self.read()
        self.send(b"PONG\r\n")
        assert self.connection.is_live
        return self

    def receive(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def send(self, data: bytes) -> None:
        """The server says NATS's bytes in a message."""
        self.receive(self.server.pack(data))

    def read(self) -> bytes:
        """What NATS's bytes the client sent since."""
        self.server.feed(self.socket.said())
        data = bytes(self.server.received)
        self.server.received.clear()
        return data

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))
        assert self.clock.getDelayedCalls() == []

    def lost(self) -> NatsError:
        (lost,) = self.told.of("lost")
        error: NatsError = lost[1]
        return error


@pytest.mark.parametrize("compression", [False, True])
def test_a_handshake(compression: bool) -> None:
    rig = Rig(compression=compression)
    assert not rig.ready.fired
    rig.open()
    assert rig.read() == b"", "NATS's server speaks first"
    rig.send(INFO)
    assert rig.read() == b"CONNECT {}\r\nPING\r\n"
    rig.send(b"PONG\r\n")
    assert rig.ready.value is rig.connection
    rig.send(b"MSG a 1 2\r\nhi\r\n")
    assert [message.payload for message in rig.messages] == [b"hi"]
    rig.protocol.writeSequence([b"PUB a ", b"0\r\n\r\n"])
    assert rig.read() == b"PUB a 0\r\n\r\n"
    assert rig.socket.delayed == [False]


def test_info_glued_to_the_answer_and_one_byte_at_a_time() -> None:
    rig = Rig()
    for byte in rig.server.feed(rig.socket.said()) + rig.server.pack(INFO) + rig.server.pack(b"PONG\r\n"):
        rig.receive(bytes([byte]))
    assert rig.connection.is_live


def test_what_is_written_before_it_is_open_waits() -> None:
    rig = Rig()
    rig.protocol.write(b"early ")
    rig.protocol.writeSequence([b"bi", b"rd"])
    assert rig.socket.value().endswith(b"\r\n\r\n")
    rig.open()
    assert rig.read() == b"early bird"


# Pressure


def test_a_socket_without_room_pauses_the_connection_and_holds_pongs() -> None:
    rig = Rig().live()
    room: Any = rig.socket.producer
    room.pauseProducing()
    assert rig.connection.paused
    for number in range(1000):
        rig.receive(frame(b"%d" % number, PING))
    assert rig.socket.value() == b"", "a peer that pings and does not read fills no memory"
    room.resumeProducing()
    assert not getattr(rig.connection, "paused")  # noqa: B009
    rig.read()
    assert [bytes(each.data) for each in rig.server.controls] == [b"999"]


def test_reading_stops_in_the_midst_of_what_came() -> None:
    rig = Rig().live()
    resting = False

    def take(message: Message) -> None:
        nonlocal resting
        rig.messages.append(message)
        if not resting:
            resting = True
            rig.connection.pause_reading()

    rig.on_message = take
    large = b"MSG a 1 200000\r\n" + bytes(200_000) + b"\r\n"
    rig.send(b"MSG a 1 1\r\nx\r\n" + large * 2)
    assert len(rig.messages) == 1
    assert rig.socket.producerState == "paused"
    rig.send(b"MSG a 1 1\r\ny\r\n")
    assert len(rig.messages) == 1, "what had been read before the pause waits too"
    rig.connection.resume_reading()
    assert len(rig.messages) == 1, "nothing is delivered within the call"
    rig.clock.advance(0)
    assert [len(message.payload) for message in rig.messages] == [1, 200_000, 200_000, 1]
    assert rig.socket.producerState == "producing"


def test_a_pause_before_the_next_turn_is_a_pause() -> None:
    rig = Rig().live()
    rig.connection.pause_reading()
    rig.connection.resume_reading()
    rig.connection.pause_reading()
    rig.clock.advance(0)
    assert rig.socket.producerState == "paused"
    rig.connection.fail(ConnectionLost("s", "enough"))
    rig.lose()


def test_the_bytes_of_a_large_message_keep_the_link_alive() -> None:
    rig = Rig(ping=PingOptions(interval=1.0, max_outstanding=1)).live()
    message = rig.server.pack(b"MSG a 1 5000\r\n" + bytes(5000) + b"\r\n")
    for start in range(0, len(message), 100):
        rig.receive(message[start : start + 100])
        rig.clock.advance(0.9)
    assert len(rig.messages) == 1
    assert rig.told.of("ask") == []


# Ends


def test_closing_says_goodbye_behind_what_was_written() -> None:
    rig = Rig().live()
    rig.connection.write(b"PUB a 0\r\n\r\n")
    ended = Outcome(rig.connection.close())
    assert rig.read() == b"PUB a 0\r\n\r\n"
    assert bytes(rig.server.controls[-1].data) == b"\x03\xe8"
    assert rig.socket.disconnecting
    assert rig.socket.producer is None
    rig.receive(frame(b"MSG a 1 1\r\nx\r\n"))
    assert rig.messages == []
    rig.lose()
    assert ended.fired


def test_a_peer_that_does_not_take_the_goodbye_is_cut() -> None:
    rig = Rig().live()
    rig.connection.close()
    rig.clock.advance(CLOSE_WITHIN)
    assert rig.socket.aborted
    rig.lose()


def test_the_server_closes_with_a_code() -> None:
    rig = Rig().live()
    rig.receive(frame(b"MSG a 1 1\r\nx\r\n") + closing(1001, b"Server Shutdown"))
    assert len(rig.messages) == 1
    assert rig.socket.disconnecting
    assert rig.socket.value()[:2] == b"\x88\x91", "its code comes back, masked"
    rig.connection.write(b"PUB a 0\r\n\r\n")
    assert b"PUB" not in rig.socket.value()
    rig.lose()
    error = rig.lost()
    assert isinstance(error, WebSocketClosed)
    assert error.code == 1001


def test_broken_frames_end_it() -> None:
    rig = Rig().live()
    rig.receive(frame(b"x", 5))
    assert rig.socket.disconnecting
    rig.lose()
    assert isinstance(rig.lost(), RemoteProtocolError)


def test_a_peer_that_does_not_take_our_last_frame_is_cut() -> None:
    rig = Rig().live()
    rig.receive(frame(b"x", 5))
    rig.clock.advance(CLOSE_WITHIN)
    assert rig.socket.aborted
    rig.lose()


def test_what_the_server_said_in_nats_comes_before_its_close_code() -> None:
    rig = Rig().live()
    rig.connection.because(ConnectionLost("s", "expired"))
    rig.receive(closing(1008))
    rig.lose()
    assert "expired" in str(rig.lost())


def test_a_refusal_is_why_the_dial_failed() -> None:
    rig = Rig()
    rig.receive(b"HTTP/1.1 404 Not Found\r\n\r\n")
    assert rig.socket.disconnecting
    rig.lose()
    error = rig.ready.error
    assert isinstance(error, WebSocketRefused)
    assert error.status == 404


def test_closed_by_code_before_the_login_is_done() -> None:
    rig = Rig().open()
    rig.receive(closing(1008, b"Authentication Timeout"))
    rig.lose()
    assert isinstance(rig.ready.error, WebSocketClosed)


def test_gone_without_a_word() -> None:
    rig = Rig()
    rig.lose()
    assert "closed the connection before the handshake was done" in str(rig.ready.error)
    rig = Rig().live()
    rig.lose()
    assert type(rig.lost()) is ConnectionLost


@pytest.mark.parametrize(
    ("steps", "waits_for"), [(0, "answer to the WebSocket request"), (1, "INFO"), (2, "answer to CONNECT")]
)
def test_one_deadline_for_all_of_it(steps: int, waits_for: str) -> None:
    rig = Rig()
    if steps:
        rig.open()
    if steps > 1:
        rig.send(INFO)
    rig.clock.advance(2.0)
    assert isinstance(rig.ready.error, DialFailed)
    assert f"no {waits_for} within 2 s" in str(rig.ready.error)
    assert rig.socket.aborted
    rig.lose()


def test_a_dial_that_is_cancelled_leaves_nothing() -> None:
    rig = Rig().open()
    rig.ready.deferred.cancel()
    assert rig.socket.aborted
    rig.lose()
    assert isinstance(rig.ready.error, DialFailed)


def test_an_endpoint_that_comes_too_late_gets_no_protocol() -> None:
    factories: list[IProtocolFactory] = []

    @implementer(IStreamClientEndpoint)
    class Late:
        def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
            factories.append(protocolFactory)
            return Deferred()

    clock = Clock()
    rig = Rig()
    ready = Outcome(
        dial(
            clock,
            WebSocketEndpoint(clock, Late(), lambda: WebSocket("s", host="h", port=80)),
            rig._make,
            server="s",
            timeout=1.0,
        )
    )
    clock.advance(1.0)
    assert "no connection within 1 s" in str(ready.error)
    assert factories[0].buildProtocol(None) is None  # type: ignore[arg-type]
    rig.lose()
    assert rig.ready.error is not None


def test_an_endpoint_that_fails_is_why() -> None:
    @implementer(IStreamClientEndpoint)
    class Failing:
        def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
            return fail(OSError("no way"))

    clock = Clock()
    rig = Rig()
    ready = Outcome(
        dial(
            clock,
            WebSocketEndpoint(clock, Failing(), lambda: WebSocket("s", host="h", port=80)),
            rig._make,
            server="s",
            timeout=1.0,
        )
    )
    assert "no way" in str(ready.error)
    rig.lose()
    assert rig.ready.error is not None
