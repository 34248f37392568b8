"""The API of txnats 0.7: one connection, as a protocol for any endpoint. ``txnats.connect`` gives what goes beyond."""

from __future__ import annotations

import contextlib
import re
import sys
from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import ISSLTransport, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from .auth.authenticators import Authenticator, Token, UserPassword
from .errors import ConnectionLost, InvalidArgument, LocalProtocolError, NatsError, PayloadTooLarge
from .message import Message
from .net.asking import ask
from .net.connection import CLOSE_WITHIN
from .net.transports import Layer, Security, abort
from .options import MOST_MESSAGES, Limits, TlsOptions, check_count
from .state.handshake import Answer, Ask, Credentials, Handshake, Ready, Refused, Send, StartTls
from .state.server_errors import Meaning, meaning
from .subjects import check_queue, check_subscribe
from .version import LANGUAGE, __version__
from .wire import encode
from .wire.info import ConnectInfo
from .wire.ops import Err, Fault, Info, Op, Ping
from .wire.parser import Parser


class NatsProtocol(Protocol):
    """One connection to a NATS server, for ``connectProtocol`` and any endpoint.

    Handlers are called with the keywords ``nats_protocol``, ``sid`` and ``subject`` (str), ``reply_to`` (None when no
    answer is awaited) and ``payload`` (bytes). They may return Deferreds or be coroutine functions, which nobody waits
    for. What they raise is logged, as is the end of the connection. Every call raises InvalidArgument for what cannot
    be, LocalProtocolError before ``on_connect``, and ConnectionLost after the end; then nothing was sent.

    Args:
        ssl_required: Settle for nothing less than TLS. Without ``tls`` the endpoint has to do it, as that of
            ``wrapClientTLS`` does; otherwise the connection ends with TlsUnavailable before anything is sent.
        on_msg: Handles the messages of each sid without a handler; by default they are written to stdout.
        on_connect: Called with this protocol when the server has taken us in.
        own_reactor: Stop the reactor when the connection is lost.
        auth: Any credentials of ``txnats.connect``, in place of ``auth_token``, ``user`` and ``password``.
        tls: How to do TLS here, over whatever endpoint. It asks for TLS, and needs a ``hostname``: nobody else knows.

    Raises:
        InvalidArgument: Two of the arguments exclude each other.
    """

    log = Logger()
    transport: Any  # what the endpoint gave

    def __init__(  # noqa: PLR0917 - this is how it was
        self,
        verbose: bool = False,
        pedantic: bool = False,
        ssl_required: bool = False,
        auth_token: str | None = None,
        user: str | None = None,
        password: str | None = None,
        on_msg: Callable[..., object] | None = None,
        on_connect: Callable[[NatsProtocol], object] | None = None,
        own_reactor: bool = False,
        *,
        auth: Authenticator | None = None,
        tls: TlsOptions | None = None,
    ) -> None:
        if auth is not None and (auth_token is not None or user is not None):
            raise InvalidArgument("auth, auth_token and user exclude each other")
        if auth is not None and not callable(getattr(auth, "fields", None)):
            raise InvalidArgument("auth is no kind of credentials", hint="for instance txnats.UserPassword")
        self._tls = tls
        self._wants_tls = ssl_required or tls is not None
        self._connect = ConnectInfo(verbose=verbose, pedantic=pedantic, lang=LANGUAGE, version=__version__, protocol=1)
        self._credentials = auth.fields if auth is not None else _credentials(auth_token, user, password)
        self._on_msg = on_msg or _write_out
        self._on_connect = on_connect or (lambda _: None)
        self._own_reactor = own_reactor
        self._heads = encode.PublishHeads(Limits().control_line_out)
        self._live = False
        self._lost: NatsError | None = None

    # What you do

    def sub(
        self, subject: str, sid: str | int, queue_group: str | None = None, on_msg: Callable[..., object] | None = None
    ) -> None:
        """Subscribe under a sid of your own: any text without blanks, free again when the subscription has ended."""
        pattern = check_subscribe(subject)
        queue = None if queue_group is None else check_queue(queue_group)
        encode.check_subscribe_line(pattern, queue, Limits().control_line_out)
        number = _number(sid)
        self._check_live("subscribe")
        if number in self._subscribers:
            raise InvalidArgument(f"sid {sid!r} is in use", why="a server ignores a second one", hint="unsub it first")
        self._subscribers[number] = _Subscriber(str(sid), on_msg)
        self.transport.write(encode.subscribe(pattern, queue, number))

    def unsub(self, sid: str | int, max_msgs: int | None = None) -> None:
        """Unsubscribe, now or after ``max_msgs`` in all since it began; it may have ended already."""
        number = _number(sid)
        maximum = check_count("max_msgs", max_msgs, MOST_MESSAGES) if max_msgs is not None else 0
        self._check_live("unsubscribe")
        subscriber = self._subscribers.get(number)
        if subscriber is not None:
            subscriber.maximum = maximum
            if subscriber.delivered >= maximum:
                self._forget(number)
        self.transport.write(encode.unsubscribe(number, max_msgs))

    def pub(self, subject: str, payload: str | bytes, reply_to: str | None = None) -> None:
        """Publish; a str leaves as UTF-8, and an answer is awaited at ``reply_to``."""
        head = self._heads.head(subject)
        if reply_to is not None:
            head += self._heads.reply(head, reply_to)
        body = encode.payload_bytes(payload)
        limit = self._check_live("publish")
        if len(body) > limit:
            raise PayloadTooLarge(size=len(body), limit=limit)
        self.transport.write(b"%b%d\r\n%b\r\n" % (head, len(body), body))

    def ping(self) -> None:
        """Ask the server for a PONG, which nobody is told of. Its own PINGs are answered without you."""
        self._check_live("ping")
        self.transport.write(encode.PING)

    def pong(self) -> None:
        self._check_live("pong")
        self.transport.write(encode.PONG)

    # What the transport tells

    def connectionMade(self) -> None:
        from twisted.internet import reactor  # noqa: PLC0415, TID251 - this API is given none

        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        peer = self.transport.getPeer()
        self._server = f"{peer.host}:{peer.port}" if hasattr(peer, "port") else str(peer)
        self._handshake = Handshake(
            self._server,
            self._connect,
            self._credentials,
            tls=self._wants_tls,
            tls_first=self._tls is not None and self._tls.handshake_first,
            secure=ISSLTransport.providedBy(self.transport),
            can_upgrade=self._tls is not None,
            warn=lambda event: self.log.emit(LogLevel.warn, "txnats: {event}", event=event),
        )
        self._parser = Parser()
        self._subscribers: dict[int, _Subscriber] = {}
        # The last that ended: a message that was on its way meanwhile reaches nobody.
        self._ended: deque[int] = deque(maxlen=1_000)
        self._live, self._lost, self._last_words = False, None, ""
        self._gone: Deferred[None] = Deferred()
        self._reactor: Any = reactor
        self._shutdown: object = self._reactor.addSystemEventTrigger("before", "shutdown", self._leave)
        self._security: Security | None = None
        self._layer: Layer | None = None
        self._tls_due = False
        self._asking: Deferred[Answer] | None = None
        self._obey(self._handshake.begin())
        self._start_tls(b"\n")

    def dataReceived(self, data: bytes) -> None:
        if self._layer is None:
            self.read(data)
        elif self._handshake.secure or (doubt := self._handshake.answer_to_tls(data)) is None:
            self._layer.dataReceived(data)
        else:
            self._obey(doubt)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        lost = self.gone if self._layer is None else self._layer.connectionLost
        lost(reason)

    # What TLS tells, where it is done here

    def read(self, data: bytes) -> None:
        """Bytes in clear."""
        for op in self._parser.feed(data):
            if self._lost is None and not self._tls_due:
                self._obey(op if self._live else self._handshake.receive(op))
        self._start_tls(data)

    def secured(self) -> None:
        """TLS stands."""
        if self._lost is None:
            self._obey(self._handshake.secured())

    def gone(self, reason: Failure) -> None:
        """The connection has ended."""
        asking, self._asking = self._asking, None
        closed_here = self._lost is None and getattr(self.transport, "disconnecting", False)
        why = "it was closed here" if closed_here else self._last_words or reason.getErrorMessage()
        of_tls = self._security and self._security.explain(reason.value, None if self._live else self._handshake.info)
        self._lost = self._lost or of_tls or ConnectionLost(self._server, why)
        if asking is not None:
            asking.cancel()
        # Nothing reconnects, so it is critical: Twisted shows that even where no log was begun.
        self.log.emit(LogLevel.info if closed_here else LogLevel.critical, "txnats: {reason}", reason=self._lost)
        self._gone.callback(None)
        if self._shutdown is not None:
            self._reactor.removeSystemEventTrigger(self._shutdown)
        if self._own_reactor:
            with contextlib.suppress(ReactorNotRunning):
                self._reactor.stop()

    # Inside

    def _obey(self, said: Op | Answer | None) -> None:
        match said:
            case Message():
                self._deliver(said)
            case Ping():
                self.transport.write(encode.PONG)
            case Send(data):
                self.transport.write(data)
            case Ready():
                self._live = True
                self._call("on_connect", self._on_connect, self)
            case Info(info):
                self._handshake.info = info
            case Err(text):
                self.log.error("txnats: {server} says {text!r}", server=self._server, text=text)
                if meaning(text) not in (Meaning.REPORT, Meaning.DENIED):
                    self._last_words = f"the server said {text!r}"
            case Ask():
                # Kept before it is waited for: it may be there at once.
                self._asking = asked = ask(self._handshake, said)
                asked.addCallback(self._proven)
            case StartTls():
                self._tls_due = True
            case Refused(error) | Fault(error):
                error.where = error.where or self._server
                self._lost = error
                abort(self.transport)

    def _proven(self, answer: Answer) -> None:
        self._asking = None
        if self._lost is None:
            self._obey(answer)

    def _start_tls(self, data: bytes) -> None:
        """If it is due: behind a chunk that ends with the line that asked for it."""
        due, self._tls_due = self._tls_due, False
        if not due or self._lost is not None:
            return
        if (refused := self._handshake.look_behind_info(data)) is not None:
            self._obey(refused)
            return
        # Loaded on first use: OpenSSL is large.
        from .net.tls import TlsSecurity  # noqa: PLC0415

        try:
            self._security = TlsSecurity(self._reactor, self._tls, "", self._server)
            self._layer = self.transport = self._security.start(self.transport, self)
        except NatsError as error:
            self._obey(Refused(error))

    def _deliver(self, message: Message) -> None:
        subscriber = self._subscribers.get(message.sid)
        if subscriber is None:
            if message.sid in self._ended:
                return
            subscriber = _Subscriber(str(message.sid))
        subscriber.delivered += 1
        if subscriber.delivered == subscriber.maximum:
            self._forget(message.sid)
        sid, handler = subscriber.sid, subscriber.on_msg or self._on_msg
        facts = {"sid": sid, "subject": message.subject, "reply_to": message.reply, "payload": message.payload}
        self._call(f"the handler of sid {sid}", handler, nats_protocol=self, **facts)

    def _call(self, who: str, function: Callable[..., object], *arguments: object, **facts: object) -> None:
        called = maybeDeferred(function, *arguments, **facts)
        called.addErrback(lambda failure: self.log.failure("txnats: {who} raised", failure, who=who))

    def _forget(self, number: int) -> None:
        del self._subscribers[number]
        self._ended.append(number)

    def _check_live(self, what: str) -> int:
        """Gives the most bytes that a payload may have."""
        if self._lost is not None:
            raise ConnectionLost(self._server, self._lost.why or self._lost.what)
        if not self._live or self._handshake.info is None:
            raise LocalProtocolError(f"cannot {what} yet", why="no answer to CONNECT came", hint="do it in on_connect")
        return self._handshake.info.max_payload

    def _leave(self) -> Deferred[None]:
        """The reactor stops: what was published leaves first, if the server takes it."""
        self._shutdown = None
        self.transport.loseConnection()
        return self._gone.addTimeout(CLOSE_WITHIN, self._reactor).addErrback(lambda _: None)


