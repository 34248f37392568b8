"""WebSocket over any endpoint: towards the socket a protocol, towards the protocol that it carries a transport."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import DialFailed, NatsError
from ..options import WebSocketOptions
from ..state.addresses import Address
from ..wire.websocket import Ended, WebSocket
from .callers import of_the_caller
from .connection import CLOSE_WITHIN
from .timer import cancel
from .transports import abort


def websocket_endpoint(
    clock: IReactorTime,
    endpoint: IStreamClientEndpoint,
    address: Address,
    options: WebSocketOptions,
    explain: Callable[[BaseException], NatsError | None] | None = None,
) -> WebSocketEndpoint:
    """An endpoint for this address, over one that leads there and does TLS where the address asks for it.

    Args:
        clock: For the deadline of closing.
        endpoint: Leads there.
        address: Where that is.
        options: The caller's.
        explain: Gives the error of a connection that was lost before the WebSocket was open, if it knows better.

    Raises:
        InvalidOption: The caller's headers cannot be sent.
        DialFailed: They could not be had.
    """
    headers = of_the_caller(
        options.current_headers, lambda what: DialFailed(address.name, f"WebSocketOptions.headers {what}")
    )

    def make() -> WebSocket:
        return WebSocket(
            address.name,
            host=address.host,
            port=address.port,
            secure=address.secure,
            path=address.target or options.path,
            headers=headers,
            compression=options.compression,
            max_size=options.max_size,
        )

    return WebSocketEndpoint(clock, endpoint, make, explain)


@implementer(IStreamClientEndpoint)
class WebSocketEndpoint:
    """Connects by another endpoint and opens a WebSocket there.

    Args:
        clock: For the deadline of closing.
        endpoint: Leads to the server.
        make: Makes the WebSocket of one connection.
        explain: See ``websocket_endpoint``.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: IStreamClientEndpoint,
        make: Callable[[], WebSocket],
        explain: Callable[[BaseException], NatsError | None] | None = None,
    ) -> None:
        self._explain = explain
        self._clock = clock
        self._endpoint = endpoint
        self._make = make

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        """The protocol is connected before the WebSocket is open: what it writes until then waits."""
        factory = _Factory(
            protocolFactory,
            lambda carried: WebSocketTransport(factory, carried, self._make(), self._clock, self._explain),
        )
        connecting = cast("Deferred[WebSocketTransport]", self._endpoint.connect(cast(IProtocolFactory, factory)))
        return connecting.addCallback(lambda _: factory.carried)


class _Factory(WrappingFactory["WebSocketTransport"]):
    """Builds one pair of protocols, or none if the inner factory has none to give any more."""

    noisy = False
    carried: IProtocol

    def __init__(self, inner: IProtocolFactory, wrap: Callable[[IProtocol], WebSocketTransport]) -> None:
        super().__init__(inner)  # type: ignore[no-untyped-call]
        self._wrap = wrap

    def buildProtocol(self, addr: IAddress | None) -> WebSocketTransport | None:  # type: ignore[override]
        carried = self.wrappedFactory.buildProtocol(addr)
        if carried is None:
            return None
        self.carried = carried
        return self._wrap(carried)


