"""The API of txnats 0.7: one connection, as a protocol that you plug into an endpoint yourself.

It neither reconnects nor knows requests: ``txnats.connect`` does both. It shares that client's handshake, parser and
encoder.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Any
from typing import Protocol as TypingProtocol

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from .auth.authenticators import Token, UserPassword
from .errors import (
    ClientClosed,
    InvalidArgument,
    InvalidOption,
    LocalProtocolError,
    NatsError,
    PayloadTooLarge,
    TlsUnavailable,
)
from .message import Message
from .net.connection import CLOSE_WITHIN, Connection
from .options import Limits, PingOptions
from .state.handshake import Credentials, Handshake
from .state.server_errors import Meaning, meaning, refusal
from .subjects import check_queue, check_subscribe
from .subscription import check_max_messages
from .version import LANGUAGE, __version__
from .wire import encode
from .wire.info import ConnectInfo, ServerInfo
from .wire.parser import Parser


class MessageHandler(TypingProtocol):
    """Called with each message, by keyword. May return a Deferred or a coroutine; the next message does not wait."""

    def __call__(
        self, *, nats_protocol: NatsProtocol, sid: str, subject: str, reply_to: str | None, payload: bytes
    ) -> object: ...


class NatsProtocol(Protocol):
    """One connection to a NATS server, for ``connectProtocol`` and any endpoint.

    Handlers are called with the keywords ``nats_protocol``, ``sid``, ``subject``, ``reply_to`` (None when no answer is
    awaited) and ``payload``, which is bytes. What a handler raises is logged, as is all that goes wrong.

    Args:
        verbose: Ask the server to answer each command with +OK.
        pedantic: Ask the server to check subjects strictly.
        ssl_required: Not supported yet: raises TlsUnavailable. Over a TLS endpoint of your own, leave it False.
        auth_token: The token to log in with.
        user: The name to log in with.
        password: Its password.
        on_msg: The handler of all messages whose sid has none; without it these are written to stdout.
        on_connect: Called with this protocol when the server has taken us in: subscribe and publish from here on.
        own_reactor: Stop the reactor when the connection is lost.
    """

    log = Logger()

    def __init__(
        self,
        verbose: bool = False,
        pedantic: bool = False,
        ssl_required: bool = False,
        auth_token: str | None = None,
        user: str | None = None,
        password: str | None = None,
        on_msg: MessageHandler | None = None,
        on_connect: Callable[[NatsProtocol], object] | None = None,
        own_reactor: bool = False,
    ) -> None:
        if ssl_required:
            raise TlsUnavailable("", "ssl_required is not supported yet", hint="nothing was sent")
        self._connect = ConnectInfo(
            verbose=verbose, pedantic=pedantic, tls_required=False, lang=LANGUAGE, version=__version__, protocol=1
        )
        self._credentials = _credentials(auth_token, user, password)
        self._on_msg = on_msg or _write_out
        self._on_connect = on_connect
        self._own_reactor = own_reactor
        self._limits = Limits()
        self._heads = encode.PublishHeads(self._limits.control_line_out)
        self._life = _Life.NEW
        self._link: Connection | None = None
        self._sids = _Sids()
        self._reason: NatsError | None = None
        self._trigger: object = None

    # What you do

    def sub(
        self, subject: str, sid: str | int, queue_group: str | None = None, on_msg: MessageHandler | None = None
    ) -> None:
        """Subscribe.

        Args:
            subject: A subject, or a pattern with ``*`` and ``>``.
            sid: Your name for it: any text without blanks, or a number. It is free again when the subscription ends.
            queue_group: Share the messages with all other members of this group.
            on_msg: Called with each message.

        Raises:
            InvalidArgument: The subject, sid or queue group cannot be, or the sid is in use. Nothing was sent.
            LocalProtocolError: The server has not taken us in yet.
            ClientClosed: The connection has ended.
        """
        pattern = check_subscribe(subject)
        queue = None if queue_group is None else check_queue(queue_group)
        encode.check_subscribe_line(pattern, queue, self._limits.control_line_out)
        name = _check_sid(sid)
        link = self._live_link("subscribe")
        link.write(encode.subscribe(pattern, queue, self._sids.add(name, on_msg)))

    def unsub(self, sid: str | int, max_msgs: int | None = None) -> None:
        """Unsubscribe, now or after ``max_msgs`` in all since it began. A sid that has ended already is left alone.

        Raises:
            InvalidArgument: That is no sid, or no number of at least 1. Nothing was sent.
            LocalProtocolError, ClientClosed: As for ``sub``.
        """
        name = _check_sid(sid)
        maximum = None if max_msgs is None else check_max_messages(max_msgs)
        link = self._live_link("unsubscribe")
        number = self._sids.limit(name, maximum or 0)
        if number is not None:
            link.write(encode.unsubscribe(number, maximum))

    def pub(self, subject: str, payload: str | bytes, reply_to: str | None = None) -> None:
        """Publish.

        Args:
            subject: Where to; no wildcards.
            payload: The body; text is sent as UTF-8.
            reply_to: Where an answer is awaited.

        Raises:
            InvalidArgument: The subject or reply cannot be, or the payload is larger than the server takes (that is
                PayloadTooLarge). Nothing was sent.
            LocalProtocolError, ClientClosed: As for ``sub``.
        """
        head = self._heads.head(subject)
        if reply_to is not None:
            head += self._heads.reply(head, reply_to)
        body = encode.payload_bytes(payload)
        link = self._live_link("publish")
        limit = link.info.max_payload if link.info is not None else 0
        if len(body) > limit:
            raise PayloadTooLarge(size=len(body), limit=limit)
        link.write(b"%b%d\r\n%b\r\n" % (head, len(body), body))

    def ping(self) -> None:
        """Ask the server for a PONG, which nobody is told of. The server's own PINGs are answered without you."""
        self._live_link("ping").write(encode.PING)

    def pong(self) -> None:
        """Send a PONG."""
        self._live_link("pong").write(encode.PONG)

    # What the transport tells

    def connectionMade(self) -> None:
        transport: Any = self.transport
        server = _name(transport.getPeer())
        secure = ISSLTransport.providedBy(transport)
        self._life = _Life.NEW
        self._reason = None
        self._sids = _Sids()
        self._link = link = Connection(
            clock=_reactor(),
            server=server,
            handshake=Handshake(server, self._connect, self._credentials, secure=secure),
            parser=Parser(self._limits),
            ping=PingOptions(interval=0),
            deliver=self._deliver,
            listener=_Reports(self.log, self._because),
        )
        link.ready.addCallbacks(self._greeted, lambda failure: self._because(failure.value))
        link.makeConnection(transport)
        # Nobody here waits for room, and beside a producer your own transport.loseConnection() would never come to its end.
        transport.unregisterProducer()
        self._trigger = _reactor().addSystemEventTrigger("before", "shutdown", self._shut_down)

    def dataReceived(self, data: bytes) -> None:
        if self._link is not None:
            self._link.dataReceived(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        link, self._link = self._link, None
        self._life = _Life.OVER
        if link is not None:
            # After a loseConnection() here the end is no news. What failed was cut by the link, which is over then.
            wanted = bool(getattr(self.transport, "disconnecting", False)) and not link.is_over
            link.connectionLost(reason)
            if wanted:
                self._reason = None
                self.log.info("txnats: closed")
            else:
                # Critical: nothing reconnects, and Twisted shows this level even where no log was begun.
                self.log.critical("txnats: {reason}", reason=self._reason)
        if self._trigger is not None:
            _reactor().removeSystemEventTrigger(self._trigger)
        if self._own_reactor:
            with contextlib.suppress(ReactorNotRunning):
                _reactor().stop()

    # Inside

    def _live_link(self, what: str) -> Connection:
        if self._life is _Life.OVER:
            raise ClientClosed(self._reason)
        if self._life is not _Life.LIVE or self._link is None:
            raise LocalProtocolError(
                f"cannot {what} yet", why="the server has not answered CONNECT", hint="do it in on_connect"
            )
        return self._link

    def _greeted(self, _: Connection) -> None:
        self._life = _Life.LIVE
        if self._on_connect is not None:
            maybeDeferred(self._on_connect, self).addErrback(self._raised, "on_connect")

    def _because(self, reason: NatsError) -> None:
        """Why the connection ends, which connectionLost tells."""
        self._reason = reason

    def _deliver(self, message: Message) -> None:
        subscriber = self._sids.receive(message.sid)
        if subscriber is not None:
            maybeDeferred(
                subscriber.on_msg or self._on_msg,
                nats_protocol=self,
                sid=subscriber.sid,
                subject=message.subject,
                reply_to=message.reply,
                payload=message.payload,
            ).addErrback(self._raised, f"the handler of sid {subscriber.sid!r}")

    def _raised(self, failure: Failure, who: str) -> None:
        self.log.failure("txnats: {who} raised", failure=failure, who=who)

    def _shut_down(self) -> Deferred[None]:
        """The reactor stops: what was published leaves first, if the peer takes it in time."""
        self._trigger = None
        gone: Deferred[None] = Deferred()
        if self._link is not None and self.transport is not None:
            self._link.ended.addCallback(gone.callback)
            self.transport.loseConnection()
        return gone.addTimeout(CLOSE_WITHIN, _reactor()).addErrback(lambda _: None)


class _Life(Enum):
    NEW = auto()
    LIVE = auto()
    OVER = auto()


class _Reports:
    """Puts what a connection tells into the log.

    Args:
        log: The log.
        because: Told why the connection ends.
    """

    def __init__(self, log: Logger, because: Callable[[NatsError], None]) -> None:
        self._log = log
        self._because = because

    def informed(self, connection: Connection, info: ServerInfo) -> None:
        """The connection keeps the newest INFO."""

    def error(self, connection: Connection, text: str) -> None:
        self._log.error("txnats: the server {server} says: {text}", server=connection.server, text=text)
        if meaning(text) not in (Meaning.REPORT, Meaning.DENIED):
            connection.because(refusal(connection.server, text))

    def confirmed(self, connection: Connection, mark: int) -> None:
        """Nobody waits for it."""

    def ask(self, connection: Connection) -> None:
        """Never: pings are the server's and yours."""

    def writable(self, connection: Connection) -> None:
        """Nothing waits to be written."""

    def lost(self, connection: Connection, reason: NatsError) -> None:
        self._because(reason)


class _Subscriber(msgspec.Struct, eq=False):
    """Who gets the messages of a sid."""

    sid: str
    on_msg: MessageHandler | None = None
    maximum: int = 0
    delivered: int = 0


class _Sids:
    """Subscribers by the number that stands for their sid on the wire.

    Sids are the caller's and come back after they have ended. A sid of digits is its own number; any other gets one
    from beyond these.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        # None for one that has ended, so that a message that was on its way then reaches nobody. The last few are kept.
        self._subscribers: dict[int, _Subscriber | None] = {}
        self._ended: deque[int] = deque()
        self._next = 10**_MOST_DIGITS

    def add(self, sid: str, on_msg: MessageHandler | None) -> int:
        if sid in self._numbers:
            raise InvalidArgument(
                f"sid {sid!r} is in use", why="a server ignores a second one", hint="unsub it, or choose another"
            )
        number = _own_number(sid)
        if number is None:
            number, self._next = self._next, self._next + 1
        self._numbers[sid] = number
        self._subscribers[number] = _Subscriber(sid, on_msg)
        return number

    def limit(self, sid: str, maximum: int) -> int | None:
        """End a sid after so many messages in all, 0 for now. Gives its number; None if no server can know the sid."""
        number = self._numbers.get(sid)
        if number is None:
            return _own_number(sid)
        subscriber = self._subscribers[number]
        if subscriber is not None:
            subscriber.maximum = maximum
            if subscriber.delivered >= maximum:
                self._end(number, subscriber)
        return number

    def receive(self, number: int) -> _Subscriber | None:
        """Who gets a message that has come; None when its subscription has ended."""
        subscriber = self._subscribers.get(number, _Subscriber(str(number)))
        if subscriber is not None:
            subscriber.delivered += 1
            if subscriber.delivered == subscriber.maximum:
                self._end(number, subscriber)
        return subscriber

    def _end(self, number: int, subscriber: _Subscriber) -> None:
        del self._numbers[subscriber.sid]
        self._subscribers[number] = None
        self._ended.append(number)
        if len(self._ended) > _KEPT_ENDED:
            oldest = self._ended.popleft()
            if self._subscribers.get(oldest) is None:
                self._subscribers.pop(oldest, None)


_MOST_DIGITS = 18
_KEPT_ENDED = 1_000
_OWN_NUMBER = re.compile(rf"0|[1-9][0-9]{{0,{_MOST_DIGITS - 1}}}")


def _own_number(sid: str) -> int | None:
    return int(sid) if _OWN_NUMBER.fullmatch(sid) else None


def _check_sid(sid: str | int) -> str:
    name = str(sid) if isinstance(sid, int) and not isinstance(sid, bool) else sid
    if not isinstance(name, str) or re.search(r"[\x00-\x20\x7f]|^\Z", name):
        raise InvalidArgument(f"{sid!r:.80} is no sid", why="it is a text without blanks, or a whole number")
    return name


def _credentials(auth_token: str | None, user: str | None, password: str | None) -> Credentials:
    if auth_token is not None and (user is not None or password is not None):
        raise InvalidOption("auth_token and user are both given", hint="give one way to log in")
    if password is not None and user is None:
        raise InvalidOption("a password is given without a user")
    if auth_token is not None:
        return Token(auth_token).fields
    return (lambda nonce: {}) if user is None else UserPassword(user, password or "").fields


def _write_out(*, nats_protocol: NatsProtocol, sid: str, subject: str, reply_to: str | None, payload: bytes) -> None:
    """What happens to a message that nobody handles. A sender's control characters do not reach the terminal."""
    sys.stdout.write(f"{subject if subject.isprintable() else ascii(subject)} (sid {sid}): {payload!r}\n")
    sys.stdout.flush()


def _name(peer: Any) -> str:
    return f"{peer.host}:{peer.port}" if hasattr(peer, "port") else str(getattr(peer, "name", peer))


def _reactor() -> Any:
    """This API is given no reactor, so it takes the one that runs; importing this module does not choose any."""
    from twisted.internet import reactor  # noqa: PLC0415, TID251

    return reactor
