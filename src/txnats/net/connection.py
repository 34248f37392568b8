"""One socket's life: parser, handshake, keep-alive.

It hands messages to a bound method and everything else that matters to a listener; it never holds the client.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol as TypingProtocol
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IPushProducer,
    IReactorTime,
    ISSLTransport,
    ITCPTransport,
    ITransport,
    IWriteDescriptor,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import DialFailed, NatsError, StaleConnection
from ..message import Message
from ..options import PingOptions
from ..state.handshake import Answer, Ask, Fields, Handshake, Ready, Refused, Send, StartTls
from ..state.pings import Pings
from ..wire import encode
from ..wire.info import ServerInfo
from ..wire.ops import Err, Fault, Info, Op, Ping, Pong
from ..wire.parser import Parser
from .keep_alive import KeepAlive
from .losses import why_lost
from .timer import Timers
from .transports import Layer, Security, StreamTransport

CLOSE_WITHIN = 2.0
"""Seconds that a peer gets to take our last bytes before the socket is cut."""


class Listener(TypingProtocol):
    """Who is told what a live connection says, beside messages."""

    def informed(self, connection: Connection, info: ServerInfo) -> None: ...
    def error(self, connection: Connection, text: str) -> None: ...
    def confirmed(self, connection: Connection, mark: int) -> None:
        """The server has read all publishes up to this mark."""

    def ask(self, connection: Connection) -> None:
        """Nothing came for a while and no PING is under way: send one, in its turn."""

    def writable(self, connection: Connection) -> None:
        """Bytes are wanted: the transport has room, or a chunk of input was handled."""

    def lost(self, connection: Connection, reason: NatsError) -> None:
        """The connection has ended; told once, only after it was live, never after ``leave``."""


@implementer(IPushProducer)
class Connection(Protocol):
    """A connection to one server.

    Args:
        clock: For keep-alive and the deadline of closing.
        server: The server's name for texts.
        handshake: What to say first.
        parser: A fresh one: half-read input never outlives its connection.
        ping: When silence is a loss.
        deliver: Gets each message.
        listener: Gets the rest.
        security: Asked when TLS is to start.

    Attributes:
        server: As given.
        handshake: As given.
        ready: Fires with the connection when the handshake is done, fails with its error; cancelling cuts the socket.
        ended: Fires with None when the socket is gone.
        paused: True while the transport wants no more bytes.
        reading: True while a chunk of input is handled: what is published meanwhile is written at its end.
        received: Bytes read from the socket.
        timers: For calls that are off when the connection has ended.
    """

    def __init__(
        self,
        *,
        clock: IReactorTime,
        server: str,
        handshake: Handshake,
        parser: Parser,
        ping: PingOptions,
        deliver: Callable[[Message], None],
        listener: Listener,
        security: Callable[[], Security] | None = None,
    ) -> None:
        self.server = server
        self.handshake = handshake
        self.pings = Pings()
        self.parser = parser
        self.ready: Deferred[Connection] = Deferred(self._give_up)
        self.ended: Deferred[None] = Deferred()
        self.paused = False
        self.reading = False
        self.received = 0
        self.timers = Timers(clock)
        self._clock = clock
        self._deliver = deliver
        self._listener: Listener | None = listener
        self._make_security = security
        self._security: Security | None = None
        self._layer: Layer | None = None
        self._tls_due = False
        self._keep_alive = KeepAlive(
            clock, ping, received=lambda: self.received, ask=self._ask_for_life, stale=self._stale
        )
        self._asking: Deferred[Fields] | None = None
        self._live = False
        self._over = False
        self._reason: NatsError | None = None
        self._pong_due = False
        self._offer: Callable[[], object] | None = None

    @property
    def info(self) -> ServerInfo | None:
        """The newest INFO, or None before the first."""
        return self.handshake.info

    @property
    def awaits(self) -> str:
        """What the handshake waits for, for texts; what carries us may have one of its own."""
        return getattr(self.transport, "awaits", "") or self.handshake.awaits

    @property
    def is_live(self) -> bool:
        """True from the end of the handshake until it is over."""
        return self._live and not self._over

    @property
    def is_over(self) -> bool:
        """True once the socket is gone or being cut."""
        return self._over

    # What the transport tells

    def connectionMade(self) -> None:
        if self._over:
            self._abort()
            return
        if not hasattr(self.transport, "registerProducer"):
            self.fail(DialFailed(self.server, "the endpoint's transport is no IConsumer: memory would have no bound"))
            return
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)
        if ISSLTransport.providedBy(self.transport):
            self.handshake.secure = True
        elif IWriteDescriptor.providedBy(cast(object, self.transport)):
            # Not where somebody else does TLS: what is written there may be gathered until a later turn.
            self._offer = cast(IWriteDescriptor, self.transport).doWrite
        self._transport.registerProducer(self, True)
        self._keep_alive.heard_at = self._clock.seconds()
        self._obey(self.handshake.begin())
        self._start_tls()

    def dataReceived(self, data: bytes) -> None:
        self._keep_alive.heard_at = self._clock.seconds()
        self.received += len(data)
        if self._layer is not None:
            self._layer.dataReceived(data)
        else:
            self.read(data)

    def read(self, data: bytes) -> None:
        """Take bytes in clear: from the socket, or of TLS."""
        if self._over:
            return
        deliver = self._deliver
        self.reading = True
        try:
            for op in self.parser.feed(data):
                if self._live and op.__class__ is Message:
                    deliver(op)
                else:
                    self._receive(op)
                    if self.is_over:
                        break
        finally:
            self.reading = False
        if self._tls_due:
            self._start_tls(data)
        if self._live and self._listener is not None:
            self._send_pong()
            self._listener.writable(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        lost = self.gone if self._layer is None else self._layer.connectionLost
        lost(reason or connectionDone)

    def gone(self, reason: Failure) -> None:
        """The socket is gone, or TLS over it and so it will be."""
        self._give_over()
        error = self._reason or self._lost_because(reason)
        listener, self._listener = self._listener, None
        was_live, self._live = self._live, False
        if not was_live and not self.ready.called:
            self.ready.errback(error)
        # The listener first: what is published by those who hear of a lost PING must find no connection in use.
        if was_live and listener is not None:
            listener.lost(self, error)
        for waiter in self.pings.lost():
            waiter(error)
        self._end()

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = self._over
        if self._live and self._listener is not None:
            self._send_pong()
            self._listener.writable(self)

    def stopProducing(self) -> None:
        self.paused = True

    def secured(self) -> None:
        """TLS stands, and the server's certificate has passed."""
        # It may be told in the midst of a refusal.
        if not self._over and not getattr(self.transport, "disconnecting", False):
            self._obey(self.handshake.secured())

    # What we do

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport; those of a connection that is over go nowhere."""
        if not self._over:
            self._transport.write(data)

    def hand_over(self, batch: bytes | list[bytes]) -> None:
        """Hand over a batch of bytes, whole or in pieces; over TLS its last part waits for more, or for ``settle``."""
        if self._over:
            return
        if self._layer is not None:
            self._layer.gather(batch)
        elif isinstance(batch, list):
            self._transport.writeSequence(batch)
        else:
            self._transport.write(batch)

    def settle(self) -> None:
        """No more is to be handed over for now: nothing of it waits."""
        if self._layer is not None and not self._over and self._layer.settle():
            self.push()

    def push(self) -> None:
        """Offer what was handed over to the socket at once, where it is one, and not in the next reactor turn.

        If that fails the reactor's own attempt will, and tell of it. A transport that is closing is left to the
        reactor: only that hears from it that all was sent.
        """
        if self._offer is not None and not self._over and not getattr(self.transport, "disconnecting", False):
            self._offer()

    def pause_reading(self) -> None:
        """Read no more bytes until ``resume_reading``; the keep-alive rests meanwhile, since it hears nothing."""
        self._keep_alive.stop()
        if not self._over:
            self._transport.pauseProducing()

    def resume_reading(self) -> None:
        """Read again."""
        if not self._over:
            self._transport.resumeProducing()
            self._keep_alive.restart()

    def because(self, reason: NatsError) -> None:
        """If the connection ends now, this is why: the server said so."""
        if self._reason is None:
            self._reason = reason

    def fail(self, reason: NatsError) -> None:
        """Cut the socket at once, for this reason."""
        self.because(reason)
        if not self._over:
            self._give_over()
            if self.transport is not None:
                self._abort()
                return
            if not self.ready.called:
                self.ready.errback(reason)
            self._end()

    def close(self) -> Deferred[None]:
        """Write out what was handed over, then close; cut the socket if the peer does not take it.

        The listener hears no more.

        Returns:
            A Deferred that fires when the socket is gone.
        """
        self.leave()
        if not self._over:
            self._give_over()
            self._transport.unregisterProducer()
            self._transport.loseConnection()
            self.timers.later(CLOSE_WITHIN, self._abort)
        done: Deferred[None] = Deferred()
        self.ended.addCallback(lambda _: done.callback(None))
        return done

    def leave(self) -> None:
        """Tell the listener nothing more."""
        self._listener = None

    # Inside

    @property
    def _transport(self) -> StreamTransport:
        return cast(StreamTransport, self.transport)

    def _abort(self) -> None:
        """Cut the socket; transports that cannot are asked to close."""
        getattr(self.transport, "abortConnection", self._transport.loseConnection)()

    def _give_over(self) -> None:
        """Nothing is read, written or timed any more."""
        self._over = True
        self.paused = True
        self._keep_alive.stop()
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    def _end(self) -> None:
        self.timers.stop()
        if not self.ended.called:
            self.ended.callback(None)

    def _receive(self, op: Op) -> None:
        if isinstance(op, Info) and (informed := getattr(self.transport, "informed", None)) is not None:
            # A transport of ours that has to know how much the server takes.
            informed(op.info.max_payload)
        if not self._live:
            self._obey(self.handshake.receive(op))
            return
        listener = self._listener
        match op:
            case Ping():
                self._pong_due = True
            case Pong():
                self._ponged()
            case Info(info) if listener is not None:
                self.handshake.info = info
                listener.informed(self, info)
            case Err(text) if listener is not None:
                listener.error(self, text)
            case Fault(error):
                error.where = error.where or self.server
                self.fail(error)

    def _start_tls(self, data: bytes = b"\n") -> None:
        """If it is due: between two chunks, the last of which must end with the line that asked for it."""
        due, self._tls_due = self._tls_due, False
        if not due or self._over:
            return
        if data.find(b"\n") + 1 != len(data):
            self._obey(self.handshake.more_than_info())
            return
        assert self._make_security is not None, "a handshake that can upgrade needs it"
        try:
            self._security = self._make_security()
            below = self._transport
            below.unregisterProducer()
            self._layer = self._security.start(below, self)
            self.transport = cast(ITransport, self._layer)
            self._transport.registerProducer(self, True)
        except NatsError as error:
            self._obey(Refused(error))

    def _obey(self, answer: Answer | None) -> None:
        match answer:
            case Send(data):
                self.write(data)
            case Ask(credentials):
                # Kept before it is waited for: it may be there at once.
                self._asking = asked = Deferred.fromCoroutine(_awaited(credentials))
                asked.addBoth(self._proven)
            case Ready():
                self._live = True
                self._keep_alive.start()
                self.ready.callback(self)
            case Refused(error):
                error.where = error.where or self.server
                self.fail(error)
            case StartTls():
                self._tls_due = True

    def _proven(self, result: Fields | Failure) -> None:
        """The credentials are there, or there are none; they are no longer wanted when the connection is over."""
        self._asking = None
        if not self._over:
            shake = self.handshake
            if isinstance(result, Failure):
                self._obey(shake.unproven(cast(BaseException, result.value)))
            else:
                self._obey(shake.proven(result))

    def _ponged(self) -> None:
        answered = self.pings.pong()
        if answered is None:
            return
        mark, waiters = answered
        if self._listener is not None:
            self._listener.confirmed(self, mark)
        for waiter in waiters:
            waiter(None)

    def _send_pong(self) -> None:
        """One PONG answers all PINGs of a chunk; while the peer does not read, one waits for all."""
        if self._pong_due and not self.paused:
            self._pong_due = False
            self.write(encode.PONG)

    def _ask_for_life(self) -> None:
        if self._listener is not None and not self.pings:
            self._listener.ask(self)

    def _stale(self, seconds: float) -> None:
        self.fail(StaleConnection(self.server, f"no byte came for {seconds:g} s in spite of PINGs"))

    def _give_up(self, _: Deferred[Connection]) -> None:
        """The deadline or the caller ended the attempt: which part of the handshake was it waiting for?"""
        self.fail(DialFailed(self.server, f"no {self.awaits} came"))

    def _lost_because(self, reason: Failure) -> NatsError:
        told_to = None if self._live else self.info
        tls = None if self._security is None else self._security.explain(reason.value, told_to)
        return why_lost(self.server, reason, tls=tls, live=self._live)


async def _awaited(credentials: Awaitable[Fields]) -> Fields:
    return await credentials


def _unasked(_: int) -> None:
    """Other transports do not care."""