class WebSocketTransport(ProtocolWrapper):
    """One connection. What a transport can that is not named here, the one below does.

    Args:
        factory: Its own.
        carried: The protocol that speaks NATS.
        websocket: A fresh one.
        clock: For the deadline of closing, and for "in a later turn".
        explain: See ``websocket_endpoint``.
    """

    transport: Any

    def __init__(
        self,
        factory: Any,
        carried: IProtocol,
        websocket: WebSocket,
        clock: IReactorTime,
        explain: Callable[[BaseException], NatsError | None] | None,
    ) -> None:
        super().__init__(factory, carried)
        self._explain = explain
        self._websocket = websocket
        self._clock = clock
        self._held: list[bytes] = []
        self._full = False
        self._resting = False
        self._pumping = False
        self._over = False
        self._reason: NatsError | None = None
        self._turn: IDelayedCall | None = None
        self._deadline: IDelayedCall | None = None

    @property
    def awaits(self) -> str:
        """What its own handshake lacks."""
        return "" if self._websocket.is_open else "answer to the WebSocket request"

    def informed(self, max_payload: int) -> None:
        """The server has told what it takes."""
        self._websocket.takes(max_payload)

    # Towards the socket

    def connectionMade(self) -> None:
        self.transport.write(self._websocket.request())

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        self._websocket.feed(data)
        if not self._pump() and self._websocket.is_open and not self._resting and not self._over:
            # A large message takes its time: that its bytes come has to be heard, or the link would count as dead.
            self.wrappedProtocol.dataReceived(b"")

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._over = True
        cancel(self._turn, self._deadline)
        why = self._reason
        if why is None and self._explain is not None and not self._websocket.is_open and reason.value is not None:
            why = self._explain(reason.value)
        told = Failure(why) if why is not None else reason
        super().connectionLost(told)  # type: ignore[no-untyped-call]

    # Towards the protocol

    def write(self, data: bytes) -> None:
        """Send bytes in a frame; those that come before the WebSocket is open wait for it."""
        if self._over:
            return
        if self._websocket.is_open:
            self.transport.write(self._websocket.pack(data))
        else:
            self._held.append(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Say goodbye, and close when it is sent."""
        self.disconnecting = 1
        if not self._over:
            self._over = True
            self._say(self._websocket.close())
        self.transport.loseConnection()

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        self.transport.registerProducer(_Room(self, producer), streaming)

    def pauseProducing(self) -> None:
        """Read no more: what was read and not handed on waits too."""
        self._resting = True
        cancel(self._turn)
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read on: in a later turn, as a socket would."""
        self._resting = False
        cancel(self._turn)
        if not self._over:
            self._turn = self._clock.callLater(0, self._go_on)

    # Inside

    def room(self, *, full: bool) -> None:
        """The socket tells whether it takes more."""
        self._full = full
        if not full and not self._over:
            self._say(self._websocket.control())

    def _go_on(self) -> None:
        self._pump()
        if not self._resting and not self._over:
            self.transport.resumeProducing()

    def _pump(self) -> bool:
        """Hand on what has come, until there is no more or nobody wants it; whether there was any."""
        if self._pumping:
            return True
        self._pumping, any_yet = True, False
        try:
            while not self._resting and not self._over:
                match self._websocket.next():
                    case None:
                        break
                    case Ended(error):
                        self._end(error)
                    case data:
                        any_yet = True
                        self._send_held()
                        self.wrappedProtocol.dataReceived(data)
        finally:
            self._pumping = False
        self._send_held()
        if not self._full and not self._over:
            self._say(self._websocket.control())
        return any_yet

    def _send_held(self) -> None:
        if self._held and self._websocket.is_open:
            held, self._held = self._held, []
            self.write(b"".join(held))

    def _end(self, error: NatsError) -> None:
        """The server ended it, or broke it: answer, and close; cut the socket if the answer is not taken."""
        self._over = True
        self._reason = error
        self.disconnecting = 1
        self._say(self._websocket.control())
        # A producer would hold the socket open while it is told to pause.
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self._deadline = self._clock.callLater(CLOSE_WITHIN, self.abortConnection)

    def abortConnection(self) -> None:
        """Cut the socket; transports that cannot are asked to close."""
        self._over = True
        abort(self.transport)

    def _say(self, frame: bytes) -> None:
        if frame:
            self.transport.write(frame)


@implementer(IPushProducer)
class _Room:
    """Stands between the socket and who writes to it, to know when there is room."""

    def __init__(self, owner: WebSocketTransport, producer: IPushProducer) -> None:
        self._owner = owner
        self._producer = producer

    def pauseProducing(self) -> None:
        self._owner.room(full=True)
        self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        self._owner.room(full=False)
        self._producer.resumeProducing()

    def stopProducing(self) -> None:
        self._producer.stopProducing()
