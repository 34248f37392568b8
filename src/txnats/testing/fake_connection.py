"""One client's connection to the in-memory server: its bytes, timers and socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast
from typing import Protocol as TypingProtocol

from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ..net.timer import Timers
from . import texts
from .commands import Command, CommandParser, Pong
from .fake_session import FakeSession, House
from .logins import ConnectOptions
from .subscribers import FakeSubscription

LOGIN_WITHIN = 2.0
PINGS_OUT = 2
_RECORDED = 10_000


class Wire(TypingProtocol):
    """What a connection uses of its transport."""

    def write(self, data: bytes) -> None: ...
    def loseConnection(self) -> None: ...
    def abortConnection(self) -> None: ...
    def registerProducer(self, producer: object, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def getHost(self) -> IAddress: ...
    def getPeer(self) -> IAddress: ...


class Host(House, TypingProtocol):
    """What a connection needs of its server."""

    @property
    def clock(self) -> IReactorTime: ...
    @property
    def control_line(self) -> int: ...
    @property
    def max_payload(self) -> int: ...
    @property
    def max_pending(self) -> int: ...
    @property
    def ping_interval(self) -> float | None: ...
    def opened(self, connection: FakeConnection) -> None: ...
    def closed(self, connection: FakeConnection) -> None: ...
    def intercepts(self, connection: FakeConnection, command: Command) -> bool:
        """Whether this command is to be left unobeyed."""


@implementer(IPushProducer)
class FakeConnection(Protocol):
    """A client, as ``FakeServer`` sees it.

    Attributes:
        id: The server's connections count from 1.
        commands: The last 10,000 that it sent.
    """

    def __init__(self, server: Host, number: int) -> None:
        self.id = number
        self.commands: deque[Command] = deque(maxlen=_RECORDED)
        self._server = server
        self._session = FakeSession(server, self)
        self._parser = CommandParser(control_line=server.control_line)
        self._timers = Timers(server.clock)
        self._over = False
        self._paused = False
        self._waiting: deque[bytes] = deque()
        self._waiting_size = 0
        self._heard = False
        self._pings_out = 0

    @property
    def options(self) -> ConnectOptions:
        """What its CONNECT said."""
        return self._session.options

    @property
    def subscriptions(self) -> dict[bytes, FakeSubscription]:
        """By sid."""
        return self._session.subscriptions

    @property
    def place(self) -> dict[str, Any]:
        """The fields of INFO that are its own."""
        here, there = self._wire.getHost(), self._wire.getPeer()
        return {
            "host": getattr(here, "host", ""),
            "port": getattr(here, "port", 0),
            "client_id": self.id,
            "client_ip": getattr(there, "host", ""),
        }

    # What may be done to it

    def send(self, data: bytes) -> None:
        """Say any bytes. A client that lets too many of them wait is cut."""
        if self._over:
            return
        if not self._paused:
            self._wire.write(data)
            return
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size > self._server.max_pending:
            self.drop()

    def drop(self) -> None:
        """Cut it, as a crash would."""
        self._over = True
        self._session.end()
        self._wire.abortConnection()

    def fail(self, text: str | None) -> None:
        """Say an error, if there is a text, and close."""
        if text is not None:
            self.send(texts.error(text))
        if not self._over:
            self._over = True
            self._session.end()
            self._write_waiting()
            self._wire.unregisterProducer()
            self._wire.loseConnection()

    def pause_reading(self) -> None:
        """Leave what it sends unread."""
        self._wire.pauseProducing()

    def resume_reading(self) -> None:
        """Read on."""
        self._wire.resumeProducing()

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        """Call it after so many seconds, unless the connection ends before."""
        self._timers.later(seconds, call)

    # What the transport tells

    def connectionMade(self) -> None:
        self._wire.registerProducer(self, True)
        self._server.opened(self)
        if self._session.login_due:
            self.later(LOGIN_WITHIN, self._check_login)
        if self._server.ping_interval is not None:
            self.later(self._server.ping_interval, self._keep_alive)

    def dataReceived(self, data: bytes) -> None:
        self._heard = True
        parser = self._parser
        parser.max_payload = self._server.max_payload
        parser.headers = self.options.headers
        for command in parser.feed(data):
            if self._over:
                return
            self.commands.append(command)
            if self._server.intercepts(self, command):
                continue
            if isinstance(command, Pong):
                self._pings_out = 0
            self._session.obey(command)
            parser.headers = self.options.headers

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._over = True
        self._timers.stop()
        self._session.end()
        self._server.closed(self)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        self._write_waiting()

    def stopProducing(self) -> None:
        self._paused = True

    # Inside

    @property
    def _wire(self) -> Wire:
        return cast(Wire, self.transport)

    def _write_waiting(self) -> None:
        while self._waiting and (self._over or not self._paused):
            data = self._waiting.popleft()
            self._waiting_size -= len(data)
            self._wire.write(data)

    def _check_login(self) -> None:
        if self._session.login_due:
            self.fail(texts.AUTHENTICATION_TIMEOUT)

    def _keep_alive(self) -> None:
        assert self._server.ping_interval is not None
        if not self._heard:
            if self._pings_out == PINGS_OUT:
                self.fail(texts.STALE)
                return
            self._pings_out += 1
            self.send(b"PING\r\n")
        self._heard = False
        self.later(self._server.ping_interval, self._keep_alive)

    def __repr__(self) -> str:
        return f"<FakeConnection {self.id} of {self.options.name!r}, {len(self.subscriptions)} subscriptions>"
