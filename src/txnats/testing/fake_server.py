"""A NATS server in this process: the real protocol, no sockets needed, and whatever a test wants to go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from random import Random
from typing import Any, TypeVar

import msgspec
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import ServerFactory

from ..errors import InvalidOption
from ..headers import HeaderSource
from ..net.timer import Timers
from ..nuid import next_nuid
from ..server import ServerConfig
from . import texts
from .answers import Reply, Script, as_publish, replies
from .commands import Command, Publish
from .fake_connection import FakeConnection
from .faults import Faults
from .logins import ConnectOptions, Logins
from .permissions import Permissions
from .routing import Interest
from .subscribers import Answerer, Order, Subscriber, at_random

VERSION = "2.15.1"
"""The server whose behaviour this one follows."""

LAME_DUCK_GRACE = 10.0
LAME_DUCK_DURATION = 120.0
MAX_PAYLOAD = 1_048_576
MAX_PENDING = 67_108_864
_FIELDS = frozenset(
    {"name", "host", "port", "user", "password", "token", "users", "max_payload", "max_pending", "max_connections"}
    | {"ping_interval", "lame_duck_duration", "lame_duck_grace_period"}
)
Number = TypeVar("Number", int, float)


class FakeServer(ServerFactory):
    """A NATS server for one account.

    It takes the options of ``NatsServer``, as far as it knows them, and follows that server to the letter; the same
    tests hold both to it. Give it to ``MemoryNetwork`` or to any Twisted server endpoint.

    Args:
        clock: For delays and time limits.
        config: What the server is told; ``host`` and ``port`` mean nothing here.
        info: Fields of INFO, in place of its own.
        control_line: Longest line that a client may send.
        order: Who of a queue group gets a message; by default at random, the same way in each run.
        intercept: Called with each connection and command; when it gives true the command is left unobeyed. It may be
            changed.
        beside: Another server of the same cluster: what is published to one of them reaches the subscriptions of both.
        options: Fields of ``ServerConfig``, on top of ``config``.

    Attributes:
        config: As told.
        info: What INFO says, its connection's own fields aside. See ``inform``.
        faults: What goes wrong.
        connections: Those that are open, in the order in which they came.
        accepted: Connections so far.
        interest: Who is to have what.

    Raises:
        InvalidOption: An option needs a real server.
    """

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        config: ServerConfig | None = None,
        *,
        info: Mapping[str, Any] | None = None,
        control_line: int = 4096,
        order: Order | None = None,
        intercept: Callable[[FakeConnection, Command], object] | None = None,
        beside: FakeServer | None = None,
        **options: Any,
    ) -> None:
        self.clock = clock
        self.config = _supported(msgspec.structs.replace(config or ServerConfig(), **options))
        self.control_line = control_line
        self.faults = Faults()
        self.connections: list[FakeConnection] = []
        self.accepted = 0
        self.interest: Interest[Subscriber] = Interest() if beside is None else beside.interest
        self._logins = Logins(self.config)
        self._order = order or at_random(Random(0))
        self.intercept = intercept
        self._timers = Timers(clock)
        self._accepting = True
        self._deaf = False
        self._turns = count(1)
        self.info = {**self._own_info(), **(info or {})}

    # Its life

    def start(self) -> None:
        """Take connections again, after ``kill`` or a lame duck's end."""
        self._accepting = True

    def kill(self) -> None:
        """End as a crash would: every connection is cut, and new ones are refused until ``start``."""
        self._accepting = False
        self._timers.stop()
        self.drop()

    def lame_duck(self) -> None:
        """Tell the clients to go, take no new ones, and close theirs one by one when the grace period is over."""
        self._accepting = False
        self._tell_info(ldm=True)
        config = self.config
        grace = _or(config.lame_duck_grace_period, LAME_DUCK_GRACE)
        left = max(1.0, _or(config.lame_duck_duration, LAME_DUCK_DURATION) - grace)
        for index, connection in enumerate(self.connections):
            pause = min(1.0, left / len(self.connections))
            self._timers.later(grace + index * pause, partial(connection.fail, None))

    # What can befall its clients

    def drop(self) -> None:
        """Cut every connection; new ones are taken."""
        for connection in list(self.connections):
            connection.drop()

    def send(self, data: bytes) -> None:
        """Say any bytes to every client."""
        for connection in list(self.connections):
            connection.send(data)

    def inform(self, **fields: Any) -> None:
        """Change what INFO says, and tell the clients."""
        self.info |= fields
        self._tell_info()

    def pause_reading(self) -> None:
        """Leave unread what clients send, also those that come later."""
        self._deaf = True
        for connection in self.connections:
            connection.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._deaf = False
        for connection in self.connections:
            connection.resume_reading()

    # Messages

    def publish(
        self, subject: str, payload: bytes = b"", *, reply: str | None = None, headers: HeaderSource | None = None
    ) -> bool:
        """Publish, as another client would; whether anybody had it."""
        answer = None if reply is None else reply.encode()
        return self.route(as_publish(subject.encode(), payload, reply=answer, headers=headers), None)

    def answer(self, subject: str, *script: Script, queue: str | None = None) -> Callable[[], None]:
        """Answer each request on a subject or pattern with all replies of a script.

        Returns:
            A function that ends it.
        """

        def answer(request: Publish) -> None:
            if request.reply is not None:
                for reply in replies(script, request):
                    self._reply(request.reply, reply)

        where = subject.encode(), None if queue is None else queue.encode(), Answerer(answer)
        self.interest.add(*where)
        return lambda: self.interest.remove(*where)

    # What Twisted asks

    def buildProtocol(self, addr: IAddress | None) -> FakeConnection | None:
        if not self._accepting:
            return None
        self.accepted += 1
        return FakeConnection(self, self.accepted)

    # What its connections ask

    @property
    def login_required(self) -> bool:
        """Whether clients have to say who they are."""
        return self._logins.required

    @property
    def max_payload(self) -> int:
        """Bytes of headers and payload that it takes; a field of INFO."""
        return int(self.info["max_payload"])

    @property
    def max_pending(self) -> int:
        """Bytes that may wait for a client."""
        return self.config.max_pending or MAX_PENDING

    @property
    def ping_interval(self) -> float | None:
        """Seconds of a client's silence until it is asked; None unless the configuration says so."""
        return self.config.ping_interval

    def admit(self, options: ConnectOptions) -> Permissions | None:
        """What a client may do; None when it may not come in."""
        return self._logins.admit(options)

    def opened(self, connection: FakeConnection) -> None:
        """A client has come."""
        self.connections.append(connection)
        if not self.faults.no_info:
            connection.send(self._info(connection))
        if self.config.max_connections is not None and len(self.connections) > self.config.max_connections:
            connection.fail(texts.TOO_MANY_CONNECTIONS)
        elif self._deaf:
            connection.pause_reading()

    def closed(self, connection: FakeConnection) -> None:
        """A client has gone."""
        self.connections.remove(connection)

    def intercepts(self, connection: FakeConnection, command: Command) -> bool:
        """Whether a test wants this command for itself."""
        return self.intercept is not None and bool(self.intercept(connection, command))

    def connect_info(self, connection: FakeConnection) -> bytes:
        """The INFO that answers CONNECT."""
        return self._info(connection, connect_info=True, remote_account="$G")

    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """Call it after so many seconds, unless the server is killed before."""
        self._timers.later(seconds, call, *arguments)

    def route(self, message: Publish, source: object, *, to: bytes | None = None) -> bool:
        """Hand a message to all who are to have it; whether there were any.

        Args:
            message: With the subject that it tells.
            source: The connection that it came by.
            to: The subject that it is delivered on, if that is another one.
        """
        entries, groups = self.interest.match(message.subject if to is None else to)
        delivered = [entry.deliver(message, source) for entry in entries]
        delivered += [self._deliver_to_one(members, message, source) for members in groups]
        return any(delivered)

    # Inside

    def _deliver_to_one(self, members: list[Subscriber], message: Publish, source: object) -> bool:
        for member in self._order(members):
            if member.deliver(message, source):
                member.served = next(self._turns)
                return True
        return False

    def _reply(self, subject: bytes, reply: Reply) -> None:
        said = as_publish(subject, reply.payload, headers=reply.headers, status=reply.status)
        if reply.delay:
            self.later(reply.delay, lambda: self.route(said, None))
        else:
            self.route(said, None)

    def _own_info(self) -> dict[str, Any]:
        server_id = f"N{next_nuid()}"
        info: dict[str, Any] = {
            "server_id": server_id,
            "server_name": self.config.name or server_id,
            "version": VERSION,
            "proto": 1,
            "go": "go1.27.2",
            "headers": True,
            "max_payload": _or(self.config.max_payload, MAX_PAYLOAD),
            "api_lvl": 5,
        }
        return info | {"auth_required": True} if self.login_required else info

    def _info(self, connection: FakeConnection, **fields: Any) -> bytes:
        return b"INFO " + msgspec.json.encode({**connection.place, **self.info, **fields}) + b" \r\n"

    def _tell_info(self, **fields: Any) -> None:
        for connection in list(self.connections):
            if connection.options.protocol >= 1:
                connection.send(self._info(connection, **fields))

    def __repr__(self) -> str:
        return f"<FakeServer {self.info['server_name']!r}, {len(self.connections)} connections>"


def _supported(config: ServerConfig) -> ServerConfig:
    changed = {field.name for field in msgspec.structs.fields(config) if getattr(config, field.name) != field.default}
    for name in sorted(changed - _FIELDS):
        raise InvalidOption(f"the in-memory server knows no {name}", hint="use NatsServer")
    return config


def _or(number: Number | None, default: Number) -> Number:
    return default if number is None else number