class _Subscriber(msgspec.Struct, eq=False):
    sid: str
    on_msg: Callable[..., object] | None = None
    delivered: int = 0
    maximum: int = 0


def _number(sid: str | int) -> int:
    """What stands for a sid on the wire: a plain number is itself, any other text gets one from beyond all of these."""
    too_large = isinstance(sid, int) and not -(10**18) < sid < 10**18
    name = "" if too_large else str(sid)
    if isinstance(sid, bool) or not isinstance(sid, (str, int)) or re.search(r"[\x00-\x20\x7f]|^\Z", name):
        raise InvalidArgument(
            f"{'a number of so many digits' if too_large else repr(sid)[:80]} is no sid",
            why="it is a text without blanks, or a whole number",
        )
    if re.fullmatch("0|[1-9][0-9]{0,17}", name):
        return int(name)
    return 10**18 + int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=7).digest())


def _credentials(auth_token: str | None, user: str | None, password: str | None) -> Credentials:
    if auth_token is not None:
        return Token(auth_token).fields
    return (lambda _: {}) if user is None else UserPassword(user, password or "").fields


def _write_out(*, sid: str, subject: str, payload: bytes, **_: object) -> None:
    shown = subject if subject.isprintable() else ascii(subject)  # a sender's control characters stay off the terminal
    sys.stdout.write(f"{shown} (sid {sid}): {payload!r}\n")
